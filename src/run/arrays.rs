//! What runs found, as arrays for Python: `run.npz` in the directory of a run.

use super::{MonteCarloOutcome, OpenOutcome, QuenchOutcome};
use crate::Estimate;
use crate::exchange::write_arrays;
use crate::run_file::Observable;
use ketwork_diffusion::Report;
use ndarray::{ArrayD, IxDyn};
use std::path::Path;

/// Named arrays; a number is an array without an axis.
pub(super) type Arrays = Vec<(String, ArrayD<f64>)>;

/// Writes `run.npz`. Like a picture, one that fails loses no result.
pub(super) fn write(dir: &Path, arrays: &Arrays) {
    if let Err(e) = write_arrays(&dir.join("run.npz"), arrays) {
        eprintln!("{e}");
    }
}

/// One array.
fn array(
    name: impl Into<String>,
    shape: &[usize],
    values: impl IntoIterator<Item = f64>,
) -> (String, ArrayD<f64>) {
    let values = values.into_iter().collect();
    let array = ArrayD::from_shape_vec(IxDyn(shape), values);
    (
        name.into(),
        array.expect("as many numbers as the shape says"),
    )
}

fn list(name: impl Into<String>, values: &[f64]) -> (String, ArrayD<f64>) {
    array(name, &[values.len()], values.iter().copied())
}

fn number(name: &str, value: f64) -> (String, ArrayD<f64>) {
    array(name, &[], [value])
}

/// Means, errors and autocorrelation times under `name`, `name_error` and `name_tau`.
fn estimates(arrays: &mut Arrays, name: &str, shape: &[usize], values: &[Estimate]) {
    arrays.push(array(name, shape, values.iter().map(|e| e.mean)));
    arrays.push(array(
        format!("{name}_error"),
        shape,
        values.iter().map(|e| e.error),
    ));
    arrays.push(array(
        format!("{name}_tau"),
        shape,
        values.iter().map(|e| e.tau),
    ));
}

/// Each observable at the times; with errors where it was sampled.
fn observed(arrays: &mut Arrays, names: &[Observable], values: &[Vec<Estimate>], is_sampled: bool) {
    for (o, values) in names.iter().zip(values) {
        match is_sampled {
            true => estimates(arrays, o.name(), &[values.len()], values),
            false => arrays.push(array(
                o.name(),
                &[values.len()],
                values.iter().map(|e| e.mean),
            )),
        }
    }
}

impl QuenchOutcome {
    /// All numbers as named arrays: those of `run.npz`.
    ///
    /// # Shapes
    /// `times` (T), each observable (T); numbers have no axis.
    #[must_use]
    pub fn arrays(&self) -> Vec<(String, ArrayD<f64>)> {
        let mut arrays = vec![list("times", &self.times)];
        observed(
            &mut arrays,
            &self.observables,
            &self.values,
            self.is_sampled,
        );
        arrays.extend(self.infidelity.as_ref().map(|v| list("infidelity", v)));
        arrays.push(number("energy_drift", self.energy_drift));
        arrays.extend(self.residual.map(|r| number("residual", r)));
        arrays
    }
}

impl OpenOutcome {
    /// All numbers as named arrays: those of `run.npz`.
    ///
    /// # Shapes
    /// `times` (T), empty for a steady state; each observable (T), or (1) in the steady state; correlations (D) by
    /// displacement, `displacement` (D, 3).
    #[must_use]
    pub fn arrays(&self) -> Vec<(String, ArrayD<f64>)> {
        let mut arrays = vec![list("times", &self.times)];
        observed(
            &mut arrays,
            &self.observables,
            &self.values,
            self.is_sampled,
        );
        arrays.push(number("residual", self.residual));
        if let Some(e) = &self.min_eigenvalue {
            arrays.push(number("min_eigenvalue", e.mean));
            arrays.push(number("min_eigenvalue_error", e.error));
        }
        if let Some(purity) = &self.purity {
            estimates(&mut arrays, "purity", &[purity.len()], purity);
        }
        let c = &self.correlations;
        if !c.is_empty() {
            let places = c.iter().flat_map(|c| c.displacement);
            arrays.push(array("displacement", &[c.len(), 3], places));
            let total: Vec<_> = c.iter().map(|c| c.mean.total).collect();
            let connected: Vec<_> = c.iter().map(|c| c.mean.connected).collect();
            estimates(&mut arrays, "zz", &[c.len()], &total);
            estimates(&mut arrays, "zz_connected", &[c.len()], &connected);
        }
        arrays
    }
}

impl MonteCarloOutcome {
    /// All numbers as named arrays: those of `run.npz`.
    ///
    /// # Shapes
    /// R rungs, one without tempering: `beta` or `delta` (R), averages (R), `site_density` (R, N), `energy_bins`
    /// and `density_bins` (R, bins).
    #[must_use]
    pub fn arrays(&self) -> Vec<(String, ArrayD<f64>)> {
        let rungs = &self.rungs;
        let r = rungs.len();
        let mut arrays = vec![array(self.parameter, &[r], rungs.iter().map(|r| r.value))];
        for (name, of) in [
            ("energy_per_site", energy as fn(&super::Rung) -> Estimate),
            ("density", |r| r.report.density),
            ("specific_heat", |r| r.report.specific_heat),
            ("compressibility", |r| r.report.compressibility),
        ] {
            let values: Vec<_> = rungs.iter().map(of).collect();
            estimates(&mut arrays, name, &[r], &values);
        }
        let sites: Vec<_> = rungs
            .iter()
            .flat_map(|r| r.report.site_density.iter().copied())
            .collect();
        estimates(&mut arrays, "site_density", &[r, sites.len() / r], &sites);
        for (name, of) in [
            ("energy_bins", bins as fn(&super::Rung) -> &Vec<f64>),
            ("density_bins", |r| &r.report.density_bins),
        ] {
            let values: Vec<f64> = rungs.iter().flat_map(|r| of(r).iter().copied()).collect();
            arrays.push(array(name, &[r, values.len() / r], values));
        }
        arrays
    }
}

fn energy(rung: &super::Rung) -> Estimate {
    rung.report.energy_per_site
}

fn bins(rung: &super::Rung) -> &Vec<f64> {
    &rung.report.energy_bins
}

/// Numbers of a diffusion run: the steps (T), and what was measured of all generated states.
pub(super) fn diffusion(report: &Report) -> Arrays {
    let mut arrays = vec![
        list("infidelity", &report.infidelity),
        list("identity_baseline", &report.identity_baseline),
        number("fidelity_to_data", report.fidelity_to_data),
        number("haar_baseline", report.haar_baseline),
        number("data_baseline", report.data_baseline),
        number("success_probability", report.success_probability),
    ];
    for (name, value) in [
        ("frechet", report.frechet),
        ("frechet_random", report.frechet_random),
        ("frechet_data", report.frechet_data),
        ("label_accuracy", report.label_accuracy),
        ("classifier_accuracy", report.classifier_accuracy),
        ("conditional_fidelity", report.conditional_fidelity),
        ("nearest_baseline", report.nearest_baseline),
        ("energy_error", report.energy_error),
        ("nearest_energy_error", report.nearest_energy_error),
    ] {
        arrays.extend(value.map(|v| number(name, v)));
    }
    arrays
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{DiffusionRun, MonteCarloRun, OpenRun, QuenchRun, RunOptions};
    use ndarray_npy::NpzReader;
    use std::collections::BTreeMap;
    use std::fs::File;

    /// What stands in `run.npz` after a run.
    fn left(run: impl FnOnce(&RunOptions)) -> BTreeMap<String, ArrayD<f64>> {
        let dir = tempfile::tempdir().unwrap();
        run(&RunOptions {
            out: Some(dir.path().to_owned()),
            ..RunOptions::default()
        });
        let file = File::open(dir.path().join("run.npz")).unwrap();
        let mut npz = NpzReader::new(file).unwrap();
        let names = npz.names().unwrap();
        let read = |name: String| (name.clone(), npz.by_name(&name).unwrap());
        names.into_iter().map(read).collect()
    }

    fn means(values: &[Estimate]) -> Vec<f64> {
        values.iter().map(|e| e.mean).collect()
    }

    const RING: &str = "lattice = { kind = \"chain\", extent = [4], boundary = \"periodic\" }\n";
    const TIMES: &str = "[evolution]\ntimes = [0.1, 0.2, 0.3]\nobservables = [\"mean_sz\"]\n";

    #[test]
    fn a_quench_leaves_its_times_and_observables() {
        let text =
            format!("[hamiltonian]\nmodel = \"tfim\"\nh = 1.0\n{RING}{TIMES}method = \"exact\"\n");
        let run = QuenchRun::new(text.parse().unwrap()).unwrap();
        let mut found = None;
        let npz = left(|options| found = Some(run.run(options).unwrap()));
        let found = found.unwrap();
        assert_eq!(npz["times"].as_slice().unwrap(), [0.1, 0.2, 0.3]);
        let values = npz["mean_sz"].as_slice().unwrap();
        assert_eq!(values, means(&found.values[0]));
        assert_eq!(npz["energy_drift"].ndim(), 0);
        assert!(!npz.contains_key("mean_sz_error"), "nothing was sampled");
    }

    #[test]
    fn an_open_system_leaves_its_times_observables_and_purity() {
        let text = format!(
            "[hamiltonian]\nmodel = \"dissipative_tfim\"\nv = 2.0\ng = 1.5\n{RING}{TIMES}\
             [lindblad]\nmethod = \"exact\"\n"
        );
        let run = OpenRun::new(text.parse().unwrap()).unwrap();
        let mut found = None;
        let npz = left(|options| found = Some(run.run(options).unwrap()));
        let found = found.unwrap();
        let values = npz["mean_sz"].as_slice().unwrap();
        assert_eq!(values, means(&found.values[0]));
        let purity = npz["purity"].as_slice().unwrap();
        assert_eq!(purity, means(found.purity.as_ref().unwrap()));
    }

    #[test]
    fn monte_carlo_leaves_averages_and_bins_of_all_rungs() {
        let text = format!(
            "[hamiltonian]\nmodel = \"rydberg\"\ndelta = 1.0\n{RING}[monte_carlo]\nbeta = 2.0\n\
             thermalization = 100\nsweeps = 400\nbins = 8\n\
             tempering = {{ parameter = \"delta\", values = [0.0, 1.0, 2.0] }}\n"
        );
        let run = MonteCarloRun::new(text.parse().unwrap()).unwrap();
        let mut found = None;
        let npz = left(|options| found = Some(run.run(options).unwrap()));
        let found = found.unwrap();
        assert_eq!(npz["delta"].as_slice().unwrap(), [0.0, 1.0, 2.0]);
        let energies: Vec<f64> = found
            .rungs
            .iter()
            .map(|r| r.report.energy_per_site.mean)
            .collect();
        assert_eq!(npz["energy_per_site"].as_slice().unwrap(), energies);
        assert_eq!(npz["site_density"].shape(), [3, 4]);
        let bins = found.rungs[0].report.energy_bins.len();
        assert_eq!(npz["energy_bins"].shape(), [3, bins]);
    }

    #[test]
    fn a_diffusion_leaves_its_steps() {
        let text = "[diffusion]\ndata = \"bars\"\nsteps = 2\nepochs = 1\n";
        let run = DiffusionRun::new(&text.parse().unwrap()).unwrap();
        let mut found = None;
        let npz = left(|options| found = Some(run.run(options).unwrap()));
        let found = found.unwrap();
        assert_eq!(npz["infidelity"].as_slice().unwrap(), found.infidelity);
        assert_eq!(npz["fidelity_to_data"].ndim(), 0);
    }
}

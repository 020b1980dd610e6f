//! Runs for Python: NumPy archives, and logs in the shape of NetKet's.
//!
//! A run keeps its log as JSON lines; [`Series`] reads them and writes both. [`write_samples`] gives
//! configurations and amplitudes to NumPy, [`read_snapshots`] takes configurations from there, and
//! [`write_arrays`] writes what else a run found.

mod read;

pub use read::{Snapshots, read_snapshots};

use ketwork_hamiltonians::Scalar;
use ketwork_models::Samples;
use ndarray::{Array1, ArrayD, ArrayView1};
use ndarray_npy::{NpzWriter, ReadNpzError, WriteNpzError};
use num_complex::Complex64;
use read::{CONFIGURATIONS, WEIGHTS};
use serde_json::{Value, json};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// Why nothing was exchanged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExchangeError {
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// An archive cannot be written.
    #[error("{}: {source}", path.display())]
    Archive {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: WriteNpzError,
    },
    /// An archive cannot be read.
    #[error(
        "{}: {source}; write it uncompressed (numpy.savez), configurations as a matrix of integers, weights as \
         doubles", path.display()
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: ReadNpzError,
    },
    /// An archive without the array that is read.
    #[error("{}: there is no array '{wanted}'; the archive holds: {found}", path.display())]
    NoArray {
        /// The file.
        path: PathBuf,
        /// Name of the array.
        wanted: &'static str,
        /// Names of those that are there.
        found: String,
    },
    /// A file without configurations.
    #[error("{}: no configuration stands in this file", path.display())]
    NoConfigurations {
        /// The file.
        path: PathBuf,
    },
    /// Not one weight for each configuration.
    #[error("{}: {found} weights for {rows} configurations; write one for each", path.display())]
    Weights {
        /// The file.
        path: PathBuf,
        /// Number of weights.
        found: usize,
        /// Number of configurations.
        rows: usize,
    },
    /// A configuration that does not fit the model.
    #[error("{}: configuration {row} {reason}", path.display())]
    Row {
        /// The file.
        path: PathBuf,
        /// Its number, from 1.
        row: usize,
        /// What is wrong.
        reason: String,
    },
    /// A log without steps.
    #[error("{}: no step of a ground-state run stands in this log", path.display())]
    NoSteps {
        /// The log.
        path: PathBuf,
    },
}

/// The steps of a ground-state run, one entry each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// Numbers of the steps.
    pub step: Vec<u64>,
    /// Mean of the local energy, real part.
    pub energy: Vec<f64>,
    /// Its standard error.
    pub energy_error: Vec<f64>,
    /// Imaginary part of the mean.
    pub imaginary: Vec<f64>,
    /// Variance of the local energy.
    pub variance: Vec<f64>,
    /// Integrated autocorrelation time, 1/2 for independent samples.
    pub tau: Vec<f64>,
    /// Split R-hat of the chains, 1 for independent samples, NaN where the log does not tell.
    pub r_hat: Vec<f64>,
    /// Learning rate.
    pub learning_rate: Vec<f64>,
}

impl Series {
    /// Reads the log of a run, `log.jsonl` in its directory. Lines that are no steps are passed over.
    ///
    /// # Errors
    /// [`ExchangeError::File`], [`ExchangeError::NoSteps`].
    pub fn read(log: &Path) -> Result<Self, ExchangeError> {
        let text = std::fs::read_to_string(log).map_err(|source| ExchangeError::File {
            path: log.to_owned(),
            source,
        })?;
        let mut series = Self::default();
        for line in text.lines() {
            let Ok(line) = serde_json::from_str::<Value>(line) else {
                continue;
            };
            let energy = &line["energy"];
            if let (Some(step), Some(mean)) = (line["step"].as_u64(), energy["mean"].as_f64()) {
                let number = |v: &Value| v.as_f64().unwrap_or(f64::NAN);
                series.step.push(step);
                series.energy.push(mean);
                series.energy_error.push(number(&energy["error"]));
                series.imaginary.push(number(&line["imaginary"]));
                series.variance.push(number(&line["variance"]));
                series.tau.push(number(&energy["tau"]));
                series.r_hat.push(number(&line["r_hat"]));
                series.learning_rate.push(number(&line["learning_rate"]));
            }
        }
        match series.step.is_empty() {
            true => Err(ExchangeError::NoSteps {
                path: log.to_owned(),
            }),
            false => Ok(series),
        }
    }

    /// The columns of real numbers with the names of their fields, as arrays that share their memory.
    #[must_use]
    pub fn arrays(&self) -> [(&'static str, ArrayView1<'_, f64>); 7] {
        [
            ("energy", &self.energy),
            ("energy_error", &self.energy_error),
            ("imaginary", &self.imaginary),
            ("variance", &self.variance),
            ("tau", &self.tau),
            ("r_hat", &self.r_hat),
            ("learning_rate", &self.learning_rate),
        ]
        .map(|(name, values)| (name, ArrayView1::from(values)))
    }

    /// Writes the series as arrays of one `.npz` archive, under the names of the fields:
    /// `numpy.load(path)["energy"]`.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn write_npz(&self, path: &Path) -> Result<(), ExchangeError> {
        archive(path, |npz| {
            npz.add_array("step", &ArrayView1::from(&self.step))?;
            for (name, values) in self.arrays() {
                npz.add_array(name, &values)?;
            }
            Ok(())
        })
    }

    /// Writes the series as NetKet's `JsonLog` writes its history: `Energy` with `iters`, `Mean` (in real and
    /// imaginary parts), `Variance`, `Sigma`, `R_hat` and `TauCorr`. Independent samples have no chains, and 1 as
    /// their R-hat; what is not known is null. NetKet counts tau from 0 where ketwork counts from 1/2.
    ///
    /// # Errors
    /// [`ExchangeError::File`].
    pub fn write_netket(&self, path: &Path) -> Result<(), ExchangeError> {
        let tau: Vec<f64> = self.tau.iter().map(|t| t - 0.5).collect();
        let log = json!({
            "Energy": {
                "iters": self.step,
                "Mean": { "real": self.energy, "imag": self.imaginary },
                "Variance": self.variance,
                "Sigma": self.energy_error,
                "R_hat": self.r_hat,
                "TauCorr": tau,
            },
        });
        std::fs::write(path, log.to_string()).map_err(|source| ExchangeError::File {
            path: path.to_owned(),
            source,
        })
    }
}

/// Writes samples as an `.npz` archive: `configurations` (B, N) of bytes, `weights` (B), `log_psi` (B), complex for
/// states with a phase too.
///
/// # Errors
/// [`ExchangeError`].
pub fn write_samples<L: Scalar>(path: &Path, samples: &Samples<L>) -> Result<(), ExchangeError> {
    let log_psi: Array1<Complex64> = samples
        .log_psi
        .iter()
        .map(|l| Complex64::new(l.re(), l.im()))
        .collect();
    archive(path, |npz| {
        npz.add_array(CONFIGURATIONS, &samples.configurations())?;
        npz.add_array(WEIGHTS, &ArrayView1::from(&samples.weight))?;
        npz.add_array("log_psi", &log_psi)
    })
}

/// Writes arrays under their names as one `.npz` archive.
///
/// # Errors
/// [`ExchangeError`].
pub fn write_arrays<'a>(
    path: &Path,
    arrays: impl IntoIterator<Item = &'a (String, ArrayD<f64>)>,
) -> Result<(), ExchangeError> {
    archive(path, |npz| {
        for (name, values) in arrays {
            npz.add_array(name.as_str(), values)?;
        }
        Ok(())
    })
}

fn archive(
    path: &Path,
    fill: impl FnOnce(&mut NpzWriter<File>) -> Result<(), WriteNpzError>,
) -> Result<(), ExchangeError> {
    let file = File::create(path).map_err(|source| ExchangeError::File {
        path: path.to_owned(),
        source,
    })?;
    let failed = |source| ExchangeError::Archive {
        path: path.to_owned(),
        source,
    };
    let mut npz = NpzWriter::new(file);
    fill(&mut npz).map_err(failed)?;
    npz.finish().map(drop).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Ancestral, Autoregressive, PrefixTable, Stream, Wavefunction};
    use ketwork_hamiltonians::{Free, Space};
    use ndarray::{Array2, Ix1, Ix2, OwnedRepr};
    use ndarray_npy::NpzReader;
    use std::sync::Arc;

    const LOG: &str = r#"{"manifest":{"seed":1}}
{"step":1,"energy":{"mean":-1.5,"error":0.1,"tau":0.5,"n":8},"imaginary":0.25,"variance":2.0,"learning_rate":0.1,"r_hat":1.25}
{"step":2,"energy":{"mean":-1.75,"error":0.05,"tau":1.5,"n":8},"imaginary":0.0,"variance":1.0,"learning_rate":0.05,"r_hat":null}
"#;

    fn series(dir: &Path) -> Series {
        let log = dir.join("log.jsonl");
        std::fs::write(&log, LOG).unwrap();
        Series::read(&log).unwrap()
    }

    #[test]
    fn a_log_becomes_arrays_and_a_netket_log() {
        let dir = tempfile::tempdir().unwrap();
        let series = series(dir.path());
        let path = dir.path().join("run.npz");
        series.write_npz(&path).unwrap();
        let mut npz = NpzReader::new(File::open(&path).unwrap()).unwrap();
        let energy: Array1<f64> = npz.by_name::<OwnedRepr<f64>, Ix1>("energy").unwrap();
        assert_eq!(energy.to_vec(), [-1.5, -1.75]);
        let step: Array1<u64> = npz.by_name::<OwnedRepr<u64>, Ix1>("step").unwrap();
        assert_eq!(step.to_vec(), [1, 2]);
        let path = dir.path().join("netket.log");
        series.write_netket(&path).unwrap();
        let log: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let energy = &log["Energy"];
        assert_eq!(energy["iters"], json!([1, 2]));
        assert_eq!(energy["Mean"]["real"], json!([-1.5, -1.75]));
        assert_eq!(energy["Mean"]["imag"], json!([0.25, 0.0]));
        assert_eq!(energy["Sigma"], json!([0.1, 0.05]));
        assert_eq!(energy["TauCorr"], json!([0.0, 1.0]));
        assert_eq!(energy["R_hat"], json!([1.25, null]));
    }

    #[test]
    fn samples_keep_their_shapes() {
        let sector = Arc::new(Free::new(Space::qubits(3)));
        let psi = Autoregressive::new(PrefixTable::<Complex64>::new(Space::qubits(3)), sector);
        let theta = psi.layout().initial(Stream::new(1));
        let samples = psi.sample(&theta, 0..64, Stream::new(2));
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("samples.npz");
        write_samples(&path, &samples).unwrap();
        let mut npz = NpzReader::new(File::open(&path).unwrap()).unwrap();
        let x: Array2<u8> = npz.by_name::<OwnedRepr<u8>, Ix2>("configurations").unwrap();
        assert_eq!(x, samples.configurations());
        let logs = npz.by_name::<OwnedRepr<Complex64>, Ix1>("log_psi").unwrap();
        assert_eq!(logs.to_vec(), samples.log_psi);
    }

    #[test]
    fn what_is_no_log_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log.jsonl");
        let missing = Series::read(&log).unwrap_err().to_string();
        assert!(missing.contains("log.jsonl"), "{missing}");
        std::fs::write(&log, "{\"manifest\":{}}\n").unwrap();
        assert!(matches!(
            Series::read(&log),
            Err(ExchangeError::NoSteps { .. })
        ));
        let nowhere = dir.path().join("no/run.npz");
        let series = series(dir.path());
        assert!(matches!(
            series.write_npz(&nowhere),
            Err(ExchangeError::File { .. })
        ));
    }
}

mod refused;

use super::*;
use ketwork_hamiltonians::{Hamiltonian, OnSpace};

const CHAIN: &str = r#"lattice = { kind = "chain", extent = [8], boundary = "periodic" }"#;

/// Reads and builds; CHAIN stands for a periodic chain of 8 sites.
fn parse(text: &str) -> Result<RunFile, RunFileError> {
    let run: RunFile = text.replace("CHAIN", CHAIN).parse()?;
    run.system()?;
    Ok(run)
}

fn chain(model: &str) -> String {
    format!("[hamiltonian]\n{model}\n{CHAIN}\n")
}

#[test]
fn whole_numbers_are_good_couplings_and_defaults_are_those_of_the_table() {
    let run = parse(&chain("model = \"tfim\"\nh = 1")).unwrap();
    let Some(HamiltonianSection::Tfim(keys)) = &run.hamiltonian else {
        panic!("{run:?}")
    };
    assert_eq!((keys.j, keys.h, keys.hz), (1.0, 1.0, 0.0));
    assert_eq!(
        (run.seed, run.optimizer.steps, run.sampling.samples),
        (0, None, None)
    );
    assert_eq!(run.wavefunction, WavefunctionSection::default());
}

#[test]
fn every_available_model_is_built_on_its_lattice() {
    let terms = r#"terms = [{ c = -1.0, op = "ZZ", sites = [0, 1] }, { c = 0.5, op = "YZ", sites = [3, 7] }]"#;
    let cases = [
        ("model = \"tfim\"\nh = 0.5\nhz = 0.1", false),
        ("model = \"heisenberg\"", false),
        (
            "model = \"heisenberg\"\nmarshall = true\nsector = { total_sz = -1 }",
            false,
        ),
        ("model = \"j1j2\"\nj2 = 0.5", false),
        ("model = \"xxz\"\ndelta = 2", false),
        (
            "model = \"xyz\"\njx = 1\njy = 2\njz = 3\nhx = 1\nmarshall = true",
            false,
        ),
        ("model = \"xyz\"\njx = 1\njy = 2\njz = 3\nhy = 1", true),
        ("model = \"rydberg\"\ndelta = 1", false),
        (
            "model = \"rydberg\"\ndelta = 1\nc6 = 2\nblockade = 2.5",
            false,
        ),
        ("model = \"rydberg\"\ndelta = 1\nblockade = \"none\"", false),
        (&format!("model = \"pauli\"\n{terms}"), true),
    ];
    for (model, complex) in cases {
        let run = parse(&chain(model)).unwrap_or_else(|e| panic!("{model}: {e}"));
        let (lattice, built) = run.system().unwrap();
        assert_eq!(built.space().n_sites, lattice.n_sites(), "{model}");
        assert_eq!(matches!(built, AnyModel::Complex(_)), complex, "{model}");
    }
}

#[test]
fn gauge_theories_codes_and_anyons_are_built_on_links_and_labels() {
    let square = r#"lattice = { kind = "square", extent = [3, 2], boundary = "periodic" }"#;
    let cubic = r#"lattice = { kind = "cubic", extent = [2, 2, 2], boundary = "open" }"#;
    let open = r#"lattice = { kind = "chain", extent = [7], boundary = "open" }"#;
    let cases = [
        ("model = \"toric_code\"\nhx = 0.1", square, 12, 2),
        ("model = \"toric_code\"", cubic, 12, 2),
        ("model = \"x_cube\"", cubic, 12, 2),
        ("model = \"z2_gauge\"\ng = 1", square, 12, 2),
        ("model = \"quantum_link\"\nm = 1\ng = 2", CHAIN, 8, 2),
        ("model = \"golden_chain\"\ntheta = 0.1", CHAIN, 8, 2),
        (
            "model = \"golden_chain\"\nsector = { charge = 0.5 }",
            open,
            8,
            2,
        ),
        ("model = \"golden_chain\"\nk = 5", open, 8, 3),
    ];
    for (model, lattice, n_sites, local_dim) in cases {
        let text = format!("[hamiltonian]\n{model}\n{lattice}\n");
        let run = parse(&text).unwrap_or_else(|e| panic!("{model}: {e}"));
        let space = *run.system().unwrap().1.space();
        assert_eq!(
            (space.n_sites, space.local_dim),
            (n_sites, local_dim),
            "{model}"
        );
    }
}

#[test]
fn the_dissipative_ising_model_has_the_factors_of_its_literature() {
    let run = parse(&chain("model = \"dissipative_tfim\"\nv = 2\ng = 3")).unwrap();
    let AnyModel::Real(model) = run.system().unwrap().1 else {
        panic!("Z and X are real");
    };
    let couplings = model.terms().couplings();
    let of = |name: &str| couplings.iter().find(|c| c.0 == name).unwrap().1;
    // -j ZZ - h X = (v/4) ZZ + (g/2) X.
    assert!((of("j") + 0.5).abs() < 1e-15 && (of("h") + 1.5).abs() < 1e-15);
}

#[test]
fn observables_of_links_are_in_the_letters_of_the_hamiltonian() {
    use ketwork_hamiltonians::{ConfigsRef, Connected, Operator};
    let square = r#"lattice = { kind = "square", extent = [2, 2], boundary = "periodic" }"#;
    // On all links value 0: the diagonal and the number of neighbours.
    let seen = |text: &str, what: Observable| {
        let run: RunFile = text.parse().unwrap();
        let (lattice, model) = run.system().unwrap();
        let operator = run
            .hamiltonian
            .unwrap()
            .observable(what, &lattice)
            .unwrap()?;
        let mut out = Connected::default();
        let zeros = vec![0; model.space().n_sites];
        operator.connected(ConfigsRef::new(zeros.len(), &zeros), &mut out);
        Some((out.diagonal[0].re, out.element.len()))
    };
    let toric = format!("[hamiltonian]\nmodel = \"toric_code\"\n{square}");
    let gauge = format!("[hamiltonian]\nmodel = \"z2_gauge\"\ng = 1\n{square}");
    let links = chain("model = \"quantum_link\"\nm = 1");
    let golden = chain("model = \"golden_chain\"");
    // X is diagonal where the electric field is.
    assert_eq!(seen(&toric, Observable::MeanSz), Some((1.0, 0)));
    assert_eq!(seen(&toric, Observable::MeanSx), Some((0.0, 8)));
    assert_eq!(seen(&gauge, Observable::MeanSx), Some((1.0, 0)));
    assert_eq!(seen(&gauge, Observable::MeanSz), Some((0.0, 8)));
    assert_eq!(seen(&gauge, Observable::MeanSy), Some((0.0, 8)));
    assert_eq!(seen(&toric, Observable::ZzNn), None);
    // All fields up is the bare vacuum.
    assert_eq!(seen(&links, Observable::Flux), Some((0.5, 0)));
    assert_eq!(seen(&links, Observable::ParticleDensity), Some((0.0, 0)));
    assert_eq!(seen(&links, Observable::MeanSx), None);
    assert_eq!(seen(&golden, Observable::MeanSz), None);
}

#[test]
fn all_sections_are_read() {
    let run = parse(&format!(
        r#"seed = 9223372036854775807
        {}
        [wavefunction]
        network = "rnn2d"
        symmetry = ["translation", "point_group"]
        init = "dmrg"
        mixing = "blockwise"
        [optimizer]
        method = "spring"
        [sampling]
        sampler = "full_sum"
        [evolution]
        method = "teng_heun"
        integrator = "rk45"
        initial = "plus_x"
        times = [0, 0.5]
        observables = ["zz_nn", "staggered_sz"]
        [lindblad]
        method = "steady_state"
        frame = "pauli4"
        [monte_carlo]
        tempering = {{ parameter = "delta", values = [1, -2.5] }}
        [diffusion]
        data = "ground_states"
        schedule = "cosine"
        latent = true
        "#,
        chain("model = \"xxz\"\ndelta = 1")
    ))
    .unwrap();
    assert_eq!(run.seed, i64::MAX as u64);
    assert_eq!(run.wavefunction.network, Some(Network::Rnn2d));
    assert_eq!(run.evolution.times, [0.0, 0.5]);
    assert_eq!(
        run.evolution.observables,
        [Observable::ZzNn, Observable::StaggeredSz]
    );
    assert_eq!(run.lindblad.frame, Some(FrameName::Pauli4));
    assert_eq!(run.monte_carlo.tempering.unwrap().values, [1.0, -2.5]);
    assert_eq!(run.diffusion.data, Some(DiffusionData::GroundStates));
}

#[test]
fn the_fingerprint_changes_with_all_but_the_number_of_steps() {
    let base = parse(&chain("model = \"tfim\"\nh = 1")).unwrap();
    let mut longer = base.clone();
    longer.optimizer.steps = Some(1000);
    assert_eq!(base.fingerprint(), longer.fingerprint());
    let mut other_seed = base.clone();
    other_seed.seed = 1;
    assert_ne!(base.fingerprint(), other_seed.fingerprint());
    let stronger = parse(&chain("model = \"tfim\"\nh = 1.0000000000000002")).unwrap();
    assert_ne!(base.fingerprint(), stronger.fingerprint());
    assert_eq!(base.resolved()["hamiltonian"]["model"], "tfim");
}

#[test]
fn lowering_never_raises() {
    let mut run = RunFile::default();
    run.optimizer.steps = Some(3);
    run.sampling.samples = Some(100_000);
    run.monte_carlo.bins = Some(5000);
    run.evolution.times = vec![0.1, 0.2, 0.3, 0.4];
    run.lower();
    assert_eq!(run.evolution.times, [0.1, 0.2, 0.3]);
    assert_eq!(
        (run.optimizer.steps, run.sampling.samples),
        (Some(3), Some(256))
    );
    run.validate().unwrap();
}

#[test]
fn observables_have_the_names_of_run_files_and_the_values_of_product_states() {
    use ketwork_hamiltonians::{Boundary, ConfigsRef, Connected, Lattice, Operator};
    let lattice = Lattice::chain(4, Boundary::Periodic).unwrap();
    // Diagonal of each in the states uuuu and uddd; X and Y have none.
    let cases = [
        (Observable::MeanSx, [0.0, 0.0]),
        (Observable::MeanSy, [0.0, 0.0]),
        (Observable::MeanSz, [1.0, -0.5]),
        (Observable::ZzNn, [1.0, 0.0]),
        (Observable::StaggeredSz, [0.0, 0.25]),
        (Observable::Density, [0.0, 0.75]),
    ];
    for (observable, values) in cases {
        assert_eq!(serde_json::to_value(observable).unwrap(), observable.name());
        let operator = observable.on(&lattice, false).unwrap().unwrap();
        let mut out = Connected::default();
        operator.connected(ConfigsRef::new(4, &[0, 0, 0, 0, 0, 1, 1, 1]), &mut out);
        for (d, v) in out.diagonal.iter().zip(values) {
            assert!(
                (d.re - v).abs() < 1e-15 && d.im == 0.0,
                "{observable:?}: {d}, not {v}"
            );
        }
        let flips = matches!(observable, Observable::MeanSx | Observable::MeanSy);
        assert_eq!(
            out.element.len(),
            if flips { 8 } else { 0 },
            "{observable:?}"
        );
    }
    assert!(Observable::Energy.on(&lattice, false).unwrap().is_none());
    assert_eq!(Observable::Flux.name(), "flux");
}

use super::*;
use ketwork_hamiltonians::OnSpace;

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

/// Text of a bad file, the key its message must begin with, words it must contain.
const BAD: &[(&str, &str, &str)] = &[
    ("", "hamiltonian:", "missing"),
    ("[hamiltonian", "line 1, column 13", "TOML"),
    ("seed = 1\nseed = 2", "line 2", "duplicate"),
    ("[hamiltonian]", "hamiltonian.model:", "missing"),
    ("hamiltonian = 3", "hamiltonian:", "section"),
    ("sead = 3", "sead:", "did you mean \"seed\""),
    ("seed = -1", "seed:", "not negative"),
    ("seed = 1.5", "seed:", "whole number"),
    ("model = \"tfim\"", "model:", "hamiltonian, wavefunction"),
    (
        "[hamiltonian]\nmodel = \"tfmi\"\nCHAIN",
        "hamiltonian.model:",
        "did you mean \"tfim\"",
    ),
    (
        "[hamiltonian]\nmodel = 3\nCHAIN",
        "hamiltonian.model:",
        "a word in quotes",
    ),
    (
        "[hamiltonian]\nmodel = \"tfim\"\nCHAIN",
        "hamiltonian.h:",
        "missing",
    ),
    (
        "[hamiltonian]\nmodel = \"tfim\"\nh = 1",
        "hamiltonian.lattice:",
        "missing",
    ),
    (
        "[hamiltonian]\nmodel = \"tfim\"\nh = \"1\"\nCHAIN",
        "hamiltonian.h:",
        "a number",
    ),
    (
        "[hamiltonian]\nmodel = \"tfim\"\nh = nan\nCHAIN",
        "hamiltonian.h:",
        "finite",
    ),
    (
        "[hamiltonian]\nmodel = \"tfim\"\nh = -inf\nCHAIN",
        "hamiltonian.h:",
        "finite",
    ),
    (
        "[hamiltonian]\nmodel = \"tfim\"\nh = 1979-05-27\nCHAIN",
        "hamiltonian.h:",
        "date",
    ),
    (
        "[hamiltonian]\nmodel = \"tfim\"\nh = 1\nfrob = 1\nCHAIN",
        "hamiltonian.frob:",
        "j, h, hz, lattice",
    ),
    (
        "[hamiltonian]\nmodel = \"tfim\"\nh = 1\ndelta = 1\nCHAIN",
        "hamiltonian.delta:",
        "unknown key",
    ),
    (
        "[hamiltonian]\nmodel = \"tfim\"\nh = 1\nsector = { total_sz = 0 }\nCHAIN",
        "hamiltonian.sector:",
        "unknown key",
    ),
    (
        "[hamiltonian]\nmodel = \"tfim\"\nh = 1\nmarshall = true\nCHAIN",
        "hamiltonian.marshall:",
        "unknown key",
    ),
    (
        "[hamiltonian]\nmodel = \"heisenberg\"\nmarshall = 1\nCHAIN",
        "hamiltonian.marshall:",
        "true or false",
    ),
    (
        "[hamiltonian]\nmodel = \"heisenberg\"\nsector = 0\nCHAIN",
        "hamiltonian.sector:",
        "a table",
    ),
    (
        "[hamiltonian]\nmodel = \"heisenberg\"\nsector = { charge = 0 }\nCHAIN",
        "hamiltonian.sector.charge:",
        "total_sz",
    ),
    (
        "[hamiltonian]\nmodel = \"heisenberg\"\nsector = { total_sz = 0.3 }\nCHAIN",
        "hamiltonian.sector.total_sz:",
        "multiple of 0.5",
    ),
    (
        "[hamiltonian]\nmodel = \"heisenberg\"\nsector = { total_sz = 0.5 }\nCHAIN",
        "hamiltonian.sector.total_sz:",
        "integer",
    ),
    (
        "[hamiltonian]\nmodel = \"heisenberg\"\nsector = { total_sz = 5 }\nCHAIN",
        "hamiltonian.sector.total_sz:",
        "impossible",
    ),
    (
        "[hamiltonian]\nmodel = \"heisenberg\"\nlattice = { kind = \"chain\", extent = [9], boundary = \"open\" }",
        "hamiltonian.sector.total_sz:",
        "impossible",
    ),
    (
        "[hamiltonian]\nmodel = \"heisenberg\"\nmarshall = true\nlattice = { kind = \"triangular\", extent = [4, 4], boundary = \"open\" }",
        "hamiltonian.marshall:",
        "marshall = false",
    ),
    (
        "[hamiltonian]\nmodel = \"j1j2\"\nj2 = 0.5\nlattice = { kind = \"chain\", extent = [3], boundary = \"periodic\" }",
        "hamiltonian.lattice.extent:",
        "next-nearest",
    ),
    (
        "[hamiltonian]\nmodel = \"xyz\"\njx = 1\njy = 1\nCHAIN",
        "hamiltonian.jz:",
        "missing",
    ),
    (
        "[hamiltonian]\nmodel = \"rydberg\"\ndelta = 1\nblockade = \"neerest\"\nCHAIN",
        "hamiltonian.blockade:",
        "did you mean \"nearest\"",
    ),
    (
        "[hamiltonian]\nmodel = \"rydberg\"\ndelta = 1\nblockade = -2\nCHAIN",
        "hamiltonian.blockade:",
        "above 0",
    ),
    (
        "[hamiltonian]\nmodel = \"rydberg\"\ndelta = 1\nblockade = true\nCHAIN",
        "hamiltonian.blockade:",
        "radius",
    ),
    (
        "[hamiltonian]\nmodel = \"pauli\"\nterms = []\nCHAIN",
        "hamiltonian.terms:",
        "at least one",
    ),
    (
        "[hamiltonian]\nmodel = \"pauli\"\nterms = [{ c = 1, op = \"ZQ\", sites = [0, 1] }]\nCHAIN",
        "hamiltonian.terms:",
        "'Q'",
    ),
    (
        "[hamiltonian]\nmodel = \"pauli\"\nterms = [{ c = 1, op = \"ZZ\", sites = [0] }]\nCHAIN",
        "hamiltonian.terms:",
        "one site for each letter",
    ),
    (
        "[hamiltonian]\nmodel = \"pauli\"\nterms = [{ c = 1, op = \"ZZ\", sites = [0, 8] }]\nCHAIN",
        "hamiltonian.terms:",
        "site 8",
    ),
    (
        "[hamiltonian]\nmodel = \"pauli\"\nterms = [{ c = 1, op = \"ZZ\", sites = [2, 2] }]\nCHAIN",
        "hamiltonian.terms:",
        "twice",
    ),
    (
        "[hamiltonian]\nmodel = \"pauli\"\nterms = [{ c = 1, op = \"Z\", sites = [-1] }]\nCHAIN",
        "hamiltonian.terms[0].sites[0]:",
        "not negative",
    ),
    (
        "[hamiltonian]\nmodel = \"pauli\"\nterms = [{ c = nan, op = \"Z\", sites = [1] }]\nCHAIN",
        "hamiltonian.terms[0].c:",
        "finite",
    ),
    (
        "[hamiltonian]\nmodel = \"pauli\"\nterms = [{ op = \"Z\", sites = [1] }]\nCHAIN",
        "hamiltonian.terms[0].c:",
        "missing",
    ),
    (
        "[hamiltonian]\nmodel = \"pauli\"\nterms = [{ c = 1, op = \"XX\", sites = [0, 1] }]\nsector = { total_sz = 0 }\nCHAIN",
        "hamiltonian.sector.total_sz:",
        "conserve",
    ),
    (
        "[hamiltonian]\nmodel = \"toric_code\"\nCHAIN",
        "hamiltonian.model:",
        "not available",
    ),
    (
        "[hamiltonian]\nmodel = \"toric_code\"\nk = 3\nCHAIN",
        "hamiltonian.k:",
        "unknown key",
    ),
    (
        "[hamiltonian]\nmodel = \"golden_chain\"\nk = -3\nCHAIN",
        "hamiltonian.k:",
        "not negative",
    ),
    (
        "[hamiltonian]\nmodel = \"tfim\"\nh = 1\nlattice = { kind = \"chian\", extent = [8], boundary = \"open\" }",
        "hamiltonian.lattice.kind:",
        "did you mean \"chain\"",
    ),
    (
        "[hamiltonian]\nmodel = \"tfim\"\nh = 1\nlattice = { kind = \"chain\", extent = [-3], boundary = \"open\" }",
        "hamiltonian.lattice.extent[0]:",
        "`-3`",
    ),
    (
        "[hamiltonian]\nmodel = \"tfim\"\nh = 1\nlattice = { kind = \"chain\", extent = [0], boundary = \"open\" }",
        "hamiltonian.lattice.extent:",
        "at least 1",
    ),
    (
        "[hamiltonian]\nmodel = \"tfim\"\nh = 1\nlattice = { kind = \"chain\", extent = 8, boundary = \"open\" }",
        "hamiltonian.lattice.extent:",
        "a list",
    ),
    (
        "[hamiltonian]\nmodel = \"tfim\"\nh = 1\nlattice = { kind = \"chain\", extent = [4, 4], boundary = \"open\" }",
        "hamiltonian.lattice.extent:",
        "directions",
    ),
    (
        "[hamiltonian]\nmodel = \"tfim\"\nh = 1\nlattice = { kind = \"square\", extent = [9999999999, 9999999999], boundary = \"open\" }",
        "hamiltonian.lattice.extent:",
        "smaller",
    ),
    (
        "[hamiltonian]\nmodel = \"tfim\"\nh = 1\nlattice = { kind = \"cubic\", extent = [2, 2, 2], boundary = [\"open\", \"open\"] }",
        "hamiltonian.lattice.boundary:",
        "directions",
    ),
    (
        "[hamiltonian]\nmodel = \"tfim\"\nh = 1\nlattice = { kind = \"chain\", extent = [8], boundary = \"closed\" }",
        "hamiltonian.lattice.boundary:",
        "open, periodic",
    ),
    (
        "[hamiltonian]\nmodel = \"tfim\"\nh = 1\nlattice = { kind = \"chain\", extent = [8], boundary = 1 }",
        "hamiltonian.lattice.boundary:",
        "one for each direction",
    ),
    (
        "[hamiltonian]\nmodel = \"tfim\"\nh = 1\nlattice = { kind = \"square\", extent = [2, 3], boundary = [\"open\", \"x\"] }",
        "hamiltonian.lattice.boundary[1]:",
        "open, periodic",
    ),
    (
        "[wavefunction]\nnetwork = \"cnn\"",
        "wavefunction.network:",
        "transformer",
    ),
    (
        "[wavefunction]\nlayers = 0",
        "wavefunction.layers:",
        "at least 1",
    ),
    (
        "[wavefunction]\nwidth = 10\nheads = 4",
        "wavefunction.heads:",
        "divide",
    ),
    (
        "[wavefunction]\nsymmetry = [\"spin_flip\", \"spin_flip\"]",
        "wavefunction.symmetry:",
        "once",
    ),
    (
        "[wavefunction]\nsymmetry = \"spin_flip\"",
        "wavefunction.symmetry:",
        "a list",
    ),
    (
        "[optimizer]\nlearning_rate = 0",
        "optimizer.learning_rate:",
        "positive",
    ),
    (
        "[optimizer]\nshift = -1e-3",
        "optimizer.shift:",
        "0 or more",
    ),
    (
        "[optimizer]\nstep = 3",
        "optimizer.step:",
        "did you mean \"steps\"",
    ),
    ("[optimizer]\nsteps = 0", "optimizer.steps:", "at least 1"),
    ("[sampling]\nsamples = 0", "sampling.samples:", "at least 2"),
    (
        "[sampling]\nsamples = 1e3",
        "sampling.samples:",
        "whole number",
    ),
    (
        "[sampling]\nsampler = \"gibbs\"",
        "sampling.sampler:",
        "ancestral, metropolis, full_sum",
    ),
    (
        "[evolution]\ntimes = [0.2, 0.1]",
        "evolution.times:",
        "later",
    ),
    (
        "[evolution]\ntimes = [-0.2, 0.1]",
        "evolution.times:",
        "from 0",
    ),
    (
        "[evolution]\ntimes = [0.1, nan]",
        "evolution.times[1]:",
        "finite",
    ),
    (
        "[evolution]\nobservables = [\"mean_sq\"]",
        "evolution.observables[0]:",
        "mean_sx",
    ),
    ("[evolution]\ndt = 0.0", "evolution.dt:", "positive"),
    ("[lindblad]\ngamma = -1.0", "lindblad.gamma:", "0 or more"),
    ("[monte_carlo]\nbeta = 0", "monte_carlo.beta:", "positive"),
    (
        "[monte_carlo]\nsweeps = 10\nbins = 20",
        "monte_carlo.bins:",
        "sweep",
    ),
    (
        "[monte_carlo]\ntempering = { parameter = \"beta\", values = [1] }",
        "monte_carlo.tempering.values:",
        "two",
    ),
    (
        "[monte_carlo]\ntempering = { parameter = \"h\", values = [1, 2] }",
        "monte_carlo.tempering.parameter:",
        "beta, delta",
    ),
    ("[diffusion]\nqubits = 0", "diffusion.qubits:", "at least 1"),
    ("diffusion = []", "diffusion:", "a table"),
];

#[test]
fn every_bad_file_is_refused_in_one_line_that_names_the_key_and_the_remedy() {
    for (text, key, words) in BAD {
        let error = match parse(text) {
            Err(error) => error.to_string(),
            Ok(run) => panic!("accepted:\n{text}\n{run:?}"),
        };
        assert!(
            error.starts_with(key),
            "{error:?} does not begin with {key:?} for\n{text}"
        );
        assert!(
            error.contains(words),
            "{error:?} does not say {words:?} for\n{text}"
        );
        assert_eq!(error.lines().count(), 1, "{error}");
    }
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
fn models_that_are_not_available_still_have_their_keys_checked() {
    let good = [
        "model = \"toric_code\"\nhx = 0.1",
        "model = \"x_cube\"",
        "model = \"z2_gauge\"\ng = 1",
        "model = \"quantum_link\"\nm = 1",
        "model = \"golden_chain\"\ntheta = 0.1\nsector = { charge = 0 }",
        "model = \"dissipative_tfim\"\nv = 1\ng = 1",
    ];
    for model in good {
        let error = parse(&chain(model)).unwrap_err();
        assert!(
            matches!(error, RunFileError::NotAvailable { .. }),
            "{model}: {error}"
        );
    }
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
    run.lower();
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

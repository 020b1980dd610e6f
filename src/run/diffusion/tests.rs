use super::*;

#[test]
fn a_run_stopped_in_its_epochs_continues_to_the_same_report() {
    use std::sync::atomic::AtomicBool;
    static STOP: AtomicBool = AtomicBool::new(true);
    let text = "[diffusion]\ndata = \"bars\"\nsteps = 2\nepochs = 3\n";
    let run = DiffusionRun::new(&text.parse().unwrap()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let options = RunOptions {
        out: Some(dir.path().to_owned()),
        ..RunOptions::default()
    };
    let stopped = RunOptions {
        stop: Some(&STOP),
        ..options.clone()
    };
    let error = run.run(&stopped).unwrap_err();
    assert!(
        matches!(
            &error,
            RunError::Interrupted {
                steps: 1,
                checkpoint: Some(_),
                ..
            }
        ),
        "{error}"
    );
    let resumed = RunOptions {
        resume: true,
        ..options
    };
    let whole = run.run(&RunOptions::default()).unwrap();
    assert_eq!(run.run(&resumed).unwrap(), whole);
    // Another run's checkpoint is refused.
    let other = DiffusionRun::new(&format!("seed = 1\n{text}").parse().unwrap()).unwrap();
    assert!(other.run(&resumed).unwrap_err().is_input());
}

#[test]
fn what_a_diffusion_cannot_be_is_refused_by_its_key() {
    let cases = [
        ("layers = 3", "diffusion.layers = 3: even"),
        (
            "layers = 1000000000",
            "diffusion.layers = 1000000000: at most",
        ),
        (
            "steps = 1000000000",
            "diffusion.steps = 1000000000: at most",
        ),
        ("ancillas = 30", "diffusion.ancillas = 30: at most"),
        ("activation = -1.0", "diffusion.activation = -1: a slope"),
        ("classes = [0, 11]", "diffusion.classes = 11: distinct"),
        ("classes = [1, 1]", "diffusion.classes = 1: distinct"),
        ("qubits = 5", "diffusion.qubits = 5: digits have 6"),
        ("data = \"bars\"\nqubits = 5", "diffusion.qubits = 5: bars"),
        (
            "data = \"bars\"\nlatent = true",
            "diffusion.latent: only digits",
        ),
        (
            "latent = true\nqubits = 20",
            "diffusion.qubits = 20: 1 to 10",
        ),
        (
            "data = \"ground_states\"\nqubits = 40",
            "diffusion.qubits: 40 qubits need",
        ),
    ];
    for (text, expected) in cases {
        let run: RunFile = format!("[diffusion]\n{text}").parse().unwrap();
        let error = DiffusionRun::new(&run).unwrap_err();
        let line = error.to_string();
        assert!(line.starts_with(expected), "{text}: {line}");
        assert!(error.is_input() && !line.contains('\n'), "{text}: {line}");
    }
}

#[test]
fn a_key_that_a_diffusion_cannot_follow_is_refused() {
    let cases = [
        (
            "[optimizer]\nmethod = \"spring\"",
            "optimizer.method: circuits",
        ),
        ("[optimizer]\nshift = 0.1", "optimizer.shift: Adam has none"),
        (
            "[sampling]\nsampler = \"full_sum\"",
            "sampling.sampler: states",
        ),
        (
            "[sampling]\nmemory_gib = 1e-6",
            "diffusion.qubits: 7 qubits need",
        ),
        (
            "[sampling]\nsamples = 100000000000",
            "sampling.samples = 100000000000: that many",
        ),
        (
            "[diffusion]\ndata = \"ground_states\"\nqubits = 1",
            "diffusion.qubits: 1 qubit has no bond",
        ),
        (
            "[diffusion]\ncoupling = \"h\"",
            "diffusion.coupling: only ground",
        ),
    ];
    for (text, expected) in cases {
        let run: RunFile = text.parse().unwrap();
        // Memory is asked for when the circuits are built.
        let error = match DiffusionRun::new(&run) {
            Ok(ready) => ready.run(&RunOptions::default()).unwrap_err(),
            Err(error) => error,
        };
        let line = error.to_string();
        assert!(line.starts_with(expected), "{text}: {line}");
        assert!(error.is_input() && !line.contains('\n'), "{text}: {line}");
    }
}

#[test]
fn optimizer_and_sampling_act() {
    let text =
        "[diffusion]\ndata = \"bars\"\nsteps = 1\nepochs = 2\nlayers = 2\nactivation = false\n";
    let report = |more: &str| {
        let run = DiffusionRun::new(&format!("{text}{more}").parse().unwrap()).unwrap();
        run.run(&RunOptions::default()).unwrap()
    };
    let adam = report("");
    let slow = report("[optimizer]\nlearning_rate = 0.001");
    let natural = report("[optimizer]\nmethod = \"sr\"");
    let shifted = report("[optimizer]\nmethod = \"sr\"\nshift = 2.0");
    // Steps are passes, in place of the two that the section names.
    let longer = report("[optimizer]\nsteps = 3");
    let infidelities = [&adam, &slow, &natural, &shifted, &longer].map(|r| r.infidelity[0]);
    for (i, a) in infidelities.iter().enumerate() {
        let same = |b: &f64| a.total_cmp(b).is_eq();
        assert!(!infidelities[..i].iter().any(same), "{infidelities:?}");
    }
    let same = report("[optimizer]\nmethod = \"minsr\"");
    assert_eq!(same.infidelity, natural.infidelity);
    // The moduli vary in seven components, which need more than seven states.
    let few = report("[sampling]\nsamples = 7");
    assert!(few.frechet.is_none() && adam.frechet.is_some(), "{few:?}");
    let told = few.warnings.iter().find(|w| w.contains("generated"));
    assert!(
        told.is_some_and(|w| w.contains("7 and at least 8")),
        "{few:?}"
    );
}

/// A run file of a family on a ring or square of four sites.
fn family(model: &str, more: &str) -> RunFile {
    let text = format!(
        "[hamiltonian]\n{model}\n[diffusion]\ndata = \"ground_states\"\nsteps = 2\nepochs = 1\n{more}"
    );
    text.parse().unwrap()
}

const RING: &str = "lattice = { kind = \"chain\", extent = [4], boundary = \"periodic\" }";

/// An Ising ring in a field, string by string.
fn strings() -> String {
    let bond = |k: usize| {
        format!(
            "{{ c = -1.0, op = \"ZZ\", sites = [{k}, {}] }}",
            (k + 1) % 4
        )
    };
    let field = |k: usize| format!("{{ c = -1.0, op = \"X\", sites = [{k}] }}");
    let all: Vec<_> = (0..4).map(bond).chain((0..4).map(field)).collect();
    format!("model = \"pauli\"\nterms = [{}]\n{RING}", all.join(", "))
}

#[test]
fn every_model_of_qubits_has_a_family() {
    let cases = [
        (format!("model = \"tfim\"\nh = 1.0\n{RING}"), ""),
        (
            format!("model = \"tfim\"\nh = 1.0\nhz = 0.1\n{RING}"),
            "coupling = \"hz\"",
        ),
        (format!("model = \"xxz\"\ndelta = 1.0\n{RING}"), ""),
        (
            format!("model = \"j1j2\"\nj2 = 0.2\n{}", RING.replace('4', "6")),
            "",
        ),
        (
            format!("model = \"rydberg\"\ndelta = 1.0\n{RING}"),
            "coupling = \"omega\"",
        ),
        (
            format!("model = \"xyz\"\njx = -1.0\njy = -0.5\njz = -0.2\nhy = 0.7\n{RING}"),
            "coupling = \"hy\"",
        ),
        (strings(), ""),
        (strings(), "coupling = \"ZZ\""),
        (
            format!("model = \"dissipative_tfim\"\nv = -4.0\ng = -2.0\n{RING}"),
            "",
        ),
    ];
    for (model, more) in cases {
        let run = DiffusionRun::new(&family(&model, more)).unwrap();
        let report = run.run(&RunOptions::default()).unwrap();
        // Couplings matter: a neighbour's ground state is not that at an unseen one.
        let near = report.nearest_baseline.unwrap();
        assert!(near < 1.0 - 1e-6, "{model}: {near}");
        let excess = report.nearest_energy_error.unwrap();
        assert!(excess > 1e-7, "{model}: {excess}");
        assert!(report.energy_error.unwrap() > 0.0, "{model}: {report:?}");
    }
}

#[test]
fn a_sum_of_strings_has_the_family_of_the_model_that_it_is() {
    let tfim = format!("model = \"tfim\"\nh = 1.0\n{RING}");
    let split = |model: &str, more: &str| DiffusionRun::new(&family(model, more)).unwrap().split;
    let model = split(&tfim, "");
    let sum = split(&strings(), "coupling = \"X\"");
    // The value of a coupling is the factor of its strings, which carry the sign.
    for (a, b) in [(&model.train, &sum.train), (&model.held_out, &sum.held_out)] {
        for (x, y) in a.states.rows().zip(b.states.rows()) {
            let f = ketwork_diffusion::fidelity(x, y);
            assert!((f - 1.0).abs() < 1e-12, "{f}");
        }
    }
}

#[test]
fn what_is_no_family_is_refused_with_the_couplings_there_are() {
    let cases = [
        (
            format!("model = \"heisenberg\"\n{RING}"),
            "",
            "diffusion.coupling: the Hamiltonian has one",
        ),
        (
            format!("model = \"tfim\"\nh = 1.0\n{RING}"),
            "coupling = \"g\"",
            "diffusion.coupling: \"g\" is no coupling of the Hamiltonian that is not 0; take one of \"j\", \"h\"",
        ),
        (
            format!("model = \"tfim\"\nh = 0.0\n{RING}"),
            "",
            "diffusion.coupling: the Hamiltonian has one",
        ),
        (
            format!("model = \"tfim\"\nh = 1.0\n{RING}"),
            "qubits = 6",
            "diffusion.qubits: the lattice has 4 sites",
        ),
        (
            "model = \"golden_chain\"\ntheta = 0.3\nk = 5\nlattice = { kind = \"chain\", extent = [6], boundary = \"periodic\" }"
                .into(),
            "",
            "diffusion: term 0 cannot become a gate: its sites are not qubits",
        ),
        (
            format!("model = \"tfim\"\nj = -1.0\nh = 1e-9\n{RING}"),
            "",
            "hamiltonian: the ground state is degenerate",
        ),
    ];
    for (model, more, expected) in cases {
        let error = DiffusionRun::new(&family(&model, more)).unwrap_err();
        let line = error.to_string();
        assert!(line.starts_with(expected), "{model}: {line}");
        assert!(error.is_input() && !line.contains('\n'), "{model}: {line}");
    }
}

#[test]
fn programs_are_written_where_a_device_can_run_them() {
    let programs = |text: &str| -> Vec<String> {
        let dir = tempfile::tempdir().unwrap();
        let options = RunOptions {
            out: Some(dir.path().to_owned()),
            ..RunOptions::default()
        };
        let run = DiffusionRun::new(&text.parse().unwrap()).unwrap();
        run.run(&options).unwrap();
        let file = |k: usize| fs::read_to_string(dir.path().join(format!("circuit_{k}.qasm")));
        (0..).map_while(|k| file(k).ok()).collect()
    };
    let bars = "[diffusion]\ndata = \"bars\"\nsteps = 1\nepochs = 1\nlayers = 2\n";
    assert!(programs(bars).is_empty(), "a leaky ReLU was exported");
    let told = programs(&format!("{bars}activation = false"));
    assert_eq!(told.len(), 2, "one for each label");
    assert!(told[1].contains("// conditioned on label 1"), "{}", told[1]);
    let untold = programs(&format!("{bars}activation = false\nconditioned = false"));
    assert_eq!(untold.len(), 1, "one for all");
}

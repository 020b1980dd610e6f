use super::*;
use crate::Checkpoint;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

fn run(toml: &str) -> GroundStateRun {
    GroundStateRun::new(toml.parse().unwrap()).unwrap()
}

fn ring(n: usize) -> String {
    format!(
        "[hamiltonian]\nmodel = \"tfim\"\nh = 1.0\n\
         lattice = {{ kind = \"chain\", extent = [{n}], boundary = \"periodic\" }}\n"
    )
}

#[test]
fn a_twin_that_was_asked_for_and_does_not_fit_is_refused_before_the_first_step() {
    // 2^48 configurations need 2 PiB for one vector.
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("twin");
    let options = RunOptions {
        out: Some(out.clone()),
        exact: true,
        ..RunOptions::default()
    };
    let error = run(&ring(48)).run(&options).unwrap_err();
    assert!(matches!(error, RunError::Exact(_)), "{error}");
    assert!(error.is_input(), "exit code 2");
    assert!(error.to_string().contains("leave out --exact"), "{error}");
    assert!(!out.exists(), "nothing was started");
}

/// Log lines of steps.
fn steps_of(out: &Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(out.join("log.jsonl")).unwrap_or_default();
    let parsed = text.lines().filter_map(|l| serde_json::from_str(l).ok());
    parsed
        .filter(|l: &serde_json::Value| l["step"].is_number())
        .collect()
}

#[test]
fn a_stop_between_steps_ends_the_run_with_a_checkpoint_and_no_more_draws() {
    static STOP: AtomicBool = AtomicBool::new(false);
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("stopped");
    let options = RunOptions {
        out: Some(out.clone()),
        stop: Some(&STOP),
        ..RunOptions::default()
    };
    let endless = ring(6) + "[optimizer]\nsteps = 1000000\n[sampling]\nsamples = 64\n";
    let error = std::thread::scope(|scope| {
        scope.spawn(|| {
            // The deadline keeps a run that fails at once from waiting for ever.
            let start = Instant::now();
            while steps_of(&out).len() < 3 && start.elapsed() < Duration::from_secs(60) {
                std::thread::sleep(Duration::from_millis(5));
            }
            STOP.store(true, Ordering::Relaxed);
        });
        run(&endless).run(&options).unwrap_err()
    });
    let text = error.to_string();
    let RunError::Interrupted {
        steps,
        energy: Some(energy),
        checkpoint: Some(checkpoint),
    } = error
    else {
        panic!("{text}");
    };
    assert!(text.contains("--resume"), "{text}");
    // The energy is that of the last step: nothing was drawn after it.
    let log = steps_of(&out);
    assert_eq!(log.len() as u64, steps);
    let logged = log.last().unwrap()["energy"]["mean"].as_f64().unwrap();
    assert_eq!(logged.to_bits(), energy.mean.to_bits());
    let saved = Checkpoint::load(&checkpoint, &run(&endless).run.fingerprint()).unwrap();
    assert_eq!(saved.counter("step").unwrap(), steps);
    // A version that would go on in another way does not continue it.
    let mut other = saved.clone();
    let chosen = other.word("chosen").unwrap().replace("spring", "adam");
    assert!(chosen.contains("adam"), "{chosen}");
    let elsewhere = dir.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    let path = elsewhere.join("checkpoint.safetensors");
    other.set_word("chosen", &chosen).save(&path).unwrap();
    let foreign = RunOptions {
        out: Some(elsewhere),
        resume: true,
        ..options.clone()
    };
    let error = run(&endless).run(&foreign).unwrap_err();
    assert!(error.is_input(), "{error}");
    assert!(error.to_string().starts_with("--resume: "), "{error}");
    // Stopped before its first step, it ends where it stands.
    let again = RunOptions {
        resume: true,
        ..options
    };
    let error = run(&endless).run(&again).unwrap_err();
    assert!(
        matches!(error, RunError::Interrupted { steps: s, energy: None, .. } if s == steps),
        "{error}"
    );
}

#[test]
fn a_check_refuses_what_a_run_refuses_and_computes_nothing() {
    let wide = ring(8) + "[wavefunction]\nsymmetry = [\"point_group\"]\n";
    let tilted = wide.replace("h = 1.0", "h = 1.0\nhz = 0.1") + "";
    let tilted = tilted.replace("point_group", "spin_flip");
    assert!(run(&wide).check().is_ok(), "a ring has its reflection");
    let refused = run(&tilted).check().unwrap_err();
    assert!(refused.is_input(), "{refused}");
}

#[test]
fn the_error_of_a_failed_step_is_no_bad_input_and_says_where_the_checkpoint_is() {
    let source = VmcError::NotFinite {
        name: "head.weight".into(),
        value: f64::NAN,
        step: 7,
    };
    let failed = RunError::Step {
        source,
        checkpoint: Some("results/checkpoint.safetensors".into()),
    };
    assert!(!failed.is_input(), "exit code 3");
    let text = failed.to_string();
    for part in ["step 7", "head.weight", "results/checkpoint"] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn a_stop_without_a_directory_says_how_to_keep_the_next_run() {
    static STOP: AtomicBool = AtomicBool::new(true);
    let options = RunOptions {
        stop: Some(&STOP),
        ..RunOptions::default()
    };
    let text = run(&ring(6)).run(&options).unwrap_err().to_string();
    assert_eq!(
        text,
        "stopped after step 0; nothing was kept: give --out DIR"
    );
}

#[test]
fn the_final_error_of_chains_is_that_of_their_joined_draws() {
    let toml = ring(6)
        + "[wavefunction]\nnetwork = \"rbm\"\n[optimizer]\nsteps = 20\n[sampling]\nsamples = 256\n";
    let found = run(&toml).run(&RunOptions::default()).unwrap();
    let chains = found.diagnostics.unwrap();
    assert_eq!(found.estimate.n, 16 * 256);
    assert_eq!(chains.tau.to_bits(), found.estimate.tau.to_bits());
    // error^2 = 2 tau sigma^2 / n is how tau is defined from the scatter of chains.
    let square = 2.0 * chains.tau * found.variance / (found.estimate.n as f64);
    assert!((found.energy_error / square.sqrt() - 1.0).abs() < 1e-3);
    assert!(
        chains.r_hat.is_some_and(|r| (0.9..1.1).contains(&r)),
        "{chains:?}"
    );
}

#[test]
fn the_netket_log_tells_how_chains_agree() {
    // 64 chains of 4 steps from random configurations: some draw is off by more than a thousandth.
    let words = |network: &str| {
        format!(
            "[wavefunction]\nnetwork = \"{network}\"\n[optimizer]\nsteps = 5\n[sampling]\nsamples = 256\n"
        )
    };
    for (network, has_chains) in [("rbm", true), ("gru", false)] {
        let dir = tempfile::tempdir().unwrap();
        let options = RunOptions {
            out: Some(dir.path().to_owned()),
            ..RunOptions::default()
        };
        run(&(ring(6) + &words(network))).run(&options).unwrap();
        let text = std::fs::read_to_string(dir.path().join("netket.log")).unwrap();
        let log: serde_json::Value = serde_json::from_str(&text).unwrap();
        let energy = &log["Energy"];
        let r_hat: Vec<f64> = serde_json::from_value(energy["R_hat"].clone()).unwrap();
        assert_eq!(r_hat.len(), 5);
        assert_eq!(
            r_hat.iter().any(|r| (r - 1.0).abs() > 1e-3),
            has_chains,
            "{r_hat:?}"
        );
        let steps = steps_of(dir.path());
        assert_eq!(energy["Mean"]["real"][4], steps[4]["energy"]["mean"]);
    }
}

#[test]
fn a_symmetry_that_the_hamiltonian_breaks_is_refused() {
    let words = |symmetry: &str| {
        format!("[wavefunction]\nsymmetry = [{symmetry}]\n[optimizer]\nsteps = 1\n")
    };
    let tilted = ring(6).replace("h = 1.0", "h = 1.0\nhz = 0.1");
    let open = ring(6).replace("periodic", "open");
    for (toml, symmetry, named) in [
        (tilted, r#""translation", "spin_flip""#, "spin_flip"),
        (open, r#""translation""#, "translation"),
    ] {
        let text = run(&(toml + &words(symmetry)))
            .run(&RunOptions::default())
            .unwrap_err()
            .to_string();
        assert!(
            text.starts_with("wavefunction.symmetry: ") && text.contains(named),
            "{text}"
        );
    }
    // No sign gauge of a triangular lattice keeps its translations: the basis as written has them.
    let triangular = "[hamiltonian]\nmodel = \"heisenberg\"\n\
        lattice = { kind = \"triangular\", extent = [4, 3], boundary = \"periodic\" }\n";
    let found =
        run(&(triangular.to_owned() + &words(r#""translation""#))).run(&RunOptions::default());
    assert!(found.is_ok(), "{found:?}");
}

#[test]
fn what_does_not_fit_or_says_nothing_is_refused_with_its_key() {
    let wide = "[wavefunction]\nnetwork = \"transformer\"\n";
    for (n, section, key) in [
        (
            18,
            "[sampling]\nsampler = \"full_sum\"\n[optimizer]\nmethod = \"spring\"\n".to_owned(),
            "optimizer.method",
        ),
        (
            12,
            "[sampling]\nsamples = 200000\n[optimizer]\nmethod = \"spring\"\n".to_owned(),
            "optimizer.method",
        ),
        (8, format!("{wide}width = 1000000\n"), "wavefunction.width"),
        (
            8,
            format!("{wide}layers = 100000000\n"),
            "wavefunction.layers",
        ),
        (
            1,
            "[wavefunction]\nnetwork = \"mps\"\ninit = \"dmrg\"\n".to_owned(),
            "wavefunction.init",
        ),
        (
            8,
            "[wavefunction]\nnetwork = \"antn\"\nbackbone = \"gru\"\nheads = 2\n".to_owned(),
            "wavefunction.heads",
        ),
        (
            8,
            "[wavefunction]\nnetwork = \"gru\"\nbackbone = \"gru\"\n".to_owned(),
            "wavefunction.backbone",
        ),
        (
            1,
            "[wavefunction]\nnetwork = \"jastrow\"\n".to_owned(),
            "wavefunction.network",
        ),
        (8, format!("{wide}heads = 3\n"), "wavefunction.heads"),
        (
            8,
            "[optimizer]\nmethod = \"adam\"\nshift = 0.1\n".to_owned(),
            "optimizer.shift",
        ),
    ] {
        let text = GroundStateRun::new((ring(n) + &section).parse().unwrap())
            .and_then(|run| run.run(&RunOptions::default()))
            .map(|_| ())
            .unwrap_err()
            .to_string();
        assert!(text.starts_with(&format!("{key}: ")), "{text}");
    }
}

#[test]
fn what_sites_on_links_or_without_bonds_cannot_do_is_refused_with_its_key() {
    let links = |boundary: &str, section: &str| {
        format!(
            "[hamiltonian]\nmodel = \"z2_gauge\"\ng = 0.5\n\
             lattice = {{ kind = \"square\", extent = [3, 2], boundary = \"{boundary}\" }}\n{section}"
        )
    };
    let rbm = "[wavefunction]\nnetwork = \"rbm\"\n";
    let single = "[hamiltonian]\nmodel = \"heisenberg\"\n\
        lattice = { kind = \"chain\", extent = [1], boundary = \"open\" }\nsector = { total_sz = 0.5 }\n";
    for (toml, key) in [
        (
            links("open", "[wavefunction]\nnetwork = \"rnn2d\"\n"),
            "wavefunction.network",
        ),
        (
            links("periodic", "[wavefunction]\nsymmetry = [\"translation\"]\n"),
            "wavefunction.symmetry",
        ),
        (links("periodic", rbm), "sampling.sampler"),
        (single.to_owned() + rbm, "sampling.sampler"),
    ] {
        let refused = run(&toml).check().unwrap_err();
        assert!(refused.is_input(), "exit code 2: {refused}");
        assert!(
            refused.to_string().starts_with(&format!("{key}: ")),
            "{refused}"
        );
    }
}

#[test]
fn chains_that_disagree_are_told_and_others_are_not() {
    assert!(doubt_of_chains(Some(1.38)).is_some_and(|d| d.contains("R-hat 1.38")));
    assert_eq!(doubt_of_chains(Some(1.01)), None);
    assert_eq!(doubt_of_chains(None), None);
}

#[test]
fn a_symmetric_state_far_above_the_ground_state_is_told() {
    let energy = |mean| Estimate {
        error: 0.01,
        ..Estimate::exact(mean)
    };
    // An eigenstate of another representation has no variance; one on the way has.
    assert!(doubt_of_symmetry(energy(-4.0), 1e-4, -5.0).is_some_and(|d| d.contains("-5.0")));
    assert_eq!(doubt_of_symmetry(energy(-4.0), 2.0, -5.0), None);
    assert_eq!(doubt_of_symmetry(energy(-5.0), 1e-6, -5.0), None);
}

#[test]
fn a_symmetric_frustrated_run_sums_over_orbits_and_finds_the_signs() {
    // Square 4 x 2 with a period along x only; Marshall's rule does not hold at j2 = 0.6.
    let file = "[hamiltonian]\nmodel = \"j1j2\"\nj2 = 0.6\nsector = { total_sz = 0 }\n\
        lattice = { kind = \"square\", extent = [4, 2], boundary = [\"periodic\", \"open\"] }\n\
        [wavefunction]\nnetwork = \"gru\"\nlayers = 1\nwidth = 12\n\
        symmetry = [\"spin_flip\", \"point_group\"]\n[optimizer]\nsteps = 120\n";
    let dir = tempfile::tempdir().unwrap();
    let options = RunOptions {
        out: Some(dir.path().join("out")),
        ..RunOptions::default()
    };
    let found = run(file).run(&options).unwrap();
    let steps = steps_of(&dir.path().join("out"));
    let rows = steps.last().unwrap()["unique"].as_u64().unwrap();
    assert!(rows < 35, "{rows} rows for 70 configurations");
    let exact = found.exact.unwrap();
    let error = (found.energy - exact) / exact.abs();
    let sigma = found.energy_error / exact.abs();
    assert!(error.abs() < 1e-5 + 4.0 * sigma, "{error} +- {sigma}");
    assert!(sigma < 1e-5, "{sigma}");
}

#[test]
fn a_mixture_of_images_starts_near_the_state_of_dmrg() {
    let section = "[wavefunction]\nnetwork = \"antn\"\nbond = 6\ninit = \"dmrg\"\nphase = true\n\
                   symmetry = [\"translation\"]\n[optimizer]\nsteps = 1\nlearning_rate = 1e-6\n[sampling]\nsampler = \"full_sum\"\n";
    let run = GroundStateRun::new((ring(8) + section).parse().unwrap()).unwrap();
    let found = run.run(&RunOptions::default()).unwrap();
    let (exact, dmrg) = (found.exact.unwrap(), found.dmrg_energy.unwrap());
    // A truncated state is not quite symmetric; its mixture has nearly its energy, and not below the exact one.
    assert!(dmrg > exact && found.energy > exact - 1e-9, "{found:?}");
    assert!(
        (found.energy - dmrg).abs() < 0.02 * exact.abs(),
        "{found:?}"
    );
}

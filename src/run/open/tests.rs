use super::*;
use std::sync::atomic::AtomicBool;

/// A driven ring that decays, with what a run adds.
fn ring(n: usize, rest: &str) -> RunFile {
    let text = format!(
        "seed = 5\n[hamiltonian]\nmodel = \"dissipative_tfim\"\nv = 2.0\ng = 1.5\n\
         lattice = {{ kind = \"chain\", extent = [{n}], boundary = \"periodic\" }}\n{rest}"
    );
    text.parse().unwrap()
}

fn found(run: RunFile) -> OpenOutcome {
    let run = OpenRun::new(run).unwrap();
    run.run(&RunOptions::default()).unwrap()
}

const TIMES: &str = "[evolution]\ntimes = [0.2, 0.5]\n\
    observables = [\"mean_sx\", \"mean_sy\", \"mean_sz\", \"zz_nn\"]\n";
const STEADY: &str = "[lindblad]\nmethod = \"steady_state\"\n";

/// Means of the exact twin.
fn exact(n: usize, rest: &str) -> Vec<Vec<f64>> {
    let found = found(ring(n, rest));
    assert!(!found.is_sampled, "density matrices have no error bars");
    let means = |v: &Vec<Estimate>| v.iter().map(|e| e.mean).collect();
    found.values.iter().map(means).collect()
}

#[test]
fn networks_that_are_summed_follow_the_density_matrix() {
    let wanted = exact(4, TIMES);
    for method in ["trapezoid", "tdvp", "teng"] {
        let found = found(ring(
            4,
            &format!("{TIMES}[lindblad]\nmethod = \"{method}\"\n"),
        ));
        assert!(!found.is_sampled);
        for (o, (values, wanted)) in found
            .observables
            .iter()
            .zip(found.values.iter().zip(&wanted))
        {
            for (value, wanted) in values.iter().zip(wanted) {
                // The promise for dynamics; steps may leave 4e-3 of probability each.
                let off = (value.mean - wanted).abs();
                assert!(
                    off < 0.01,
                    "{method}, {o:?}: {} instead of {wanted}",
                    value.mean
                );
            }
        }
        assert!(
            found.purity.is_some() && found.min_eigenvalue.is_some(),
            "{method}"
        );
    }
}

#[test]
fn networks_on_shots_lie_within_their_error_bars() {
    let wanted = exact(3, TIMES);
    for method in ["trapezoid", "tdvp", "teng"] {
        let sampled = "[sampling]\nsampler = \"ancestral\"\nsamples = 1000\n";
        let rest = format!("{TIMES}{sampled}[lindblad]\nmethod = \"{method}\"\n");
        let found = found(ring(3, &rest));
        assert!(found.is_sampled);
        for (o, (values, wanted)) in found
            .observables
            .iter()
            .zip(found.values.iter().zip(&wanted))
        {
            for (value, wanted) in values.iter().zip(wanted) {
                let z = value.z(*wanted);
                assert!(
                    z.abs() < 4.0,
                    "{method}, {o:?}: {value} instead of {wanted}"
                );
                // 16 times as many shots as a step has; <ZZ> has a variance of 9 at most.
                assert_eq!(value.n, 16_000);
                assert!(value.error > 0.0 && value.error < 0.03, "{value:?}");
            }
        }
    }
}

#[test]
fn a_network_comes_to_rest_where_the_density_matrix_does() {
    let wanted = exact(3, STEADY);
    let network = "[wavefunction]\nnetwork = \"gru\"\nwidth = 6\n";
    let summed = found(ring(3, &format!("{network}{STEADY}")));
    assert!(summed.times.is_empty());
    for (values, wanted) in summed.values.iter().zip(&wanted) {
        assert!(
            (values[0].mean - wanted[0]).abs() < 2e-3,
            "{values:?} {wanted:?}"
        );
    }
    // One relaxation from all up is not enough, and counts as asked.
    let one = format!("{network}{STEADY}[optimizer]\nsteps = 1\n");
    assert!(found(ring(3, &one)).residual > summed.residual);
}

#[test]
fn shots_come_to_rest_there_too() {
    let wanted = exact(4, STEADY);
    let network = "[wavefunction]\nnetwork = \"transformer\"\nwidth = 6\n";
    let shots = "[sampling]\nsampler = \"ancestral\"\nsamples = 500\n";
    let found = found(ring(4, &format!("{network}{STEADY}{shots}")));
    assert!(found.times.is_empty() && found.is_sampled);
    for (values, wanted) in found.values.iter().zip(&wanted) {
        let [value] = values[..] else {
            panic!("one mean of a steady state: {values:?}");
        };
        let off = (value.mean - wanted[0]).abs();
        assert!(
            value.error > 0.0 && off < 4.0 * value.error,
            "{value} {wanted:?}"
        );
        assert!(value.error < 0.02, "{value}");
    }
}

#[test]
fn symmetric_mixtures_are_summed_over_orbits() {
    let symmetric = "[wavefunction]\nsymmetry = [\"translation\", \"point_group\"]\n";
    let tdvp = "[lindblad]\nmethod = \"tdvp\"\n";
    let wanted = exact(7, TIMES);
    // 16384 outcomes in 1300 orbits or so.
    let found = found(ring(7, &format!("{TIMES}{symmetric}{tdvp}")));
    assert!(!found.is_sampled);
    for (values, wanted) in found.values.iter().zip(&wanted) {
        for (value, wanted) in values.iter().zip(wanted) {
            assert!((value.mean - wanted).abs() < 3e-3, "{value} {wanted}");
        }
    }
    assert!(found.purity.is_some() && !found.correlations.is_empty());
}

#[test]
fn a_step_that_cannot_be_solved_is_halved() {
    let long = |method| {
        let times = TIMES.replace("times", "dt = 20.0\ntimes");
        found(ring(3, &format!("{times}{method}gamma = 9.0\n")))
    };
    let wanted = long("[lindblad]\n");
    let trapezoid = "[lindblad]\nmethod = \"trapezoid\"\n";
    let tdvp = "integrator = \"heun\"\n[lindblad]\nmethod = \"tdvp\"\n";
    for method in [trapezoid, tdvp] {
        let found = long(method);
        for (values, wanted) in found.values.iter().zip(&wanted.values) {
            for (value, wanted) in values.iter().zip(wanted) {
                // Residuals of 4e-3 for each step, of which there are some ten.
                assert!((value.mean - wanted.mean).abs() < 0.04, "{value} {wanted}");
            }
        }
    }
}

#[test]
fn what_has_no_meaning_is_refused_by_its_key() {
    let tdvp = "[lindblad]\nmethod = \"tdvp\"\n";
    let cases = [
        (
            "[wavefunction]\nsymmetry = [\"spin_flip\"]\n",
            "wavefunction.symmetry",
        ),
        ("[wavefunction]\ninit = \"dmrg\"\n", "wavefunction.init"),
        ("[wavefunction]\nbond = 4\n", "wavefunction.bond"),
        (
            "[wavefunction]\nnetwork = \"gru\"\nheads = 2\n",
            "wavefunction.heads",
        ),
        (
            "[wavefunction]\nnetwork = \"rbm\"\n",
            "wavefunction.network",
        ),
        ("[sampling]\nsampler = \"metropolis\"\n", "sampling.sampler"),
    ];
    let refused = |run: RunFile, key: &str| match OpenRun::new(run) {
        Err(e) => {
            assert!(e.to_string().starts_with(key), "{e} should name {key}");
            assert!(e.is_input(), "{key}: exit code 2");
        }
        Ok(_) => panic!("{key} was not refused"),
    };
    for (rest, key) in cases {
        refused(ring(3, &format!("{TIMES}{tdvp}{rest}")), key);
        // The exact twin of the same file reads nothing about networks.
        OpenRun::new(ring(3, &format!("{TIMES}{rest}"))).unwrap();
    }
    let with = |key: &str, method: &str| {
        let times = TIMES.replace("times", &format!("{key}\ntimes"));
        ring(3, &format!("{times}[lindblad]\nmethod = \"{method}\"\n"))
    };
    // Keys of other things to do are told, not refused.
    let told = |run: RunFile, key: &str| {
        let method = run.lindblad.method.unwrap();
        let words = keys::unused(&run, method, false);
        OpenRun::new(run).unwrap();
        assert!(words.len() == 1 && words[0].starts_with(key), "{words:?}");
    };
    told(with("method = \"tdvp\"", "tdvp"), "evolution.method");
    told(with("integrator = \"rk4\"", "teng"), "evolution.integrator");
    told(
        with("integrator = \"heun\"", "trapezoid"),
        "evolution.integrator",
    );
    for (rest, key) in [
        ("[wavefunction]\nphase = true\n", "wavefunction.phase"),
        ("[optimizer]\nmethod = \"adam\"\n", "optimizer.method"),
        (
            "[optimizer]\nlearning_rate = 0.1\n",
            "optimizer.learning_rate",
        ),
        ("[optimizer]\nsteps = 3\n", "optimizer.steps"),
    ] {
        told(ring(3, &format!("{TIMES}{tdvp}{rest}")), key);
    }
    for (integrator, method) in [("rk4", "tdvp"), ("euler", "teng")] {
        let run = with(&format!("integrator = \"{integrator}\""), method);
        assert!(keys::unused(&run, run.lindblad.method.unwrap(), false).is_empty());
        OpenRun::new(run).unwrap();
    }
    refused(ring(3, ""), "evolution.times");
    let frame = "[lindblad]\nmethod = \"tdvp\"\nframe = \"tetrahedral\"\n";
    let down = TIMES.replace("times", "initial = \"down_z\"\ntimes");
    refused(ring(3, &format!("{down}{frame}")), "lindblad.frame");
}

#[test]
fn a_blockade_is_refused_and_free_atoms_decay_into_their_excited_state() {
    let atoms = |blockade: &str| -> RunFile {
        let text = format!(
            "[hamiltonian]\nmodel = \"rydberg\"\ndelta = 0.0\nomega = 0.0\nblockade = \"{blockade}\"\n\
             lattice = {{ kind = \"chain\", extent = [2], boundary = \"open\" }}\n\
             [evolution]\ntimes = [0.5]\nobservables = [\"density\"]\n"
        );
        text.parse().unwrap()
    };
    let refused = OpenRun::new(atoms("nearest")).map(drop).unwrap_err();
    assert!(
        refused.to_string().starts_with("hamiltonian.blockade"),
        "{refused}"
    );
    let density = found(atoms("none")).values[0][0].mean;
    let wanted = 1.0 - (-0.5f64).exp();
    assert!(
        (density - wanted).abs() < 1e-9,
        "{density} instead of {wanted}"
    );
}

#[test]
fn more_than_there_is_memory_for_is_refused() {
    let run = OpenRun::new(ring(24, TIMES)).unwrap();
    let refused = run.run(&RunOptions::default()).unwrap_err();
    assert!(refused.is_input(), "{refused}");
}

#[test]
fn shots_report_positivity_purity_and_correlations_with_errors() {
    let sampled = "[sampling]\nsampler = \"ancestral\"\nsamples = 1000\n";
    let run = |rest: &str| found(ring(4, &format!("{TIMES}{rest}")));
    let wanted = run("");
    let tdvp = "[lindblad]\nmethod = \"tdvp\"\n";
    let (summed, shots) = (run(tdvp), run(&format!("{tdvp}{sampled}")));
    let (known, purity) = (wanted.purity.unwrap(), shots.purity.unwrap());
    for (found, known) in purity.iter().zip(&known) {
        let z = found.z(known.mean);
        assert!(z.abs() < 4.0 && found.error > 0.0, "{found} {}", known.mean);
    }
    // The ring's sites have two distances.
    let distances: Vec<f64> = summed.correlations.iter().map(|c| c.distance).collect();
    assert_eq!(distances, [1.0, 2.0]);
    for (found, known) in shots.correlations.iter().zip(&summed.correlations) {
        let (found, known) = (found.mean.connected, known.mean.connected);
        assert!(found.z(known.mean).abs() < 4.0, "{found} {}", known.mean);
        assert!(found.error > 0.0 && known.error <= 0.0);
    }
    assert_eq!(shots.block, [0, 1, 2, 3]);
    let (lowest, floor) = (shots.min_eigenvalue.unwrap(), shots.noise_floor.unwrap());
    let known = wanted.min_eigenvalue.unwrap().mean;
    assert!(lowest.error > 0.0 && floor < 0.0);
    // Too small by noise, and by no more than noise makes.
    assert!(lowest.mean < known + 4.0 * lowest.error, "{lowest} {known}");
    assert!(
        lowest.mean > 1.5 * floor - 4.0 * lowest.error,
        "{lowest} {floor}"
    );
    assert!(summed.noise_floor.is_none() && summed.block.is_empty());
}

#[test]
fn string_states_follow_the_density_matrix_and_are_refused_by_their_key() {
    let wanted = exact(4, TIMES);
    let run = |rest: &str| ring(4, &format!("{TIMES}{rest}"));
    let tdvp = "[lindblad]\nmethod = \"tdvp\"\n";
    // A group, no group, and the symmetries of a state.
    for rest in [
        format!("{tdvp}strings = 8\n"),
        format!("{tdvp}strings = 3\n"),
        format!("{tdvp}[wavefunction]\nsymmetry = [\"translation\"]\n"),
    ] {
        let found = found(run(&rest));
        for (values, wanted) in found.values.iter().zip(&wanted) {
            for (value, wanted) in values.iter().zip(wanted) {
                let off = (value.mean - wanted).abs();
                assert!(off < 0.01, "{rest}: {} instead of {wanted}", value.mean);
            }
        }
    }
    let refused = |run: RunFile, words: &str| {
        let e = OpenRun::new(run).map(drop).unwrap_err();
        assert!(
            e.to_string().contains(words) && e.is_input(),
            "{e} without {words}"
        );
    };
    refused(run(&format!("{tdvp}strings = 9\n")), "write 1 to 8");
    let both = format!("{tdvp}strings = 2\n[wavefunction]\nsymmetry = [\"translation\"]\n");
    refused(run(&both), "lindblad.strings: a symmetric state");
    let neel = TIMES.replace("times", "initial = \"neel\"\ntimes");
    let symmetric = format!("{tdvp}[wavefunction]\nsymmetry = [\"translation\"]\n");
    refused(
        ring(4, &format!("{neel}{symmetric}")),
        "wavefunction.symmetry",
    );
    refused(
        ring(4, &format!("{neel}{tdvp}strings = 8\n")),
        "lindblad.strings",
    );
    let uneven = "[hamiltonian]\nmodel = \"pauli\"\nterms = [{ c = 1.0, op = \"X\", sites = [0] }]\n\
        lattice = { kind = \"chain\", extent = [3], boundary = \"periodic\" }\n";
    let uneven: RunFile = format!("{uneven}{TIMES}{symmetric}").parse().unwrap();
    refused(uneven, "wavefunction.symmetry");
}

#[test]
fn an_interrupted_open_run_continues_bit_for_bit() {
    // Stopped from outside after its first step, or time.
    static STOP: AtomicBool = AtomicBool::new(true);
    let method = |rest: &str| format!("{TIMES}[lindblad]\nmethod = {rest}\n");
    let shots = "[sampling]\nsampler = \"ancestral\"\nsamples = 300\n";
    let network = "[wavefunction]\nnetwork = \"gru\"\nwidth = 4\n";
    for rest in [
        method("\"exact\""),
        method("\"trapezoid\""),
        // Its first step is halved.
        method("\"teng\"").replace("times", "dt = 0.2\ntimes"),
        method("\"tdvp\""),
        format!("{}{shots}", method("\"teng\"")),
        format!("{}{shots}", method("\"tdvp\"")),
        format!("{STEADY}{network}[optimizer]\nsteps = 8\n"),
        format!("{STEADY}{network}{shots}"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let run = || OpenRun::new(ring(3, &rest)).unwrap();
        let whole = run().run(&RunOptions::default()).unwrap();
        let mut options = RunOptions {
            out: Some(dir.path().to_owned()),
            stop: Some(&STOP),
            ..RunOptions::default()
        };
        let stopped = run().run(&options);
        assert!(
            matches!(&stopped, Err(RunError::Interrupted { checkpoint: Some(path), .. }) if path.exists()),
            "{rest}: {stopped:?}"
        );
        let again = run().run(&options);
        assert!(
            matches!(again, Err(RunError::Value { key: "--out", .. })),
            "{again:?}"
        );
        options.resume = true;
        // A second stop, which two exact times leave no room for; then to the end, and once more.
        let second = run().run(&options);
        assert_eq!(second.is_err(), !rest.contains("exact"), "{rest}");
        options.stop = None;
        for _ in 0..2 {
            let resumed = run().run(&options).unwrap();
            assert_eq!(whole.values, resumed.values, "{rest}");
            assert_eq!(whole.purity, resumed.purity, "{rest}");
            assert_eq!(whole.min_eigenvalue, resumed.min_eigenvalue, "{rest}");
            assert_eq!(whole.noise_floor, resumed.noise_floor, "{rest}");
            assert_eq!(whole.block, resumed.block, "{rest}");
            assert_eq!(whole.correlations, resumed.correlations, "{rest}");
            assert_eq!(
                whole.residual.to_bits(),
                resumed.residual.to_bits(),
                "{rest}"
            );
        }
    }
}

#[test]
fn an_exact_steady_state_has_nothing_to_resume() {
    let dir = tempfile::tempdir().unwrap();
    let options = RunOptions {
        out: Some(dir.path().to_owned()),
        resume: true,
        ..RunOptions::default()
    };
    let refused = OpenRun::new(ring(3, STEADY)).unwrap().run(&options);
    assert!(
        matches!(
            refused,
            Err(RunError::Value {
                key: "--resume",
                ..
            })
        ),
        "{refused:?}"
    );
}

//! Runs as their users see them: refusals, threads, interruption, ladders.

use crate::exact::Exact;
use crate::target_tests::{Scores, kagome_link, ring};
use crate::{Sse, SseError, SseParams, SseReport, Tempering, TemperingParameter, rydberg_graph};
use ketwork_hamiltonians::{
    Action, Boundary, Free, Hamiltonian, Heisenberg, Lattice, LocalSum, Model, OnSpace, Pauli,
    Rydberg, Space, Term, Xxz, Xyz,
};
use ketwork_models::Stream;
use std::sync::Arc;

fn small() -> SseParams {
    SseParams {
        beta: 2.0,
        thermalization: 200,
        sweeps: 2000,
        bins: 16,
        snapshots: 40,
        correlations: true,
        ..SseParams::default()
    }
}

/// The numbers of a report that do not depend on the clock.
fn numbers(r: &SseReport) -> Vec<u64> {
    let mut all = vec![
        r.energy_per_site,
        r.density,
        r.specific_heat,
        r.compressibility,
    ];
    all.extend(&r.site_density);
    all.extend(r.correlations.iter().flatten());
    let mut bits: Vec<u64> = all
        .iter()
        .flat_map(|e| [e.mean.to_bits(), e.error.to_bits(), e.tau.to_bits()])
        .collect();
    bits.extend(r.snapshots.data().iter().map(|&n| u64::from(n)));
    bits.extend([r.acceptance.diagonal.accepted, r.acceptance.hops.accepted]);
    bits
}

#[test]
fn results_do_not_depend_on_threads_or_interruption() {
    let model = Rydberg::new(1.5).on(&kagome_link(2)).unwrap();
    let tempered = SseParams {
        tempering: Some(Tempering {
            parameter: TemperingParameter::Delta,
            values: vec![1.5, 1.0, 0.5],
            every: 7,
        }),
        ..small()
    };
    for params in [small(), tempered] {
        let sse = || Sse::new(&model, params.clone()).unwrap();
        let with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| sse().run_ladder(Stream::new(5)).unwrap())
        };
        let one = with(1);
        let three = with(3);
        let mut run = sse().start(Stream::new(5));
        run.advance(333);
        let saved = serde_json::to_string(run.state()).unwrap();
        drop(run);
        let mut run = sse().resume(serde_json::from_str(&saved).unwrap()).unwrap();
        while !run.is_done() {
            run.advance(101);
        }
        let resumed = run.reports().unwrap();
        for rung in 0..one.len() {
            let expected = numbers(&one[rung]);
            assert_eq!(expected, numbers(&three[rung]), "threads, rung {rung}");
            assert_eq!(expected, numbers(&resumed[rung]), "resumed, rung {rung}");
        }
        let mut other = sse().start(Stream::new(5));
        other.advance(10);
        let shorter = SseParams {
            sweeps: 100,
            ..params.clone()
        };
        let refused = Sse::new(&model, shorter)
            .unwrap()
            .resume(other.state().clone());
        assert!(
            matches!(refused, Err(SseError::Resume { .. })),
            "other parameters"
        );
        let ring = Rydberg::new(1.5).on(&ring(8)).unwrap();
        let refused = Sse::new(&ring, params.clone())
            .unwrap()
            .resume(other.state().clone());
        assert!(
            matches!(refused, Err(SseError::Resume { .. })),
            "other model"
        );
    }
}

#[test]
fn tempering_keeps_every_rung_exact() {
    let lattice = ring(6);
    let mut scores = Scores::default();
    for (parameter, values) in [
        (TemperingParameter::Beta, vec![0.5, 1.5, 4.0]),
        (TemperingParameter::Delta, vec![2.0, 1.2, -0.4]),
    ] {
        let params = SseParams {
            sweeps: 40_000,
            // Student's t with few degrees of freedom is beyond 4 too often.
            bins: 64,
            beta: 3.0,
            tempering: Some(Tempering {
                parameter,
                values: values.clone(),
                every: 2,
            }),
            ..small()
        };
        let model = Rydberg::new(1.3).on(&lattice).unwrap();
        let reports = Sse::new(&model, params)
            .unwrap()
            .run_ladder(Stream::new(3))
            .unwrap();
        for (r, value) in reports.iter().zip(values) {
            let (beta, delta) = match parameter {
                TemperingParameter::Beta => (value, 1.3),
                TemperingParameter::Delta => (3.0, value),
            };
            let exact = Exact::of(&Rydberg::new(delta).on(&lattice).unwrap());
            let n = |x: &[u8]| x.iter().map(|&n| f64::from(n)).sum::<f64>() / 6.0;
            let name = |what| format!("{parameter:?} {value} {what}");
            scores.add(
                &name("energy"),
                r.energy_per_site,
                exact.energy(beta, |e| e) / 6.0,
            );
            scores.add(&name("density"), r.density, exact.diagonal(beta, n));
        }
        assert!(
            reports[0].acceptance.tempering.accepted > 100,
            "strings are exchanged"
        );
    }
    scores.pass();
}

#[test]
fn too_short_a_thermalisation_is_never_silently_wrong() {
    // A string of about 190 operators, which starts with 32 slots.
    let model = Rydberg::new(1.0).on(&ring(8)).unwrap();
    let exact = Exact::of(&model).energy(20.0, |e| e) / 8.0;
    let run = |thermalization| {
        let params = SseParams {
            beta: 20.0,
            thermalization,
            ..SseParams::default()
        };
        Sse::new(&model, params)?.run(Stream::new(10))
    };
    for thermalization in [1, 2, 4, 8, 16, 1000] {
        let found = run(thermalization);
        println!(
            "{thermalization}: {:?}",
            found.as_ref().map(|r| (r.energy_per_site, r.filling))
        );
        match found {
            Ok(r) => {
                let z = r.energy_per_site.z(exact);
                assert!(z.abs() < 4.0, "{thermalization}: {z} sigma");
            }
            Err(e) => {
                assert!(matches!(e, SseError::CutOff { .. }), "{e}");
                assert!(thermalization < 1000, "{e}");
            }
        }
    }
    let cut_off = |found| matches!(found, Err(SseError::CutOff { .. }));
    assert!(cut_off(run(1).map(|_| ())), "32 slots are too few");
    // It is known before the end, and a ladder is no better.
    let params = SseParams {
        beta: 20.0,
        thermalization: 1,
        tempering: Some(Tempering {
            parameter: TemperingParameter::Beta,
            values: vec![0.5, 20.0],
            every: 5,
        }),
        ..SseParams::default()
    };
    let mut run = Sse::new(&model, params).unwrap().start(Stream::new(10));
    run.advance(1);
    assert_eq!(run.check_cut_off(), Ok(()));
    run.advance(100);
    assert!(cut_off(run.check_cut_off()), "after 100 sweeps");
}

#[test]
fn error_bars_cover_as_promised() {
    // 200 independent runs; limits are 4 binomial standard deviations around 68.3 %, less 0.6 % for
    // Student's t with 63 degrees of freedom.
    let model = Rydberg::new(1.0).on(&ring(8)).unwrap();
    let exact = Exact::of(&model);
    let n = |x: &[u8]| x.iter().map(|&n| f64::from(n)).sum::<f64>() / 8.0;
    let (energy, density) = (exact.energy(2.0, |e| e) / 8.0, exact.diagonal(2.0, n));
    let mut within = [0.0; 2];
    for run in 0..200 {
        let params = SseParams {
            sweeps: 6400,
            bins: 64,
            replicas: 1,
            snapshots: 0,
            correlations: false,
            ..small()
        };
        let r = Sse::new(&model, params)
            .unwrap()
            .run(Stream::new(9).numbered(run))
            .unwrap();
        within[0] += f64::from(r.energy_per_site.z(energy).abs() < 1.0) / 200.0;
        within[1] += f64::from(r.density.z(density).abs() < 1.0) / 200.0;
    }
    let limit = 4.0 * (0.68f64 * 0.32 / 200.0).sqrt();
    for w in within {
        assert!((w - 0.677).abs() < limit, "{within:?}");
    }
}

#[test]
fn snapshots_are_drawn_from_the_thermal_distribution() {
    let model = Rydberg::new(1.0).on(&ring(4)).unwrap();
    let exact = Exact::of(&model);
    let p = exact.probabilities(2.0);
    let params = SseParams {
        sweeps: 200_000,
        snapshots: 10_000,
        correlations: false,
        ..small()
    };
    let r = Sse::new(&model, params)
        .unwrap()
        .run(Stream::new(4))
        .unwrap();
    assert_eq!(r.snapshots.len(), 10_000);
    let mut chi = 0.0;
    for (x, p) in exact.states.view().rows().zip(&p) {
        let seen = r.snapshots.view().rows().filter(|y| *y == x).count() as f64;
        chi += (seen - 1e4 * p).powi(2) / (1e4 * p);
    }
    // Snapshots are 20 sweeps apart, many autocorrelation times: chi^2 with 6 degrees of freedom
    // is beyond 27.9 in one case of 10^4.
    assert!(chi < 27.9, "{chi}");
}

#[test]
fn exchange_models_agree_with_exact_diagonalisation() {
    let heisenberg = |twice_sz| Heisenberg {
        twice_sz,
        ..Heisenberg::default()
    };
    let square = Lattice::square([4, 2], Boundary::Periodic).unwrap();
    let zeeman = {
        let all = Heisenberg::default().on(&ring(6)).unwrap();
        let mut terms = all.terms().terms().to_vec();
        terms.extend((0..6).map(|i| pauli(&[i], &[Pauli::Z], 0.2 - 0.1 * f64::from(i))));
        on_qubits(6, terms)
    };
    let models = [
        ("ring", heisenberg(0).on(&ring(8)).unwrap()),
        ("magnetised", heisenberg(2).on(&square).unwrap()),
        ("easy plane", Xxz::new(0.3).on(&ring(8)).unwrap()),
        ("easy axis", Xxz::new(1.7).on(&ring(8)).unwrap()),
        (
            "ferromagnet",
            Heisenberg {
                j: -1.0,
                ..heisenberg(0)
            }
            .on(&ring(6))
            .unwrap(),
        ),
        ("fields, all numbers", zeeman),
    ];
    let mut scores = Scores::default();
    for (name, model) in &models {
        let exact = Exact::of(model);
        let n = model.space().n_sites as f64;
        for beta in [0.4, 4.0] {
            let params = SseParams {
                beta,
                sweeps: 40_000,
                snapshots: 0,
                ..small()
            };
            let r = Sse::new(model, params)
                .unwrap()
                .run(Stream::new(6))
                .unwrap();
            let name = |what| format!("{name} beta {beta} {what}");
            scores.add(
                &name("energy"),
                r.energy_per_site,
                exact.energy(beta, |e| e) / n,
            );
            scores.add(&name("heat"), r.specific_heat, exact.specific_heat(beta));
            let site = exact.diagonal(beta, |x| f64::from(x[1]));
            scores.add(&name("site 1"), r.site_density[1], site);
            let pairs = r.correlations.unwrap();
            let near = exact.diagonal(beta, |x| f64::from(x[0] * x[1]));
            scores.add(&name("n0 n1"), pairs[1], near);
            assert!(r.filling < 1.0, "{}", r.filling);
            let loops = r.acceptance.segments;
            // Strings are empty now and then where it is hot: they have no loop to try.
            let least = if beta > 1.0 { 36_000 } else { 1 };
            assert!(loops.tried >= least && loops.accepted > 0, "{loops:?}");
            assert!(loops.accepted <= loops.tried, "{loops:?}");
        }
    }
    scores.pass();
}

fn on_qubits(n: usize, terms: Vec<Term<f64>>) -> Model<f64> {
    let space = Space::qubits(n);
    let sum = LocalSum::new(space, terms, vec![("g".to_owned(), 1.0)]).unwrap();
    Model::new(sum, Arc::new(Free::new(space))).unwrap()
}

fn pauli(sites: &[u32], string: &[Pauli], value: f64) -> Term<f64> {
    Term {
        sites: sites.to_vec(),
        guard: Vec::new(),
        action: Action::Pauli(string.to_vec(), value),
        coupling: 0,
    }
}

#[test]
fn replicas_start_where_they_are_told() {
    // A crystal that neither hops nor loops stays for the whole run.
    let model = Rydberg::new(8.0).on(&ring(6)).unwrap();
    let starts = vec![vec![1, 0, 1, 0, 1, 0], vec![0, 1, 0, 1, 0, 1]];
    let params = SseParams {
        beta: 10.0,
        starts: starts.clone(),
        replicas: 3,
        snapshots: 30,
        rod_hops: false,
        line_loops: false,
        ..small()
    };
    let r = Sse::new(&model, params)
        .unwrap()
        .run(Stream::new(6))
        .unwrap();
    for (chain, start) in [&starts[0], &starts[1], &starts[0]].iter().enumerate() {
        let mut rows = r.snapshots.view().rows().skip(10 * chain).take(10);
        assert!(rows.any(|x| x == &start[..]), "replica {chain}");
    }
    assert_eq!(r.energy_bins.len() % 3, 0);
}

#[test]
fn bad_input_is_refused_by_name() {
    let model = Rydberg::new(1.0).on(&ring(6)).unwrap();
    let key = |params: SseParams| match Sse::new(&model, params) {
        Err(SseError::Parameter { key, .. }) => key,
        other => panic!("{other:?}"),
    };
    for beta in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(key(SseParams { beta, ..small() }), "beta");
    }
    let cold = SseParams {
        thermalization: 0,
        ..small()
    };
    assert_eq!(key(cold), "thermalization");
    assert_eq!(key(SseParams { bins: 1, ..small() }), "bins");
    for wrong in [vec![0; 5], vec![1, 1, 0, 0, 0, 0], vec![2, 0, 0, 0, 0, 0]] {
        let starts = vec![vec![0; 6], wrong];
        assert_eq!(key(SseParams { starts, ..small() }), "starts");
    }
    assert_eq!(
        key(SseParams {
            sweeps: 0,
            ..small()
        }),
        "sweeps"
    );
    assert_eq!(
        key(SseParams {
            replicas: 0,
            ..small()
        }),
        "replicas"
    );
    assert_eq!(
        key(SseParams {
            epsilon: -0.1,
            ..small()
        }),
        "epsilon"
    );
    assert_eq!(
        key(SseParams {
            modes: vec![vec![(1.0, 0.0)]],
            ..small()
        }),
        "modes"
    );
    let ladder = |values| SseParams {
        tempering: Some(Tempering {
            parameter: TemperingParameter::Beta,
            values,
            every: 1,
        }),
        ..small()
    };
    for values in [
        vec![1.0],
        vec![],
        vec![1.0, 3.0, 2.0],
        vec![-1.0, 1.0],
        vec![1.0, f64::NAN],
    ] {
        assert_eq!(key(ladder(values)), "tempering");
    }
    let graph = |n, edges: &[(u32, u32)]| rydberg_graph(n, edges, 1.0, 1.0).map(|_| ());
    assert_eq!(
        graph(3, &[(0, 1), (2, 2)]),
        Err(SseError::SelfLoop { edge: 1, site: 2 })
    );
    assert_eq!(graph(3, &[(0, 1)]), Err(SseError::Disconnected { site: 2 }));
    let out = SseError::SiteOutOfRange {
        edge: 0,
        site: 3,
        n_sites: 3,
    };
    assert_eq!(graph(3, &[(0, 3)]), Err(out));
    assert_eq!(graph(3, &[(0, 1), (1, 2)]), Ok(()));
}

#[test]
fn models_that_do_not_fit_are_refused_by_their_term() {
    let refuse = |model: &Model<f64>| Sse::new(model, small()).map(|_| ()).unwrap_err();
    let two = |terms| on_qubits(2, terms);
    use Pauli::{X, Z};
    let bond = pauli(&[0, 1], &[Z, Z], -1.0);
    // A field that depends on the neighbour: neither a field nor a blockade.
    let e = refuse(&two(vec![bond.clone(), pauli(&[0, 1], &[Z, X], 1.0)]));
    assert!(matches!(e, SseError::Unsupported { term: 1, .. }), "{e}");
    let e = refuse(&on_qubits(3, vec![pauli(&[0, 1, 2], &[Z, Z, Z], 1.0)]));
    assert!(matches!(e, SseError::Unsupported { term: 0, .. }), "{e}");
    let e = refuse(&two(vec![pauli(&[0], &[X], 1.0), pauli(&[1], &[X], 1.0)]));
    assert_eq!(e, SseError::Disconnected { site: 1 });
    let triangle = Lattice::new(
        ketwork_hamiltonians::LatticeKind::Triangular,
        &[3, 3],
        &[Boundary::Periodic],
    )
    .unwrap();
    let frustrated = Heisenberg {
        twice_sz: 1,
        ..Heisenberg::default()
    }
    .on(&triangle)
    .unwrap();
    let e = refuse(&frustrated);
    assert!(matches!(e, SseError::SignProblem { .. }), "{e}");
    assert!(e.to_string().contains("sites ["), "{e}");
    // ZZ of every bond first, then what exchanges: only the latter is to blame, at its own place.
    let bonds = [[0, 1], [1, 2], [0, 2]];
    let all = |p| bonds.iter().map(move |b| pauli(b, &[p, p], 0.25));
    use Pauli::Y;
    let split = on_qubits(3, all(Z).chain(all(X)).chain(all(Y)).collect());
    match refuse(&split) {
        SseError::SignProblem { term, sites, .. } => {
            assert!((3..9).contains(&term), "term {term} is diagonal");
            assert_eq!(sites, bonds[term % 3]);
        }
        other => panic!("{other}"),
    }
    // Of several terms that exchange, the one that raises the sum most.
    let four = |b: &[u32; 2]| {
        let string = [(Z, 1.0), (X, -0.5), (X, 2.0), (Y, 1.5)];
        string.map(|(p, v)| pauli(b, &[p, p], v))
    };
    match refuse(&on_qubits(3, bonds.iter().flat_map(four).collect())) {
        SseError::SignProblem { term, .. } => assert_eq!(term % 4, 2, "term {term}"),
        other => panic!("{other}"),
    }
    let xyz = Xyz {
        jx: 1.0,
        jy: 0.5,
        jz: 0.2,
        hx: 0.0,
        hy: 0.0,
        hz: 0.0,
    }
    .on(&ring(4));
    let e = refuse(&match xyz.unwrap() {
        ketwork_hamiltonians::AnyModel::Real(m) => m,
        ketwork_hamiltonians::AnyModel::Complex(m) => panic!("{m:?}"),
    });
    assert!(matches!(e, SseError::Unsupported { .. }), "{e}");
    // Terms of a blockade in the sector of another, or none.
    let blocked = Rydberg::new(1.0).on(&ring(6)).unwrap();
    let free = Free::new(*blocked.space());
    let e = refuse(&Model::new(blocked.terms().clone(), Arc::new(free)).unwrap());
    assert!(matches!(e, SseError::Sector { .. }), "{e}");
    let nothing = ketwork_hamiltonians::Number::new(*blocked.space(), 0).unwrap();
    let e = refuse(&Model::new(blocked.terms().clone(), Arc::new(nothing)).unwrap());
    assert_eq!(e, SseError::OnlyVacuum);
}

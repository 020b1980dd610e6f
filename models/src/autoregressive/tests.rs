use super::*;
use crate::{Ancestral, Cell, Draw, Norm, PrefixTable, Rnn, RnnParams, Samples, Shots, Stream};
use ketwork_hamiltonians::{Configs, Free, Number, is_legal};
use num_complex::Complex64;
use std::sync::Arc;

fn all(n: usize, d: usize) -> Configs {
    let mut x = Configs::new(n);
    for i in 0..d.pow(n as u32) {
        let row: Vec<u8> = (0..n)
            .map(|p| (i / d.pow((n - 1 - p) as u32) % d) as u8)
            .collect();
        x.push(&row);
    }
    x
}

fn scrambled(n: usize) -> Vec<u32> {
    let mut order: Vec<u32> = (0..n as u32).rev().collect();
    order.swap(0, n / 2);
    order
}

fn states() -> Vec<(String, Autoregressive<PrefixTable<Complex64>>)> {
    let mut out = Vec::new();
    for (n, d) in [(5, 2), (4, 3)] {
        let space = Space::new(n, d);
        let number = Number::with_order(space, n / 2 + 1, scrambled(n)).unwrap();
        let sectors: [Sector; 2] = [
            Arc::new(Free::with_order(space, scrambled(n))),
            Arc::new(number),
        ];
        for sector in sectors {
            let psi = Autoregressive::new(PrefixTable::new(space), sector);
            out.push((format!("{psi:?}"), psi));
        }
    }
    out
}

#[test]
fn the_norm_is_one_and_illegal_amplitudes_vanish() {
    for (name, psi) in states() {
        let theta = psi.layout().initial(Stream::new(3));
        let x = all(psi.space().n_sites, psi.space().local_dim);
        let mut log = vec![Complex64::ZERO; x.len()];
        psi.log_psi(&theta, x.view(), &mut log);
        let norm: f64 = log.iter().map(|l| (2.0 * l.re).exp()).sum();
        assert!((norm - 1.0).abs() < 1e-12, "{name}: norm {norm}");
        for (row, l) in x.view().rows().zip(&log) {
            assert_eq!(
                is_legal(&**psi.sector(), row),
                l.re > f64::NEG_INFINITY,
                "{name}: {row:?}"
            );
        }
    }
}

#[test]
fn neighbours_equal_full_evaluation() {
    for (name, psi) in states() {
        let theta = psi.layout().initial(Stream::new(4));
        let (n, d) = (psi.space().n_sites, psi.space().local_dim);
        let parents = psi.sample(&theta, 0..40, Stream::new(1)).x;
        let mut near = Neighbours::default();
        for b in 0..parents.len() {
            for s in 0..n {
                let v = (parents.row(b)[s] + 1) % d as u8;
                near.push(b, [(s, v)]);
                let t = (s + 2) % n;
                near.push(b, [(t, (parents.row(b)[t] + 1) % d as u8), (s, v)]);
            }
        }
        let mut fast = vec![Complex64::ZERO; near.len()];
        psi.log_psi_neighbours(&theta, parents.view(), &near, &mut fast);
        for (k, fast) in fast.iter().enumerate() {
            let mut x = Configs::zeros(1, n);
            near.write(k, parents.view(), x.row_mut(0));
            let mut slow = [Complex64::ZERO];
            psi.log_psi(&theta, x.view(), &mut slow);
            let same = (fast - slow[0]).norm() < 1e-12
                || (fast.re.is_infinite() && slow[0].re.is_infinite());
            assert!(same, "{name} neighbour {k}: {fast} against {}", slow[0]);
        }
    }
}

#[test]
fn the_tangent_equals_central_differences() {
    for (name, psi) in states() {
        let theta = psi.layout().initial(Stream::new(5));
        let x = psi.sample(&theta, 0..6, Stream::new(2)).x;
        let (b, p) = (x.len(), theta.len());
        let mut rows = vec![0.0; 2 * b * p];
        psi.jacobian(&theta, x.view(), &mut rows);
        let h = 1e-5;
        for j in 0..p {
            let (mut up, mut down) = (theta.clone(), theta.clone());
            up[j] += h;
            down[j] -= h;
            let (mut a, mut c) = (vec![Complex64::ZERO; b], vec![Complex64::ZERO; b]);
            psi.log_psi(&up, x.view(), &mut a);
            psi.log_psi(&down, x.view(), &mut c);
            for s in 0..b {
                let slope = (a[s] - c[s]) / (2.0 * h);
                // Central differences of step 1e-5 on functions of order 1: 1e-10 truncation, 1e-11 rounding.
                assert!(
                    (rows[s * p + j] - slope.re).abs() < 1e-9,
                    "{name} re {s} {j}"
                );
                assert!(
                    (rows[(b + s) * p + j] - slope.im).abs() < 1e-9,
                    "{name} im {s} {j}"
                );
            }
        }
    }
}

#[test]
fn shots_in_two_ranges_equal_shots_in_one() {
    for (name, psi) in states() {
        let theta = psi.layout().initial(Stream::new(6));
        let count = |ends: &[u64]| {
            let mut counts = std::collections::BTreeMap::new();
            for (i, &end) in ends.iter().enumerate() {
                let r = (if i == 0 { 0 } else { ends[i - 1] })..end;
                let s = psi.sample(&theta, r.clone(), Stream::new(9));
                let total = (r.end - r.start) as f64;
                for (row, w) in s.x.view().rows().zip(&s.weight) {
                    *counts.entry(row.to_vec()).or_insert(0) += (w * total).round() as u64;
                }
            }
            counts
        };
        assert_eq!(count(&[1000]), count(&[500, 1000]), "{name}");
    }
}

#[test]
fn sampled_log_amplitudes_equal_log_psi() {
    for (name, psi) in states() {
        let theta = psi.layout().initial(Stream::new(7));
        let s = psi.sample(&theta, 0..300, Stream::new(10));
        let mut log = vec![Complex64::ZERO; s.len()];
        psi.log_psi(&theta, s.x.view(), &mut log);
        for (a, b) in log.iter().zip(&s.log_psi) {
            assert!((a - b).norm() < 1e-12, "{name}: {a} {b}");
        }
        assert!((s.weight.iter().sum::<f64>() - 1.0).abs() < 1e-12, "{name}");
    }
}

#[test]
fn counted_shots_are_those_that_are_drawn_with_numbers() {
    for (name, psi) in states() {
        let theta = psi.layout().initial(Stream::new(5));
        // Few and many shots: with buckets and without, on one thread and on all.
        for range in [0..60, 7..100, 3..40_000] {
            let counted = psi.sample(&theta, range.clone(), Stream::new(8));
            let numbered = psi.draw(&theta, range, Stream::new(8)).weighted();
            assert_eq!(counted.x, numbered.x, "{name}");
            assert_eq!(counted.weight, numbered.weight, "{name}");
            assert_eq!(counted.log_psi, numbered.log_psi, "{name}");
            assert_eq!(counted.draw, numbered.draw, "{name}");
        }
    }
}

#[test]
fn shots_of_more_positions_than_one_uniform_number_serves_follow_the_state() {
    // Numbers are drawn again at position 16 of 20; sharp conditionals shrink the intervals.
    let n = 20;
    let space = Space::qubits(n);
    let sector: Sector = Arc::new(Number::new(space, n / 2).unwrap());
    let params = RnnParams {
        cell: Cell::Gru,
        layers: 1,
        width: 4,
    };
    let psi = Autoregressive::new(Rnn::<f64>::new(space, params).unwrap(), sector.clone());
    let initial = psi.layout().initial(Stream::new(8));
    let theta: Vec<f64> = initial.iter().map(|t| 3.0 * t).collect();
    let mut x = Configs::new(n);
    for bits in (0..1_u32 << n).filter(|b| b.count_ones() as usize == n / 2) {
        let row: Vec<u8> = (0..n).map(|i| (bits >> i & 1) as u8).collect();
        x.push(&row);
    }
    let mut log = vec![0.0; x.len()];
    psi.log_psi(&theta, x.view(), &mut log);
    // The six values that straddle the fresh numbers, as cells.
    let cell = |row: &[u8]| row[13..19].iter().fold(0, |c, &v| 2 * c + v as usize);
    let mut exact = [0.0; 64];
    for (row, log) in x.view().rows().zip(&log) {
        exact[cell(row)] += (2.0 * log).exp();
    }
    let shots = 100_000;
    let samples = psi.sample(&theta, 0..shots, Stream::new(9));
    let mut found = [0.0; 64];
    for (row, w) in samples.x.view().rows().zip(&samples.weight) {
        found[cell(row)] += w;
    }
    let expected = exact.iter().map(|p| p * shots as f64);
    let seen = found.iter().map(|w| w * shots as f64);
    let pairs: Vec<(f64, f64)> = expected.zip(seen).filter(|(e, _)| *e >= 5.0).collect();
    let covered: f64 = pairs.iter().map(|(e, _)| e).sum();
    assert!(
        pairs.len() > 40 && covered > 0.999 * shots as f64,
        "{} cells",
        pairs.len()
    );
    let chi2: f64 = pairs.iter().map(|(e, s)| (s - e).powi(2) / e).sum();
    // Chi-square with 63 degrees of freedom exceeds 103.4 with probability 1e-3.
    assert!(chi2 < 103.4, "chi-square {chi2} of {} cells", pairs.len());

    // The same shots in two ranges.
    let mut parts: Vec<(Vec<u8>, u64)> = Vec::new();
    for range in [0..3000, 3000..5000] {
        let drawn = psi.draw(&theta, range, Stream::new(9));
        for (r, row) in drawn.x.view().rows().enumerate() {
            parts.extend(drawn.of_row(r).iter().map(|&shot| (row.to_vec(), shot)));
        }
    }
    let whole = psi.draw(&theta, 0..5000, Stream::new(9));
    let mut all: Vec<(Vec<u8>, u64)> = Vec::new();
    for (r, row) in whole.x.view().rows().enumerate() {
        all.extend(whole.of_row(r).iter().map(|&shot| (row.to_vec(), shot)));
    }
    parts.sort();
    all.sort();
    assert!(
        parts == all,
        "the configuration of a shot depends on its range"
    );
}

#[test]
fn broad_shots_with_their_weights_follow_the_state() {
    let (shots, uniform) = (1 << 16, 0.3);
    for (name, psi) in states() {
        let theta = psi.layout().initial(Stream::new(5));
        let stream = Stream::new(8);
        let drawn = psi.draw_broadly(&theta, 0..shots, stream, uniform).unwrap();
        assert!(drawn.log_weight.iter().all(|l| *l <= 2f64.ln()));
        // Every configuration is drawn: the broad probabilities are normalised, and frequencies of
        // shots follow them.
        let q: Vec<f64> = (drawn.log_psi.iter().zip(&drawn.log_weight))
            .map(|(l, w)| (2.0 * l.re - w).exp())
            .collect();
        assert!((q.iter().sum::<f64>() - 1.0).abs() < 1e-12, "{name}");
        let mut chi = 0.0;
        for (r, q) in q.iter().enumerate() {
            let expected = q * shots as f64;
            assert!(expected > 5.0, "{name}: a configuration too rare to test");
            chi += (drawn.of_row(r).len() as f64 - expected).powi(2) / expected;
        }
        let degrees = (q.len() - 1) as f64;
        let z = (chi - degrees) / (2.0 * degrees).sqrt();
        assert!(z.abs() < 4.0, "{name}: {z} standard deviations");
        // The weighted mean of a function is that over the state.
        let f = |x: &[u8]| x.iter().fold(1.0, |sum, v| 1.7 * sum - f64::from(*v));
        let logs = (drawn.x.view().rows()).zip(&drawn.log_psi);
        let exact: f64 = logs.map(|(x, l)| (2.0 * l.re).exp() * f(x)).sum();
        let samples = drawn.weighted();
        let Draw::Independent { shots: effective } = samples.draw else {
            panic!("shots are independent")
        };
        assert!(effective >= shots / 2 && effective <= shots, "{effective}");
        let pairs = || samples.x.view().rows().zip(&samples.weight);
        let mean: f64 = pairs().map(|(x, w)| w * f(x)).sum();
        let spread: f64 = pairs().map(|(x, w)| w * (f(x) - mean).powi(2)).sum();
        let error = (spread / effective as f64).sqrt();
        assert!(
            (mean - exact).abs() < 4.0 * error,
            "{name}: {mean} {exact} {error}"
        );
    }
}

#[test]
fn weights_by_inclusion_keep_means_and_lose_noise() {
    const REPEATED: u64 = 300;
    let f = |x: &[u8]| x.iter().fold(1.0, |sum, v| 1.7 * sum - f64::from(*v));
    for (name, psi) in states() {
        let theta = psi.layout().initial(Stream::new(5));
        let all = psi.draw(&theta, 0..1 << 16, Stream::new(8));
        let p: Vec<f64> = all.log_psi.iter().map(|l| (2.0 * l.re).exp()).collect();
        // Every configuration is there.
        assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-12, "{name}");
        let exact: f64 = all.x.view().rows().zip(&p).map(|(x, p)| p * f(x)).sum();
        for (uniform, shots, less) in [
            (0.0, 32, 1.05),
            (0.3, 32, 1.05),
            (0.0, 1024, 0.1),
            (0.3, 1024, 0.1),
        ] {
            let draw = |i: u64| match uniform > 0.0 {
                true => psi
                    .draw_broadly(&theta, 0..shots, Stream::new(i), uniform)
                    .unwrap(),
                false => psi.draw(&theta, 0..shots, Stream::new(i)),
            };
            let off = |samples: Samples<Complex64>| {
                let rows = samples.x.view().rows().zip(&samples.weight);
                rows.map(|(x, w)| w * f(x)).sum::<f64>() - exact
            };
            let spread = |of: &dyn Fn(u64) -> f64| {
                let found: Vec<f64> = (0..REPEATED).map(of).collect();
                let mean = found.iter().sum::<f64>() / REPEATED as f64;
                let square = found.iter().map(|x| x * x).sum::<f64>() / REPEATED as f64;
                (mean, square)
            };
            let (_, counted) = spread(&|i| off(draw(i).weighted()));
            let (mean, square) = spread(&|i| off(draw(i).by_inclusion(Norm::L2)));
            let error = (square / REPEATED as f64).sqrt();
            let case = format!("{name}, uniform {uniform}, {shots} shots");
            // Where all are seen what is left is no noise, but the chance of a miss.
            assert!(mean.abs() < 4.0 * error + 1e-6, "{case}: {mean} +- {error}");
            assert!(
                square < less * counted,
                "{case}: {square} against {counted}"
            );
        }
    }
}

#[test]
fn a_broad_shot_where_the_state_vanishes_has_no_weight_by_inclusion() {
    let mut x = Configs::new(2);
    x.push(&[0, 0]);
    x.push(&[0, 1]);
    let drawn = Shots {
        x,
        log_psi: vec![f64::NEG_INFINITY, 0.0],
        log_weight: vec![f64::NEG_INFINITY, 2f64.ln()],
        shots: vec![1, 0],
        start: vec![0, 1, 2],
    };
    let samples = drawn.by_inclusion(Norm::L2);
    assert_eq!((samples.weight, samples.x.row(0)), (vec![1.0], &[0, 1][..]));
}

use super::*;
use crate::Stream;
use ketwork_hamiltonians::Configs;
use num_complex::Complex64;

fn configs(rows: usize, space: &Space, seed: u64) -> Configs {
    let mut x = Configs::zeros(rows, space.n_sites);
    let stream = Stream::new(seed);
    for r in 0..rows {
        for (p, v) in x.row_mut(r).iter_mut().enumerate() {
            *v = (stream.uniform(r as u64, p as u32) * space.local_dim as f64) as u8;
        }
    }
    x
}

fn theta<M: Conditional>(net: &M) -> Vec<f64> {
    // Larger heads than the initial ones, so that no output is small.
    net.layout()
        .initial(Stream::new(1))
        .iter()
        .map(|t| 2.0 * t + 0.1)
        .collect()
}

fn forward<M: Conditional>(
    net: &M,
    theta: &[f64],
    work: &mut M::Work,
    x: ConfigsRef<'_>,
) -> Vec<M::Log> {
    let mut out = vec![M::Log::ZERO; x.data().len() * net.space().local_dim];
    net.forward(theta, work, x, &mut out);
    out
}

/// Memory that has seen other sizes and other numbers.
fn dirty<M: Conditional>(net: &M) -> M::Work {
    let mut work = net.work(1);
    let x = configs(7, net.space(), 99);
    forward(net, &theta(net), &mut work, x.view());
    let mut out = vec![M::Log::ZERO; 7 * net.space().local_dim];
    net.step(&theta(net), &mut work, 0, x.view(), &mut out);
    work
}

fn nearly<L: Scalar>(a: &[L], b: &[L], what: &str) {
    for (a, b) in a.iter().zip(b) {
        assert!(
            (*a - *b).abs2() < 1e-24 * (1.0 + b.abs2()),
            "{what}: {a} against {b}"
        );
    }
}

fn check<M: Conditional>(net: &M) {
    let (n, d, k) = (
        net.space().n_sites,
        net.space().local_dim,
        M::Log::COMPONENTS,
    );
    let theta = theta(net);
    let (b, size) = (5, theta.len());
    let x = configs(b, net.space(), 2);
    let mut work = dirty(net);
    let out = forward(net, &theta, &mut work, x.view());

    // Central differences of a random linear form; step 1e-5: 1e-10 truncation, 1e-11 rounding on
    // sums of n d k numbers of order 1.
    let stream = Stream::new(3);
    let seed: Vec<f64> = (0..b * n * d * k)
        .map(|i| stream.uniform(i as u64, 0) - 0.5)
        .collect();
    let mut rows = vec![f64::NAN; b * size];
    net.pullback(&theta, &mut work, x.view(), &seed, &mut rows);
    let form = |theta: &[f64]| -> Vec<f64> {
        let out = forward(net, theta, &mut net.work(b), x.view());
        let parts: Vec<f64> = match k {
            1 => out.iter().map(|o| o.re()).collect(),
            _ => out.iter().flat_map(|o| [o.re(), o.im()]).collect(),
        };
        let of_row = |(o, s): (&[f64], &[f64])| o.iter().zip(s).map(|(o, s)| o * s).sum();
        parts
            .chunks(n * d * k)
            .zip(seed.chunks(n * d * k))
            .map(of_row)
            .collect()
    };
    let scale = rows.iter().fold(0.0f64, |m, r| m.max(r.abs()));
    for j in 0..size {
        let [up, down] = [1e-5, -1e-5].map(|h| {
            let mut theta = theta.clone();
            theta[j] += h;
            form(&theta)
        });
        for r in 0..b {
            let slope = (up[r] - down[r]) / 2e-5;
            let own = rows[r * size + j];
            assert!(
                (own - slope).abs() < 1e-7 * scale,
                "{j} of row {r}: {own} against {slope}"
            );
        }
    }
    let first = rows.clone();
    net.pullback(&theta, &mut work, x.view(), &seed, &mut rows);
    assert!(first == rows, "the pullback has spoilt the tape");

    // Steps, with the rows reordered and doubled on the way.
    let mut order: Vec<usize> = (0..b).collect();
    let mut steps = dirty(net);
    for p in 0..n {
        let chosen: Vec<u32> = if p == n / 2 {
            vec![3, 0, 0, 4, 2, 1, 3]
        } else {
            (0..order.len() as u32).collect()
        };
        let mut selected = dirty(net);
        net.select(&steps, &mut selected, p, &chosen);
        steps = selected;
        order = chosen.iter().map(|&c| order[c as usize]).collect();
        let mut rows = Configs::new(n);
        order.iter().for_each(|&r| rows.push(x.row(r)));
        let mut here = vec![M::Log::ZERO; order.len() * d];
        net.step(&theta, &mut steps, p, rows.view(), &mut here);
        for (i, &r) in order.iter().enumerate() {
            nearly(&here[i * d..][..d], &out[(r * n + p) * d..][..d], "step");
        }
    }

    // Causality, and children that resume from every first change.
    let (mut children, mut parent, mut first) = (Configs::new(n), Vec::new(), Vec::new());
    for p in 0..n {
        for r in [p % b, (p + 2) % b] {
            let mut row = x.row(r).to_vec();
            row[p] = (row[p] + 1) % d as u8;
            for later in (p + 1..n).step_by(3) {
                row[later] = (row[later] + 1) % d as u8;
            }
            children.push(&row);
            parent.push(r as u32);
            first.push(p as u32);
        }
    }
    let full = forward(net, &theta, &mut net.work(1), children.view());
    let mut resumed = vec![M::Log::ZERO; full.len()];
    let mut child = dirty(net);
    net.resume(
        &theta,
        &work,
        &mut child,
        children.view(),
        &parent,
        &first,
        &mut resumed,
    );
    for (r, (&p, &f)) in parent.iter().zip(&first).enumerate() {
        let (p, open) = (p as usize, (f as usize + 1) * d);
        let own = &full[r * n * d..(r + 1) * n * d];
        let parent = &out[p * n * d..(p + 1) * n * d];
        nearly(&own[..open], &parent[..open], "causality");
        nearly(
            &resumed[r * n * d + open..(r + 1) * n * d],
            &own[open..],
            "resume",
        );
        if open < n * d {
            let moved = own[open..open + d]
                .iter()
                .zip(&parent[open..])
                .any(|(a, b)| a != b);
            assert!(moved, "the value at {f} has no effect on the next output");
        }
    }
}

#[test]
fn one_dimensional_networks_obey_the_laws_of_a_conditional() {
    for cell in [Cell::Gru, Cell::Lstm] {
        for (space, layers, width) in [
            (Space::qubits(7), 2, 8),
            (Space::new(5, 3), 3, 5),
            (Space::qubits(1), 1, 2),
        ] {
            let params = RnnParams {
                cell,
                layers,
                width,
            };
            check(&Rnn::<f64>::new(space, params).unwrap());
            check(&Rnn::<Complex64>::new(space, params).unwrap());
        }
    }
}

#[test]
fn two_dimensional_networks_obey_the_laws_of_a_conditional() {
    let snake = |lx: u32, ly: u32| -> Vec<u32> {
        let row = |y: u32| {
            (0..lx).map(move |x| lx * y + if y.is_multiple_of(2) { x } else { lx - 1 - x })
        };
        (0..ly).flat_map(row).collect()
    };
    for (extent, d, layers, width) in [((3, 3), 2, 1, 8), ((2, 4), 3, 2, 3), ((1, 1), 2, 1, 2)] {
        let space = Space::new(extent.0 * extent.1, d);
        let order = snake(extent.0 as u32, extent.1 as u32);
        let params = Rnn2dParams { layers, width };
        check(&Rnn2d::<f64>::new(space, extent, &order, params).unwrap());
        check(&Rnn2d::<Complex64>::new(space, extent, &order, params).unwrap());
    }
}

#[test]
fn impossible_sizes_are_errors_that_name_them() {
    let make = |layers, width| {
        let params = RnnParams {
            layers,
            width,
            ..Default::default()
        };
        Rnn::<f64>::new(Space::qubits(3), params).err()
    };
    assert_eq!(make(0, 4), Some(NetworkError::Zero { name: "layers" }));
    assert_eq!(make(1, 0), Some(NetworkError::Zero { name: "width" }));
}

/// CPU time for 1024 rows; `cargo test --release -- --ignored --nocapture timings_of_an_lstm`.
#[test]
#[ignore = "a measurement, not a test: seconds"]
fn timings_of_an_lstm_on_1024_rows_of_32_sites() {
    let params = RnnParams {
        cell: Cell::Lstm,
        layers: 2,
        width: 16,
    };
    let net = Rnn::<f64>::new(Space::qubits(32), params).unwrap();
    let theta = theta(&net);
    let x = configs(1024, net.space(), 2);
    let size = theta.len();
    let mut rows = vec![0.0; 1024 * size];
    for block in [32, 64, 128, 256] {
        let mut work = net.work(block);
        let mut out = vec![0.0; block * 64];
        let mut best = [f64::INFINITY; 3];
        for _ in 0..7 {
            let mut times = [0.0; 3];
            for (i, rows) in rows.chunks_mut(block * size).enumerate() {
                let x = x.view().slice(i * block..(i + 1) * block);
                let start = std::time::Instant::now();
                net.forward(&theta, &mut work, x, &mut out);
                times[0] += start.elapsed().as_secs_f64();
                net.pullback(&theta, &mut work, x, &out, rows);
                times[1] += start.elapsed().as_secs_f64();
                let start = std::time::Instant::now();
                for p in 0..32 {
                    net.step(&theta, &mut work, p, x, &mut out[..block * 2]);
                }
                times[2] += start.elapsed().as_secs_f64();
            }
            best.iter_mut()
                .zip(times)
                .for_each(|(b, t)| *b = b.min(1e3 * t));
        }
        let [forward, both, steps] = best;
        println!(
            "block {block}: forward {forward:.2}, with pullback {both:.2}, steps {steps:.2} ms"
        );
    }
}

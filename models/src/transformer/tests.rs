use super::*;
use crate::Stream;
use ketwork_hamiltonians::Configs;
use num_complex::Complex64;

fn net<L: Scalar>(n: usize, d: usize, layers: usize, width: usize, heads: usize) -> Transformer<L> {
    let params = TransformerParams {
        layers,
        width,
        heads,
    };
    Transformer::new(Space::new(n, d), params).unwrap()
}

/// Initial parameters, with biases and gains moved so that none of them is special.
fn theta<L: Scalar>(net: &Transformer<L>, seed: u64) -> Vec<f64> {
    let mut theta = net.layout().initial(Stream::new(seed));
    for (i, t) in theta.iter_mut().enumerate() {
        *t += 0.2 * (Stream::new(seed + 1).uniform(i as u64, 0) - 0.5);
    }
    theta
}

fn configs(rows: usize, space: &Space, seed: u64) -> Configs {
    let mut x = Configs::zeros(rows, space.n_sites);
    for r in 0..rows {
        for p in 0..space.n_sites {
            let u = Stream::new(seed).uniform(r as u64, p as u32);
            x.row_mut(r)[p] = (u * space.local_dim as f64) as u8;
        }
    }
    x
}

fn forward<L: Scalar>(
    net: &Transformer<L>,
    theta: &[f64],
    work: &mut TransformerWork,
    x: ConfigsRef<'_>,
) -> Vec<L> {
    let mut out = vec![L::ZERO; x.data().len() * net.space.local_dim];
    net.forward(theta, work, x, &mut out);
    out
}

/// Work that has seen other, more and larger rows.
fn dirty<L: Scalar>(net: &Transformer<L>) -> TransformerWork {
    let mut work = net.work(1);
    let x = configs(37, net.space(), 99);
    let mut theta = theta(net, 98);
    theta.iter_mut().for_each(|t| *t *= 3.0);
    let out = forward(net, &theta, &mut work, x.view());
    let mut rows = vec![0.0; 37 * theta.len()];
    net.pullback(
        &theta,
        &mut work,
        x.view(),
        &vec![0.3; out.len() * L::COMPONENTS],
        &mut rows,
    );
    work
}

fn for_all_shapes<L: Scalar>(check: impl Fn(&Transformer<L>)) {
    for (n, d, layers, width, heads) in [
        (5, 2, 1, 8, 2),
        (9, 3, 2, 12, 3),
        (1, 2, 1, 4, 1),
        (16, 2, 2, 32, 4),
        (20, 4, 3, 16, 1),
    ] {
        check(&net::<L>(n, d, layers, width, heads));
    }
}

fn pullback_is_a_difference_quotient<L: Scalar>() {
    for (n, d, layers, width, heads, rows) in [
        (5, 2, 1, 8, 2, 3),
        (6, 3, 2, 12, 3, 2),
        (9, 2, 2, 16, 2, 2),
        (1, 3, 1, 4, 1, 2),
    ] {
        let net = net::<L>(n, d, layers, width, heads);
        let theta = theta(&net, 7);
        let x = configs(rows, net.space(), 8);
        let (k, per_row) = (L::COMPONENTS, n * d * L::COMPONENTS);
        let cotangent: Vec<f64> = (0..rows * per_row)
            .map(|i| Stream::new(9).uniform(i as u64, 1) - 0.5)
            .collect();
        let mut work = dirty(&net);
        let mut jacobian = vec![f64::NAN; rows * theta.len()];
        forward(&net, &theta, &mut work, x.view());
        net.pullback(&theta, &mut work, x.view(), &cotangent, &mut jacobian);
        // Central differences: truncation h^2 and cancellation eps / h are below 1e-9 at h = 1e-5.
        let h = 1e-5;
        let at = |j: usize, by: f64| -> Vec<f64> {
            let mut theta = theta.clone();
            theta[j] += by;
            let out = forward(&net, &theta, &mut net.work(rows), x.view());
            let terms = out.iter().enumerate().map(|(i, l)| {
                let imaginary = if k == 2 {
                    cotangent[2 * i + 1] * l.im()
                } else {
                    0.0
                };
                cotangent[k * i] * l.re() + imaginary
            });
            terms
                .collect::<Vec<f64>>()
                .chunks(n * d)
                .map(|c| c.iter().sum())
                .collect()
        };
        let scale = jacobian.iter().fold(0.0, |a: f64, b| a.max(b.abs()));
        assert!(scale > 1e-3, "derivatives vanish");
        for j in 0..theta.len() {
            let (plus, minus) = (at(j, h), at(j, -h));
            for r in 0..rows {
                let quotient = (plus[r] - minus[r]) / (2.0 * h);
                let gap = (quotient - jacobian[r * theta.len() + j]).abs();
                let name = &net
                    .layout()
                    .parameters()
                    .iter()
                    .find(|p| p.range.contains(&j))
                    .unwrap()
                    .name;
                assert!(
                    gap <= 1e-7 * scale,
                    "{name}, row {r}: gap {gap:e} at scale {scale}"
                );
            }
        }
    }
}

#[test]
fn pullback_of_a_positive_state_is_a_difference_quotient() {
    pullback_is_a_difference_quotient::<f64>();
}

#[test]
fn pullback_of_a_complex_state_is_a_difference_quotient() {
    pullback_is_a_difference_quotient::<Complex64>();
}

fn steps_equal_forward<L: Scalar>(net: &Transformer<L>) {
    let (n, d) = (net.shape.n, net.space.local_dim);
    let theta = theta(net, 1);
    let x = configs(11, net.space(), 2);
    let all = forward(net, &theta, &mut dirty(net), x.view());
    // Rows are reordered and doubled half way; the work they come from holds more rows.
    let rows: Vec<u32> = vec![3, 3, 10, 0, 7, 3, 1, 9, 9, 2, 2, 2, 4];
    let mut chosen = Configs::new(n);
    rows.iter().for_each(|&r| chosen.push(x.row(r as usize)));
    let mut work = dirty(net);
    let half = n / 2;
    for p in 0..half {
        let mut out = vec![L::ZERO; 11 * d];
        net.step(&theta, &mut work, p, x.view(), &mut out);
        for r in 0..11 {
            assert_eq!(
                out[r * d..][..d],
                all[(r * n + p) * d..][..d],
                "row {r} at {p}"
            );
        }
    }
    let mut next = dirty(net);
    net.select(&work, &mut next, half, &rows);
    for p in half..n {
        let mut out = vec![L::ZERO; rows.len() * d];
        net.step(&theta, &mut next, p, chosen.view(), &mut out);
        for (i, &r) in rows.iter().enumerate() {
            let exact = &all[(r as usize * n + p) * d..][..d];
            assert_eq!(&out[i * d..][..d], exact, "row {i} at {p}");
        }
    }
}

#[test]
fn steps_equal_forward_bit_for_bit_also_after_select() {
    for_all_shapes::<f64>(steps_equal_forward);
    for_all_shapes::<Complex64>(steps_equal_forward);
}

/// With parameters so many times as large; the outputs agree to `within` of their size.
fn resumed_rows_equal_forward<L: Scalar>(net: &Transformer<L>, times: f64, within: f64) {
    let (n, d) = (net.shape.n, net.space.local_dim);
    let theta: Vec<f64> = theta(net, 3).iter().map(|t| times * t).collect();
    let parents = configs(7, net.space(), 4);
    let mut tape = dirty(net);
    forward(net, &theta, &mut tape, parents.view());
    let draw =
        |i: u64, p: u32, below: usize| (Stream::new(5).uniform(i, p) * below as f64) as usize;
    let mut links: Vec<(u32, u32)> = (0..80)
        .map(|i| (draw(i, 0, n) as u32, draw(i, 1, 7) as u32))
        .collect();
    links.push((n as u32 - 1, 2));
    links.sort_unstable();
    let first: Vec<u32> = links.iter().map(|l| l.0).collect();
    let parent: Vec<u32> = links.iter().map(|l| l.1).collect();
    let mut children = Configs::new(n);
    for (i, &(f, p)) in links.iter().enumerate() {
        let mut row = parents.row(p as usize).to_vec();
        for (q, value) in row.iter_mut().enumerate().skip(f as usize) {
            if q == f as usize || draw(i as u64, 10 + q as u32, 4) == 0 {
                *value = (*value + 1) % d as u8;
            }
        }
        children.push(&row);
    }
    let all = forward(net, &theta, &mut net.work(1), children.view());
    let mut out = vec![L::ZERO; all.len()];
    let mut work = dirty(net);
    net.resume(
        &theta,
        &tape,
        &mut work,
        children.view(),
        &parent,
        &first,
        &mut out,
    );
    for (r, &f) in first.iter().enumerate() {
        let range = (r * n + f as usize + 1) * d..(r + 1) * n * d;
        for (a, b) in out[range.clone()].iter().zip(&all[range]) {
            let same = (*a - *b).abs2() <= within * within * (1.0 + b.abs2());
            assert!(same, "row {r} changed from {f} on: {a} against {b}");
        }
    }
}

#[test]
fn resumed_rows_equal_forward_to_rounding() {
    for_all_shapes::<f64>(|net| resumed_rows_equal_forward(net, 1.0, 1e-13));
    for_all_shapes::<Complex64>(|net| resumed_rows_equal_forward(net, 1.0, 1e-13));
}

#[test]
fn resumed_rows_equal_forward_where_attention_is_sharp() {
    // A key that held nearly all weight is taken away: what is left over of 1 - p has no digits.
    for_all_shapes::<f64>(|net| resumed_rows_equal_forward(net, 8.0, 1e-11));
}

#[test]
fn a_sampled_block_can_be_the_parents_of_a_resume() {
    let net = net::<f64>(10, 2, 2, 16, 2);
    let theta = theta(&net, 3);
    let x = configs(4, net.space(), 4);
    let mut tape = dirty(&net);
    for p in 0..10 {
        net.step(&theta, &mut tape, p, x.view(), &mut [0.0; 8]);
    }
    let mut child = x.row(2).to_vec();
    child[4] ^= 1;
    let child = Configs::from_data(10, child);
    let mut out = [0.0; 20];
    net.resume(
        &theta,
        &tape,
        &mut net.work(1),
        child.view(),
        &[2],
        &[4],
        &mut out,
    );
    // Blocks without a tape compute every token: the same operations, the same bits.
    assert_eq!(
        out[10..],
        forward(&net, &theta, &mut net.work(1), child.view())[10..]
    );
}

#[test]
fn a_changed_value_leaves_earlier_outputs_alone_bit_for_bit() {
    for_all_shapes::<Complex64>(|net| {
        let (n, d) = (net.shape.n, net.space.local_dim);
        let theta = theta(net, 11);
        let x = configs(3, net.space(), 12);
        let before = forward(net, &theta, &mut net.work(3), x.view());
        for p in 0..n {
            let mut y = x.clone();
            y.row_mut(1)[p] = (y.row(1)[p] + 1) % d as u8;
            let after = forward(net, &theta, &mut net.work(3), y.view());
            let row = n * d..2 * n * d;
            let open = n * d + (p + 1) * d;
            assert_eq!(before[..open], after[..open], "changed at {p}");
            assert_eq!(before[row.end..], after[row.end..], "another row changed");
            if p + 1 < n {
                assert_ne!(
                    before[open..row.end],
                    after[open..row.end],
                    "no effect from {p}"
                );
            }
        }
    });
}

#[test]
fn dirty_memory_and_other_blocks_leave_the_bits_alone() {
    for_all_shapes::<f64>(|net| {
        let (n, d) = (net.shape.n, net.space.local_dim);
        let theta = theta(net, 13);
        let x = configs(23, net.space(), 14);
        let size = theta.len();
        let run = |work: &mut TransformerWork, rows: std::ops::Range<usize>| {
            let x = x.view().slice(rows);
            let out = forward(net, &theta, work, x);
            let mut jacobian = vec![f64::NAN; x.len() * size];
            net.pullback(&theta, work, x, &out, &mut jacobian);
            (out, jacobian)
        };
        let fresh = run(&mut net.work(23), 0..23);
        let mut work = dirty(net);
        assert!(run(&mut work, 0..23) == fresh, "dirty memory");
        let part = run(&mut work, 5..12);
        assert!(
            part.0 == fresh.0[5 * n * d..12 * n * d],
            "outputs of a part of the block"
        );
        assert!(
            part.1 == fresh.1[5 * size..12 * size],
            "derivatives of a part of the block"
        );
    });
}

#[test]
fn memory_that_has_seen_nan_recovers() {
    let net = net::<f64>(10, 2, 2, 16, 2);
    let good = theta(&net, 15);
    let x = configs(5, net.space(), 16);
    let mut work = net.work(5);
    let fresh = forward(&net, &good, &mut work, x.view());
    forward(&net, &vec![f64::NAN; good.len()], &mut work, x.view());
    for p in 0..10 {
        let mut out = [0.0; 10];
        net.step(&good, &mut work, p, x.view(), &mut out);
        for r in 0..5 {
            assert_eq!(
                out[2 * r..][..2],
                fresh[(r * 10 + p) * 2..][..2],
                "row {r} at {p}"
            );
        }
    }
}

#[test]
fn impossible_sizes_are_errors_with_their_numbers() {
    let space = Space::qubits(4);
    let make = |layers, width, heads| {
        Transformer::<f64>::new(
            space,
            TransformerParams {
                layers,
                width,
                heads,
            },
        )
        .err()
    };
    assert_eq!(make(0, 8, 2), Some(NetworkError::Zero { name: "layers" }));
    assert_eq!(make(1, 8, 0), Some(NetworkError::Zero { name: "heads" }));
    assert_eq!(
        make(1, 8, 3),
        Some(NetworkError::Heads { width: 8, heads: 3 })
    );
}

#[test]
fn the_initial_state_is_nearly_uniform_with_nonzero_derivatives() {
    let net =
        Transformer::<Complex64>::new(Space::qubits(12), TransformerParams::default()).unwrap();
    let theta = net.layout().initial(Stream::new(1));
    let x = configs(8, net.space(), 2);
    let mut work = net.work(8);
    let out = forward(&net, &theta, &mut work, x.view());
    for pair in out.chunks(2) {
        assert!((pair[0] - pair[1]).norm() < 1.0, "conditionals {pair:?}");
    }
    let mut rows = vec![0.0; 8 * theta.len()];
    let cotangent: Vec<f64> = (0..out.len() * 2)
        .map(|i| [1.0, 0.5, -1.0, -0.5][i % 4])
        .collect();
    net.pullback(&theta, &mut work, x.view(), &cotangent, &mut rows);
    for p in net.layout().parameters() {
        let norm: f64 = rows[p.range.clone()].iter().map(|r| r * r).sum();
        // The start token is last in its array; every array moves the state.
        assert!(norm > 1e-12, "{} has no derivative", p.name);
    }
}

/// Shortest and median time of each job, scaled to 1024 rows; `cargo test --release -- --ignored --nocapture timings`.
#[test]
#[ignore = "a measurement, not a test: seconds"]
fn timings_of_1024_rows_of_32_sites() {
    let block: usize = std::env::var("BLOCK").map_or(16, |b| b.parse().unwrap());
    let net = Transformer::<f64>::new(Space::qubits(32), TransformerParams::default()).unwrap();
    let theta = theta(&net, 1);
    // A few blocks at a time, so that the shortest of many repetitions is undisturbed.
    let count = 2;
    let x = configs(count * block, net.space(), 2);
    let blocks = || (0..count).map(|b| x.view().slice(b * block..(b + 1) * block));
    let all = 1024.0 / (count * block) as f64;
    let mut work = net.work(block);
    let mut out = vec![0.0; block * 64];
    let median = |name: &str, job: &mut dyn FnMut()| {
        job();
        let mut times: Vec<f64> = (0..60)
            .map(|_| {
                let start = std::time::Instant::now();
                job();
                1e3 * all * start.elapsed().as_secs_f64()
            })
            .collect();
        times.sort_by(f64::total_cmp);
        println!("{name}: {:.1} ms (median {:.1})", times[0], times[30]);
    };
    median("forward", &mut || {
        for x in blocks() {
            net.forward(&theta, &mut work, x, &mut out);
        }
    });
    let mut step = vec![0.0; block * 2];
    median("steps", &mut || {
        for x in blocks() {
            for p in 0..32 {
                net.step(&theta, &mut work, p, x, &mut step);
            }
        }
    });
    let mut rows = vec![0.0; count * block * theta.len()];
    median("forward and pullback", &mut || {
        for (x, rows) in blocks().zip(rows.chunks_mut(block * theta.len())) {
            net.forward(&theta, &mut work, x, &mut out);
            net.pullback(&theta, &mut work, x, &out, rows);
        }
    });
    let mut children = Configs::new(32);
    let first: Vec<u32> = (0..32 * block).map(|i| (i / block) as u32).collect();
    let parent: Vec<u32> = (0..32 * block).map(|i| (i % block) as u32).collect();
    for (&f, &p) in first.iter().zip(&parent) {
        let mut row = x.row(p as usize).to_vec();
        row[f as usize] ^= 1;
        children.push(&row);
    }
    let mut child = net.work(block);
    let mut outs = vec![0.0; 32 * block * 64];
    net.forward(&theta, &mut work, x.view().slice(0..block), &mut out);
    median("resume of all flips", &mut || {
        for _ in blocks() {
            net.resume(
                &theta,
                &work,
                &mut child,
                children.view(),
                &parent,
                &first,
                &mut outs,
            );
        }
    });
}

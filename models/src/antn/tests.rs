use super::*;
use crate::{
    Ancestral, Autoregressive, Cell, Differentiable, Rnn, RnnParams, Stream, Wavefunction,
};
use ketwork_hamiltonians::{Configs, Free, Number};
use num_complex::Complex64;
use std::sync::Arc;

fn noise(seed: u64) -> impl FnMut() -> f64 {
    let stream = Stream::new(seed);
    let mut i = 0;
    move || {
        i += 1;
        stream.uniform(i, 0) - 0.5
    }
}

/// Right-canonical random tensors: orthonormal rows of (left, d right), by Gram-Schmidt.
fn canonical<L: Scalar>(space: Space, bond: usize) -> Vec<SiteTensor<L>> {
    let (n, d) = (space.n_sites, space.local_dim);
    let mut next = noise(5);
    let most = |sites: usize| bond.min(d.pow(sites.min(20) as u32));
    let tensor = |p: usize| {
        let (left, right) = (most(p).min(most(n - p)), most(p + 1).min(most(n - p - 1)));
        let mut rows: Vec<Vec<L>> = Vec::new();
        for _ in 0..left {
            let mut row: Vec<L> = (0..d * right)
                .map(|_| L::from_parts(next(), next()))
                .collect();
            for other in &rows {
                let overlap: L = other.iter().zip(&row).map(|(o, r)| o.conj() * *r).sum();
                row.iter_mut()
                    .zip(other)
                    .for_each(|(r, o)| *r -= overlap * *o);
            }
            let norm = chain::square(&row).sqrt();
            row.iter_mut().for_each(|r| *r = r.scale(norm.recip()));
            rows.push(row);
        }
        // (left, d, right) to (d, left, right).
        let entries = (0..d).flat_map(|v| {
            let of_value = rows.iter().map(move |row| &row[v * right..(v + 1) * right]);
            of_value.flatten().copied().collect::<Vec<_>>()
        });
        SiteTensor {
            left,
            right,
            entries: entries.collect(),
        }
    };
    (0..n).map(tensor).collect()
}

/// The plain product of matrices.
fn amplitude<L: Scalar>(tensors: &[SiteTensor<L>], x: &[u8]) -> L {
    let mut v = vec![L::ONE];
    for (tensor, &value) in tensors.iter().zip(x) {
        let size = tensor.left * tensor.right;
        let matrix = &tensor.entries[value as usize * size..][..size];
        v = (0..tensor.right)
            .map(|b| {
                (0..tensor.left)
                    .map(|a| v[a] * matrix[a * tensor.right + b])
                    .sum()
            })
            .collect();
    }
    v[0]
}

/// All configurations of a small space.
fn all(space: Space) -> Configs {
    let (n, d) = (space.n_sites, space.local_dim);
    let mut x = Configs::zeros(d.pow(n as u32), n);
    for i in 0..x.len() {
        let row = x.row_mut(i);
        (0..n).for_each(|s| row[s] = (i / d.pow(s as u32) % d) as u8);
    }
    x
}

fn state<M: Conditional>(net: M) -> (Autoregressive<M>, Vec<f64>) {
    let sector = Arc::new(Free::new(*net.space()));
    let psi = Autoregressive::new(net, sector);
    let theta = psi.layout().initial(Stream::new(7));
    (psi, theta)
}

fn log_psi<M: Conditional>(psi: &Autoregressive<M>, theta: &[f64], x: &Configs) -> Vec<M::Log> {
    let mut out = vec![M::Log::ZERO; x.len()];
    psi.log_psi(theta, x.view(), &mut out);
    out
}

#[test]
fn right_canonical_tensors_give_the_amplitudes_of_the_matrix_product() {
    let space = Space::qubits(10);
    let tensors = canonical::<Complex64>(space, 6);
    let x = all(space);
    let (bare, theta) = state(Mps::from_tensors(space, &tensors).unwrap());
    let params = RnnParams {
        cell: Cell::Gru,
        layers: 1,
        width: 5,
    };
    let net = Rnn::<Complex64>::new(space, params).unwrap();
    let (started, start) = state(Antn::new(net, &tensors).unwrap());
    let outputs = Mixing::Elementwise.outputs(space, 6);
    let net = Rnn::<Complex64>::with_outputs(space, params, outputs).unwrap();
    let (each, begin) = state(Antn::new(net, &tensors).unwrap());
    let found = [
        log_psi(&bare, &theta, &x),
        log_psi(&started, &start, &x),
        log_psi(&each, &begin, &x),
    ];
    for (i, row) in (0..x.len()).map(|i| (i, x.row(i))) {
        let known = amplitude(&tensors, row);
        for log in &found {
            let off = (log[i].exp() - known).norm();
            assert!(off < 1e-12, "{row:?}: {} against {known}", log[i].exp());
        }
    }
    // Real tensors of a positive state: the moduli.
    let tensors = canonical::<f64>(space, 6);
    let (bare, theta) = state(Mps::from_tensors(space, &tensors).unwrap());
    for (log, row) in log_psi(&bare, &theta, &x).iter().zip(0..x.len()) {
        let known = amplitude(&tensors, x.row(row)).abs();
        assert!((log.exp() - known).abs() < 1e-12, "row {row}");
    }
}

#[test]
fn without_tensors_the_network_alone_is_left() {
    let space = Space::qubits(6);
    let params = RnnParams {
        cell: Cell::Gru,
        layers: 1,
        width: 5,
    };
    let net = Rnn::<Complex64>::new(space, params).unwrap();
    let empty: Vec<SiteTensor<Complex64>> = canonical(space, 3)
        .into_iter()
        .map(|t: SiteTensor<Complex64>| SiteTensor {
            entries: vec![Complex64::ZERO; t.entries.len()],
            ..t
        })
        .collect();
    let (psi, mut theta) = state(Antn::new(net.clone(), &empty).unwrap());
    let own = net.layout().n_params();
    let mut next = noise(9);
    let at = theta.len() - own;
    theta[at..].iter_mut().for_each(|t| *t = next());
    let x = all(space);
    let mut f = vec![Complex64::ZERO; x.len() * 12];
    let mut work = net.work(x.len());
    net.forward(&theta[at..], &mut work, x.view(), &mut f);
    for (i, log) in log_psi(&psi, &theta, &x).iter().enumerate() {
        let values = f[i * 12..(i + 1) * 12].chunks(2).zip(x.row(i));
        let known: Complex64 = values
            .map(|(f, &v)| f[v as usize] / (f[0].norm_sqr() + f[1].norm_sqr()).sqrt())
            .product();
        assert!((log.exp() - known).norm() < 1e-12, "{:?}", x.row(i));
    }
}

#[test]
fn elementwise_shifts_are_added_to_the_tensors() {
    let space = Space::qubits(5);
    let tensors = canonical::<Complex64>(space, 3);
    let params = RnnParams {
        cell: Cell::Gru,
        layers: 1,
        width: 4,
    };
    let (w, d) = (3, 2);
    let net = Rnn::<Complex64>::with_outputs(space, params, d * w * w).unwrap();
    let (psi, mut theta) = state(Antn::new(net.clone(), &tensors).unwrap());
    let at = theta.len() - net.layout().n_params();
    let mut next = noise(3);
    theta[at..].iter_mut().for_each(|t| *t = next());
    let x = all(space);
    let mut f = vec![Complex64::ZERO; x.len() * 5 * d * w * w];
    net.forward(&theta[at..], &mut net.work(x.len()), x.view(), &mut f);
    for (i, log) in log_psi(&psi, &theta, &x).iter().enumerate() {
        // Plain contraction with tensors that depend on the prefix, conditionals normalised one by one.
        let (mut v, mut probability) = (vec![Complex64::ONE], 1.0);
        for (p, tensor) in tensors.iter().enumerate() {
            let after: Vec<Vec<Complex64>> = (0..d)
                .map(|value| {
                    let sum = |b: usize| {
                        let term = |a: usize| {
                            let m = tensor.entries[(value * tensor.left + a) * tensor.right + b];
                            let shift = f[(((i * 5 + p) * d + value) * w + a) * w + b];
                            v[a] * (m + shift)
                        };
                        (0..tensor.left).map(term).sum()
                    };
                    (0..tensor.right).map(sum).collect()
                })
                .collect();
            let weights: Vec<f64> = after.iter().map(|u| chain::square(u)).collect();
            let chosen = x.row(i)[p] as usize;
            probability *= weights[chosen] / weights.iter().sum::<f64>();
            v = after[chosen].clone();
        }
        let known = Complex64::from_polar(probability.sqrt(), v[0].arg());
        assert!((log.exp() - known).norm() < 1e-12, "{:?}", x.row(i));
    }
    let wrong = Rnn::<Complex64>::with_outputs(space, params, 5).unwrap();
    let refused = Antn::new(wrong, &tensors).unwrap_err();
    let known = NetworkError::Outputs {
        found: 5,
        blockwise: 2,
        elementwise: 18,
    };
    assert_eq!(refused, known);
}

/// Tensors of qubits with the sum `total`, some states for each charge, entries where charges allow.
fn charged(n: usize, total: i64, states: usize) -> (Vec<SiteTensor<Complex64>>, Vec<Vec<i64>>) {
    let charges: Vec<Vec<i64>> = (0..=n as i64)
        .map(|p| {
            let of = |c: &i64| *c >= total - (n as i64 - p) && *c <= p.min(total);
            let each = if p == 0 || p == n as i64 { 1 } else { states };
            let bond = (0..=total).filter(of);
            bond.flat_map(|c| std::iter::repeat_n(c, each)).collect()
        })
        .collect();
    let mut next = noise(31);
    let tensor = |p: usize| {
        let (from, to) = (&charges[p], &charges[p + 1]);
        let mut entries = Vec::new();
        for value in 0..2 {
            for a in from {
                for b in to {
                    let z = Complex64::new(next(), next());
                    entries.push(if a + value == *b { z } else { Complex64::ZERO });
                }
            }
        }
        SiteTensor {
            left: from.len(),
            right: to.len(),
            entries,
        }
    };
    let tensors = (0..n).map(tensor).collect();
    (tensors, charges)
}

/// Configurations of a sum.
fn of_sum(space: Space, total: i64) -> Configs {
    let mut kept = Configs::new(space.n_sites);
    let every = all(space);
    for row in every.view().rows() {
        if row.iter().map(|&v| i64::from(v)).sum::<i64>() == total {
            kept.push(row);
        }
    }
    kept
}

#[test]
fn charges_leave_the_state_and_drop_what_they_forbid() {
    let space = Space::qubits(8);
    let (tensors, charges) = charged(8, 3, 2);
    let (whole, all_entries) = state(Mps::from_tensors(space, &tensors).unwrap());
    let net = || Silent::<Complex64>::new(space);
    let own = Antn::with_charges(net(), &tensors, &charges).unwrap();
    let (blocks, entries) = state(own.clone());
    let kept: usize = tensors
        .iter()
        .map(|t| t.entries.iter().filter(|z| **z != Complex64::ZERO).count())
        .sum();
    assert_eq!(entries.len(), 2 * kept);
    assert!(2 * entries.len() < all_entries.len());
    let (fixed, nothing) = state(own.fixed().unwrap());
    assert!(nothing.is_empty());
    let x = of_sum(space, 3);
    assert_eq!(x.len(), 56);
    let known = log_psi(&whole, &all_entries, &x);
    for found in [
        log_psi(&blocks, &entries, &x),
        log_psi(&fixed, &nothing, &x),
    ] {
        for (a, b) in found.iter().zip(&known) {
            assert!((a.exp() - b.exp()).norm() < 1e-13, "{a} against {b}");
        }
    }
    // A number that the charges forbid, a charge that is missing, charges that do not ascend.
    let mut bad = tensors.clone();
    // Value 0 does not lead from charge 2 to charge 3.
    bad[2].entries[47] = Complex64::ONE;
    let refused = |t: &[SiteTensor<Complex64>], c: &[Vec<i64>]| {
        let e = Antn::with_charges(net(), t, c).unwrap_err();
        matches!(e, NetworkError::Tensor { .. }).then(|| e.to_string())
    };
    assert!(refused(&bad, &charges).is_some());
    assert!(refused(&tensors, &charges[..8]).is_some());
    let mut falling = charges.clone();
    falling[3].reverse();
    assert!(refused(&tensors, &falling).is_some());
}

#[test]
fn charges_without_tensors_leave_the_network_alone() {
    let space = Space::qubits(6);
    let (mut tensors, charges) = charged(6, 3, 3);
    for tensor in &mut tensors {
        tensor.entries.fill(Complex64::ZERO);
    }
    let params = RnnParams {
        cell: Cell::Gru,
        layers: 1,
        width: 5,
    };
    let net = Rnn::<Complex64>::new(space, params).unwrap();
    let sector = Arc::new(Number::new(space, 3).unwrap());
    let antn = Antn::with_charges(net.clone(), &tensors, &charges).unwrap();
    let psi = Autoregressive::new(antn, sector);
    let mut theta = psi.layout().initial(Stream::new(7));
    let at = theta.len() - net.layout().n_params();
    let mut next = noise(9);
    theta[at..].iter_mut().for_each(|t| *t = next());
    let x = of_sum(space, 3);
    let mut f = vec![Complex64::ZERO; x.len() * 12];
    net.forward(&theta[at..], &mut net.work(x.len()), x.view(), &mut f);
    for (i, log) in log_psi(&psi, &theta, &x).iter().enumerate() {
        let mut known = Complex64::ONE;
        let mut sum = 0;
        for (p, &v) in x.row(i).iter().enumerate() {
            let f = &f[(i * 6 + p) * 2..][..2];
            // Values that the sum still allows.
            let legal = |v: usize| (sum + v <= 3) && (sum + v + 5 - p >= 3);
            let norm: f64 = (0..2).filter(|&v| legal(v)).map(|v| f[v].norm_sqr()).sum();
            known *= f[v as usize] / norm.sqrt();
            sum += v as usize;
        }
        assert!((log.exp() - known).norm() < 1e-12, "{:?}", x.row(i));
    }
}

#[test]
fn long_chains_neither_under_nor_overflow() {
    let space = Space::qubits(256);
    let (psi, theta) = state(Mps::<Complex64>::near_uniform(space, 4).unwrap());
    let mut x = Configs::zeros(2, 256);
    x.row_mut(1).iter_mut().step_by(3).for_each(|v| *v = 1);
    for log in log_psi(&psi, &theta, &x) {
        // Near uniform: -N ln(2) / 2.
        assert!(log.is_finite() && (log.re + 88.7).abs() < 20.0, "{log}");
    }
    // With a network that shifts the tensors by as much as they are.
    let params = RnnParams {
        cell: Cell::Gru,
        layers: 1,
        width: 8,
    };
    for mixing in [Mixing::Blockwise, Mixing::Elementwise] {
        let net = Rnn::with_outputs(space, params, mixing.outputs(space, 4)).unwrap();
        let (psi, mut theta) = state(Antn::<Rnn<Complex64>>::near_product(net, 4).unwrap());
        let mut next = noise(9);
        theta.iter_mut().for_each(|t| *t += next());
        let shots = psi.sample(&theta, 0..8, Stream::new(3));
        x.extend(shots.x.view());
        let logs = log_psi(&psi, &theta, &x);
        for log in &logs {
            // No amplitude is above 1, and hardly one below that of a coin of 1 : 1e4 at each site.
            assert!(
                log.is_finite() && log.re <= 0.0 && log.re > -1200.0,
                "{mixing:?}: {log}"
            );
        }
        let mut rows = vec![0.0; x.len() * 2 * theta.len()];
        psi.jacobian(&theta, x.view(), &mut rows);
        assert!(rows.iter().all(|r| r.is_finite()), "{mixing:?}");
        assert!(rows.iter().any(|r| *r != 0.0), "{mixing:?}");
    }
}

#[test]
fn tensors_that_do_not_fit_are_refused_by_site() {
    let space = Space::qubits(4);
    let good = canonical::<f64>(space, 2);
    let change = |site: usize, f: fn(&mut SiteTensor<f64>)| {
        let mut bad = good.clone();
        f(&mut bad[site]);
        match Mps::from_tensors(space, &bad) {
            Err(NetworkError::Tensor { site, .. }) => site,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(change(1, |t| t.left = 1), 1);
    assert_eq!(change(2, |t| t.entries.truncate(3)), 2);
    assert_eq!(change(0, |t| t.entries[0] = f64::NAN), 0);
    assert!(Mps::from_tensors(space, &good[..3]).is_err());
    assert!(Mps::from_tensors(space, &good).is_ok());
    let none = Mps::<f64>::near_uniform(space, 0).unwrap_err();
    assert_eq!(none, NetworkError::Zero { name: "bond" });
}

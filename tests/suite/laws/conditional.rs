//! Laws of the raw networks: causality, steps and continued parents equal the parallel forward.

use super::networks::{Network, NetworkLaw, for_every_network, legal, parameters};
use ketwork::hamiltonians::cases::ConstraintCase;
use ketwork::{Conditional, Configs, Scalar, Sector, Stream};

/// Legal configurations in position order: what the wrapper hands to the network.
fn positions(sector: &Sector, rows: usize) -> Configs {
    let x = legal(&**sector);
    let mut out = Configs::new(x.n_sites());
    for r in 0..rows {
        let row = x.row((Stream::new(5).uniform(r as u64, 0) * x.len() as f64) as usize);
        let ordered: Vec<u8> = sector.order().iter().map(|&s| row[s as usize]).collect();
        out.push(&ordered);
    }
    out
}

fn forward<M: Conditional>(net: &M, theta: &[f64], work: &mut M::Work, x: &Configs) -> Vec<M::Log> {
    let mut out = vec![M::Log::ZERO; x.data().len() * net.space().local_dim];
    net.forward(theta, work, x.view(), &mut out);
    out
}

#[track_caller]
fn nearly<L: Scalar>(a: &[L], b: &[L], what: &str) {
    assert_eq!(a.len(), b.len(), "{what}");
    for (a, b) in a.iter().zip(b) {
        let same = (*a - *b).abs2() < 1e-24 * (1.0 + b.abs2());
        assert!(same, "{what}: {a} against {b}");
    }
}

struct Steps;

impl<L: Scalar> NetworkLaw<L> for Steps {
    fn check<M: Network + Conditional<Log = L>>(
        &mut self,
        name: &str,
        net: M,
        case: &ConstraintCase,
    ) {
        let (n, d) = (net.space().n_sites, net.space().local_dim);
        let theta = parameters(net.layout());
        let mut x = positions(&case.sector, 9);
        let mut work = net.work(9);
        for p in 0..n {
            // In the middle rows are dropped, doubled and reordered.
            if p == n / 2 {
                let rows = [8, 0, 0, 3, 8, 5, 1, 1, 1, 7, 2];
                let mut next = net.work(4);
                net.select(&work, &mut next, p, &rows);
                work = next;
                let mut chosen = Configs::new(n);
                rows.iter().for_each(|&r| chosen.push(x.row(r as usize)));
                x = chosen;
            }
            let full = forward(&net, &theta, &mut net.work(9), &x);
            // What stands behind the position must not matter.
            let mut open = x.clone();
            for r in 0..open.len() {
                open.row_mut(r)[p..].fill(0);
            }
            let mut here = vec![M::Log::ZERO; x.len() * d];
            net.step(&theta, &mut work, p, open.view(), &mut here);
            for r in 0..x.len() {
                let what = format!("{name}: step {p} of row {r}");
                nearly(&here[r * d..][..d], &full[(r * n + p) * d..][..d], &what);
            }
        }
    }
}

#[test]
fn cached_steps_equal_the_parallel_forward() {
    for_every_network(&mut Steps);
}

struct Resumed;

impl<L: Scalar> NetworkLaw<L> for Resumed {
    fn check<M: Network + Conditional<Log = L>>(
        &mut self,
        name: &str,
        net: M,
        case: &ConstraintCase,
    ) {
        let (n, d) = (net.space().n_sites, net.space().local_dim);
        let theta = parameters(net.layout());
        let x = positions(&case.sector, 5);
        let mut parents = net.work(5);
        let of_parents = forward(&net, &theta, &mut parents, &x);
        let (mut children, mut parent, mut first) = (Configs::new(n), Vec::new(), Vec::new());
        for p in 0..n {
            for r in [p % 5, (p + 2) % 5] {
                let mut row = x.row(r).to_vec();
                row[p] = (row[p] + 1) % d as u8;
                (p + 1..n)
                    .step_by(2)
                    .for_each(|q| row[q] = (row[q] + 1) % d as u8);
                children.push(&row);
                parent.push(r as u32);
                first.push(p as u32);
            }
        }
        let full = forward(&net, &theta, &mut net.work(5), &children);
        let mut out = vec![M::Log::ZERO; full.len()];
        let mut work = net.work(2);
        net.resume(
            &theta,
            &parents,
            &mut work,
            children.view(),
            &parent,
            &first,
            &mut out,
        );
        for (r, (&parent, &first)) in parent.iter().zip(&first).enumerate() {
            let (own, open) = (r * n * d..(r + 1) * n * d, (first as usize + 1) * d);
            let above = &of_parents[parent as usize * n * d..][..open];
            let what = format!("{name}: an output sees position {first} or later");
            nearly(&full[own.clone()][..open], above, &what);
            let what = format!("{name}: child {r} changed from {first} on");
            nearly(&out[own.clone()][open..], &full[own][open..], &what);
        }
    }
}

#[test]
fn networks_are_causal_and_continue_their_parents() {
    for_every_network(&mut Resumed);
}

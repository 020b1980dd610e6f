//! Rydberg atoms on a graph of one's own.

use crate::SseError;
use ketwork_hamiltonians::{Action, Blockade, LocalMask, LocalSum, Model, Pauli, Space, Term};
use std::collections::BTreeSet;
use std::sync::Arc;

/// $H = \frac\Omega2 \sum_i P_i X_i - \delta \sum_i n_i$ on the independent sets of a graph.
///
/// No two neighbours are excited together. Couplings are named "omega" and "delta".
///
/// # Errors
/// [`SseError`] for an edge that joins a site with itself or names one that is not there, a graph
/// that is not connected, and couplings that are not finite.
pub fn rydberg_graph(
    n_sites: usize,
    edges: &[(u32, u32)],
    omega: f64,
    delta: f64,
) -> Result<Model<f64>, SseError> {
    for (key, value) in [("omega", omega), ("delta", delta)] {
        if !value.is_finite() {
            let reason = format!("{value} is not a finite number");
            return Err(SseError::Parameter { key, reason });
        }
    }
    if n_sites == 0 {
        let reason = "there must be at least one site".to_owned();
        return Err(SseError::Parameter {
            key: "n_sites",
            reason,
        });
    }
    let mut partners = vec![BTreeSet::new(); n_sites];
    for (edge, &(a, b)) in edges.iter().enumerate() {
        let site = a.max(b);
        if site as usize >= n_sites {
            return Err(SseError::SiteOutOfRange {
                edge,
                site,
                n_sites,
            });
        }
        if a == b {
            return Err(SseError::SelfLoop { edge, site });
        }
        partners[a as usize].insert(b);
        partners[b as usize].insert(a);
    }
    let mut seen = vec![false; n_sites];
    let mut stack = vec![0_u32];
    seen[0] = true;
    while let Some(i) = stack.pop() {
        for &j in &partners[i as usize] {
            if !std::mem::replace(&mut seen[j as usize], true) {
                stack.push(j);
            }
        }
    }
    if let Some(site) = seen.iter().position(|s| !s) {
        return Err(SseError::Disconnected { site: site as u32 });
    }
    let number: Arc<[_]> = [(1, 1, -1.0)].into();
    let terms = (0_u32..).zip(&partners).flat_map(|(site, partners)| {
        let term = |guard, action, coupling| Term {
            sites: vec![site],
            guard,
            action,
            coupling,
        };
        let guard = partners.iter().map(|&j| (j, LocalMask::only(0))).collect();
        [
            term(guard, Action::Pauli(vec![Pauli::X], 0.5), 0),
            term(Vec::new(), Action::Rows(number.clone()), 1),
        ]
    });
    let space = Space::qubits(n_sites);
    let couplings = vec![("omega".to_owned(), omega), ("delta".to_owned(), delta)];
    let sum = LocalSum::new(space, terms.collect(), couplings)
        .expect("sites are in range, numbers finite");
    let order = (0..n_sites as u32).collect();
    Ok(
        Model::new(sum, Arc::new(Blockade::new(space, order, edges)))
            .expect("the terms are Hermitian, on the same sites"),
    )
}

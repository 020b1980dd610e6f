//! Which qubits to rotate by Z so that as many off-diagonal elements as possible become negative.

use crate::{Action, LocalSum, OnSpace, Pauli, Scalar};
use std::collections::BTreeMap;

/// Larger systems are left alone: the elimination costs N^3 / 64.
const LARGEST: usize = 4096;

impl<T: Scalar> LocalSum<T> {
    /// Marks of a rotation by Z ([`LocalSum::rotated_by_z`]) that makes off-diagonal elements
    /// non-positive, the largest first.
    ///
    /// Rotating the set S multiplies every element that flips the sites F by $(-1)^{|F \cap S|}$, so
    /// the wish for a sign is one linear equation over GF(2) for each F. Equations are taken in the
    /// order of weight, those that contradict earlier ones are dropped. On a bipartite
    /// antiferromagnet this is the Marshall rotation; the spectrum and all probabilities in the Z
    /// basis stay as they are. Without qubits nothing is marked.
    #[must_use]
    pub fn sign_gauge(&self) -> Vec<bool> {
        let n = self.space().n_sites;
        let mut marks = vec![false; n];
        if self.space().local_dim != 2 || n > LARGEST {
            return marks;
        }
        let mut wishes: Vec<(Vec<u32>, f64)> = self.flips().into_iter().collect();
        wishes.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()).then_with(|| a.0.cmp(&b.0)));
        let mut rows = Vec::new();
        for (flips, weight) in wishes.into_iter().filter(|w| w.1 != 0.0) {
            insert(&mut rows, &flips, weight > 0.0, n);
        }
        // Rows are fully reduced: with the free unknowns at 0 each pivot equals its right side.
        for row in &rows {
            marks[row.pivot] = row.odd;
        }
        marks
    }

    /// Signed weight of the real off-diagonal elements of each set of flipped sites.
    fn flips(&self) -> BTreeMap<Vec<u32>, f64> {
        let mut sum: BTreeMap<Vec<u32>, f64> = BTreeMap::new();
        for term in self.terms() {
            let coupling = self.couplings()[term.coupling as usize].1;
            let mut add = |mut flips: Vec<u32>, v: f64| {
                flips.sort_unstable();
                *sum.entry(flips).or_default() += coupling * v;
            };
            match &term.action {
                Action::Rows(rows) => {
                    let k = term.sites.len();
                    for &(r, c, v) in rows.iter().filter(|(r, c, _)| r != c) {
                        let flipped = (0..k).filter(|i| (r ^ c) >> (k - 1 - i) & 1 == 1);
                        add(flipped.map(|i| term.sites[i]).collect(), v.re());
                    }
                }
                Action::Pauli(string, v) => {
                    // Half the elements of a string with Z or a pair of Y have each sign; XX and YY
                    // on one bond add up to an exchange that the Y half cancels: count X alone.
                    let flipped = |p: &Pauli| matches!(p, Pauli::X | Pauli::Y);
                    if string.iter().all(|p| matches!(p, Pauli::I | Pauli::X))
                        && string.iter().any(flipped)
                    {
                        let sites = term.sites.iter().zip(string).filter(|(_, p)| flipped(p));
                        add(sites.map(|(&s, _)| s).collect(), v.re());
                    }
                }
            }
        }
        sum
    }
}

/// One equation: the marks of `bits` add up to `odd`; `pivot` occurs in no other row.
struct Row {
    bits: Vec<u64>,
    odd: bool,
    pivot: usize,
}

impl Row {
    fn holds(&self, bit: usize) -> bool {
        self.bits[bit / 64] >> (bit % 64) & 1 == 1
    }

    fn add(&mut self, other: &Self) {
        self.bits
            .iter_mut()
            .zip(&other.bits)
            .for_each(|(a, b)| *a ^= b);
        self.odd ^= other.odd;
    }
}

/// Adds an equation to a fully reduced system, unless it follows from or contradicts the others.
fn insert(rows: &mut Vec<Row>, flips: &[u32], odd: bool, n: usize) {
    let mut row = Row {
        bits: vec![0; n.div_ceil(64)],
        odd,
        pivot: 0,
    };
    flips
        .iter()
        .for_each(|&s| row.bits[s as usize / 64] ^= 1 << (s % 64));
    for other in rows.iter() {
        if row.holds(other.pivot) {
            row.add(other);
        }
    }
    let Some(pivot) = (0..n).find(|&i| row.holds(i)) else {
        return;
    };
    row.pivot = pivot;
    for other in rows.iter_mut() {
        if other.holds(pivot) {
            other.add(&row);
        }
    }
    rows.push(row);
}

#[cfg(test)]
mod tests {
    use crate::{
        AnyModel, Boundary, Hamiltonian, Heisenberg, J1J2, Lattice, PauliSum, PauliTerm, Tfim,
    };

    fn heisenberg(lattice: &Lattice) -> crate::Model<f64> {
        Heisenberg {
            j: 1.0,
            twice_sz: 0,
            marshall: false,
        }
        .on(lattice)
        .unwrap()
    }

    #[test]
    fn bipartite_antiferromagnets_become_stoquastic_and_their_spectrum_stays() {
        let lattice = Lattice::square([4, 4], Boundary::Periodic).unwrap();
        let model = heisenberg(&lattice);
        assert!(!model.terms().is_stoquastic());
        let rotated = model.terms().rotated_by_z(&model.terms().sign_gauge());
        assert!(rotated.is_stoquastic());
    }

    #[test]
    fn frustrated_bonds_are_given_up_before_stronger_ones() {
        let lattice = Lattice::square([4, 4], Boundary::Periodic).unwrap();
        let model = J1J2 {
            j1: 1.0,
            j2: 0.5,
            twice_sz: 0,
            marshall: false,
        }
        .on(&lattice)
        .unwrap();
        let marks = model.terms().sign_gauge();
        for &(a, b) in lattice.edges() {
            assert_ne!(marks[a as usize], marks[b as usize], "bond {a} {b}");
        }
    }

    #[test]
    fn stoquastic_models_are_left_alone_and_positive_fields_are_turned() {
        let lattice = Lattice::chain(5, Boundary::Open).unwrap();
        let good = Tfim::new(1.0).on(&lattice).unwrap();
        assert!(good.terms().sign_gauge().iter().all(|m| !m));
        let turned = Tfim::new(-1.0).on(&lattice).unwrap();
        assert!(turned.terms().sign_gauge().iter().all(|m| *m));
        let cluster = PauliSum::new(vec![PauliTerm::new(1.0, "ZXZ", &[0, 1, 2]).unwrap()]);
        let AnyModel::Real(cluster) = cluster.on(&lattice).unwrap() else {
            panic!("real")
        };
        assert!(
            cluster.terms().sign_gauge().iter().all(|m| !m),
            "both signs occur"
        );
    }
}

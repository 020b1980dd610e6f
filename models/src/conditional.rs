//! What a network author writes: conditional log-amplitudes, without mask, normalisation or sampler.

use crate::Layout;
use ketwork_hamiltonians::{ConfigsRef, OnSpace, Scalar};

/// A causal network: raw log-amplitudes of the value at each position, given the values before it.
/// (Inside an [`Antn`](crate::Antn) its [`outputs`](Conditional::outputs) are shifts of tensors instead.)
///
/// Configurations are in *position order* (the constraint's order), which the wrapper
/// [`crate::Autoregressive`] arranges; it also masks, normalises, samples and threads. All methods
/// work on one block of rows on one thread, and allocate nothing after the first call with a
/// block size; the wrapper around them allocates a few lists for each block.
///
/// Laws: the output at position p depends on positions before p only; `step` and `resume` equal
/// `forward` to rounding.
///
/// # Shapes
/// B rows, N positions, d values, k = `Log::COMPONENTS`, P parameters.
pub trait Conditional: OnSpace + Send + Sync {
    /// `f64` without, `Complex64` with a phase.
    type Log: Scalar;
    /// Cache of the steps, tape of the last forward, scratch; pooled by the wrapper.
    type Work: Send + Sync;

    /// Parameter names, shapes and initialisers.
    fn layout(&self) -> &Layout;

    /// Memory for up to `batch` rows.
    fn work(&self, batch: usize) -> Self::Work;

    /// Writes the raw log-amplitudes of all positions: x (B, N), out (B, N, d). Keeps the tape.
    fn forward(
        &self,
        theta: &[f64],
        work: &mut Self::Work,
        x: ConfigsRef<'_>,
        out: &mut [Self::Log],
    );

    /// Per-sample derivative after `forward` on the same x: overwrites
    /// rows (B, P) with $\sum_{p,v,c}$ cotangent · d out / d theta, cotangent (B, N, d, k).
    fn pullback(
        &self,
        theta: &[f64],
        work: &mut Self::Work,
        x: ConfigsRef<'_>,
        cotangent: &[f64],
        rows: &mut [f64],
    );

    /// Numbers at each position, d for a state of its own.
    fn outputs(&self) -> usize {
        self.space().local_dim
    }

    /// Rows of a block; a GPU network asks for everything at once.
    fn block(&self) -> usize {
        64
    }

    /// Writes the raw log-amplitudes at `position` only: out (B, d). Called for positions 0, 1, 2, ...
    /// in turn; x holds the values before `position`, later ones are arbitrary.
    fn step(
        &self,
        theta: &[f64],
        work: &mut Self::Work,
        position: usize,
        x: ConfigsRef<'_>,
        out: &mut [Self::Log],
    ) {
        let (n, d) = (self.space().n_sites, self.outputs());
        let mut all = vec![Self::Log::ZERO; x.len() * n * d];
        self.forward(theta, work, x, &mut all);
        for (row, out) in all.chunks(n * d).zip(out.chunks_mut(d)) {
            out.copy_from_slice(&row[position * d..(position + 1) * d]);
        }
    }

    /// Copies the step cache: row i of `into` becomes row `rows[i]` of `from`. The steps before
    /// `position` have been taken. A network with the default `step` has nothing to copy.
    fn select(&self, from: &Self::Work, into: &mut Self::Work, position: usize, rows: &[u32]) {
        let _ = (from, into, position, rows);
    }

    /// Raw log-amplitudes of configurations that equal a parent before their first changed position:
    /// out (B, N, d), of which the positions after `first[r]` are written (the others are arbitrary).
    /// `parents` holds the tape of a `forward`; `parent[r]` is the row there. Rows come with `first`
    /// ascending.
    #[expect(
        clippy::too_many_arguments,
        reason = "parents, children and their link are one call"
    )]
    fn resume(
        &self,
        theta: &[f64],
        parents: &Self::Work,
        work: &mut Self::Work,
        x: ConfigsRef<'_>,
        parent: &[u32],
        first: &[u32],
        out: &mut [Self::Log],
    ) {
        let _ = (parents, parent, first);
        self.forward(theta, work, x, out);
    }
}

/// Checks the shapes of [`Conditional::resume`]: outputs (B, N, d), a parent and a first change for
/// each row, the changes ascending.
#[track_caller]
pub(crate) fn assert_resumable<L>(
    out: &[L],
    x: ConfigsRef<'_>,
    outputs: usize,
    parent: &[u32],
    first: &[u32],
) {
    let b = x.len();
    assert_eq!(out.len(), b * x.n_sites() * outputs, "outputs of {b} rows");
    assert!(
        parent.len() == b && first.len() == b && first.is_sorted(),
        "a parent for each row, first changes ascending"
    );
}

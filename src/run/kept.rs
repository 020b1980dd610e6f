//! The checkpoint of a run: where it stands and whose it is.

use super::{RunError, RunOptions};
use crate::{Checkpoint, Estimate, RunFile};
use std::path::PathBuf;

/// File of the checkpoint in the directory of a run.
pub(super) const CHECKPOINT: &str = "checkpoint.safetensors";
/// Name of a run's choices in its checkpoint.
const CHOSEN: &str = "chosen";
/// Numbers of an [`Estimate`] in a checkpoint.
const NUMBERS: usize = 4;

/// The checkpoint that a run keeps in its directory.
pub(super) struct Kept {
    pub(super) path: PathBuf,
    fingerprint: String,
    /// What the run chose where its file is silent.
    chosen: String,
    /// What an earlier session left, where that is to be continued.
    pub(super) resumed: Option<Checkpoint>,
}

impl Kept {
    /// Makes the directory; `None` without one.
    ///
    /// # Errors
    /// [`RunError`] for a checkpoint that is there unasked, missing, of another run, or of one that would not
    /// go on in the same way.
    pub(super) fn open(
        options: &RunOptions,
        run: &RunFile,
        chosen: String,
    ) -> Result<Option<Self>, RunError> {
        let Some(out) = &options.out else {
            return Ok(None);
        };
        std::fs::create_dir_all(out).map_err(|source| RunError::Out {
            path: out.clone(),
            source,
        })?;
        let path = out.join(CHECKPOINT);
        let fingerprint = run.fingerprint();
        let value = |key, reason| Err(RunError::Value { key, reason });
        let resumed = match (path.exists(), options.resume) {
            (true, true) => Some(Checkpoint::load(&path, &fingerprint)?),
            (false, true) => {
                let place = out.display();
                let reason = format!("there is no checkpoint in {place}; start without it");
                return value("--resume", reason);
            }
            (true, false) => {
                let reason = format!(
                    "{} holds a checkpoint; continue it with --resume, or name another directory",
                    out.display()
                );
                return value("--out", reason);
            }
            (false, false) => None,
        };
        if let Some(saved) = &resumed {
            let before = saved.word(CHOSEN).unwrap_or("something it did not note");
            if before != chosen {
                let reason = format!(
                    "the run in {} had chosen {before}, this version of ketwork chooses {chosen}; start anew in \
                     another directory",
                    path.display()
                );
                return value("--resume", reason);
            }
        }
        Ok(Some(Self {
            path,
            fingerprint,
            chosen,
            resumed,
        }))
    }

    /// A checkpoint of this run, still without its numbers.
    pub(super) fn checkpoint(&self) -> Checkpoint {
        let mut checkpoint = Checkpoint::new(self.fingerprint.clone());
        checkpoint.set_word(CHOSEN, &self.chosen);
        checkpoint
    }
}

/// Estimates as an array of a checkpoint.
pub(super) fn numbers<'a>(estimates: impl IntoIterator<Item = &'a Estimate>) -> Vec<f64> {
    let each = estimates.into_iter();
    each.flat_map(|e| [e.mean, e.error, e.tau, e.n as f64])
        .collect()
}

/// What [`numbers`] wrote.
pub(super) fn estimates(numbers: &[f64]) -> impl Iterator<Item = Estimate> {
    numbers.chunks_exact(NUMBERS).map(|v| Estimate {
        mean: v[0],
        error: v[1],
        tau: v[2],
        n: v[3] as u64,
    })
}

/// Words of a sampler or a method among the arrays of a checkpoint, bit for bit.
pub(super) fn words(bits: &[u64]) -> Vec<f64> {
    bits.iter().map(|b| f64::from_bits(*b)).collect()
}

/// What [`words`] wrote.
pub(super) fn bits(words: &[f64]) -> Vec<u64> {
    words.iter().map(|w| w.to_bits()).collect()
}

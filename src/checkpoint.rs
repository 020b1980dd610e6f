//! Checkpoints: one safetensors file that holds all a driver needs to continue bit for bit.
//!
//! The file is written beside its destination, synchronised and renamed over it, so that a crash
//! at any moment leaves either the old checkpoint or the new one.

#[cfg(test)]
mod tests;

use ketwork_models::{Layout, replace_file};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

const MAGIC: &str = "ketwork-checkpoint";
const FORMAT: u64 = 2;
/// What stands before the name of each parameter.
const PARAMETERS: &str = "parameters.";
const RESERVED: [&str; 3] = ["format", "format_version", "checksum"];

/// The state of a run: named arrays, counters and words.
///
/// Arrays keep every bit of every number, NaN payloads included. The fingerprint names the run the
/// state belongs to, for example [`fingerprint`] of its resolved run file.
///
/// ```
/// use ketwork::Checkpoint;
/// let path = std::env::temp_dir().join("ketwork-doc-checkpoint.safetensors");
/// let mut state = Checkpoint::new("run 1");
/// state.set_array("theta", &[0.1, -2.0]).set_counter("step", 7);
/// state.save(&path)?;
/// let back = Checkpoint::load(&path, "run 1")?;
/// assert_eq!(back.array("theta")?, [0.1, -2.0]);
/// assert_eq!(back.counter("step")?, 7);
/// # Ok::<(), ketwork::CheckpointError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checkpoint {
    fingerprint: String,
    arrays: BTreeMap<String, Array>,
    words: BTreeMap<String, String>,
}

/// Numbers in row-major order with their shape.
#[derive(Clone, Debug, Default, PartialEq)]
struct Array {
    shape: Vec<usize>,
    values: Vec<f64>,
}

/// Why a checkpoint cannot be written or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The file system refuses.
    #[error("{}: {source}; name a place that can be read and written", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file is cut off, or its contents changed since it was written.
    #[error("{}: {reason}; restore a copy or start again in another directory", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// The file is no checkpoint of this library.
    #[error("{} is no ketwork checkpoint; name one that a run has written", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file has a layout that this version does not know.
    #[error("{} has checkpoint format {found}, known is {known}; continue with the version that wrote it ({version})", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: String,
        /// The format this version reads.
        known: u64,
        /// The version of the library that wrote it.
        version: String,
    },
    /// The checkpoint belongs to another run.
    #[error("{} belongs to another run ({found} instead of {wanted}); continue with its own run file and flags, or start in another directory", path.display())]
    OtherRun {
        /// The file.
        path: PathBuf,
        /// Its fingerprint.
        found: String,
        /// The fingerprint of this run.
        wanted: String,
    },
    /// A parameter has another shape than the network's.
    #[error(
        "the checkpoint holds {key:?} with shape {found:?}, the network needs {wanted:?}; continue with the [wavefunction] section that wrote it"
    )]
    Shape {
        /// Name of the array.
        key: String,
        /// Shape in the file.
        found: Vec<usize>,
        /// Shape in the layout.
        wanted: Vec<usize>,
    },
    /// A value that the driver needs is not there.
    #[error("the checkpoint holds no {key:?}; it was written by another kind of run")]
    Missing {
        /// Name of the value.
        key: String,
    },
}

impl Checkpoint {
    /// An empty state of the run with this fingerprint.
    #[must_use]
    pub fn new(fingerprint: impl Into<String>) -> Self {
        Self {
            fingerprint: fingerprint.into(),
            ..Self::default()
        }
    }

    /// Stores an array.
    pub fn set_array(&mut self, key: &str, values: &[f64]) -> &mut Self {
        self.set_shaped(key, &[values.len()], values)
    }

    /// Stores theta by name: each array of the layout with its shape as `parameters.NAME`, where a
    /// Python user finds it with `safetensors.numpy.load_file`.
    ///
    /// # Panics
    /// If `theta` does not fit the layout.
    #[track_caller]
    pub fn set_parameters(&mut self, layout: &Layout, theta: &[f64]) -> &mut Self {
        assert_eq!(
            theta.len(),
            layout.n_params(),
            "one number for each parameter"
        );
        for p in layout.parameters() {
            let key = format!("{PARAMETERS}{}", p.name);
            self.set_shaped(&key, &p.shape, &theta[p.range.clone()]);
        }
        self
    }

    fn set_shaped(&mut self, key: &str, shape: &[usize], values: &[f64]) -> &mut Self {
        let array = Array {
            shape: shape.to_vec(),
            values: values.to_vec(),
        };
        self.arrays.insert(key.to_owned(), array);
        self
    }

    /// Stores a counter; every `u64` is kept exactly.
    pub fn set_counter(&mut self, key: &str, value: u64) -> &mut Self {
        self.set_word(key, &value.to_string())
    }

    /// Stores a text.
    pub fn set_word(&mut self, key: &str, value: &str) -> &mut Self {
        self.words.insert(key.to_owned(), value.to_owned());
        self
    }

    /// The array with a name.
    ///
    /// # Errors
    /// [`CheckpointError::Missing`].
    pub fn array(&self, key: &str) -> Result<&[f64], CheckpointError> {
        self.arrays
            .get(key)
            .map(|a| a.values.as_slice())
            .ok_or_else(|| missing(key))
    }

    /// What [`Self::set_parameters`] stored, as theta.
    ///
    /// # Errors
    /// [`CheckpointError::Missing`] and [`CheckpointError::Shape`], which name the array.
    pub fn parameters(&self, layout: &Layout) -> Result<Vec<f64>, CheckpointError> {
        let mut theta = vec![0.0; layout.n_params()];
        for p in layout.parameters() {
            let key = format!("{PARAMETERS}{}", p.name);
            let array = self.arrays.get(&key).ok_or_else(|| missing(&key))?;
            if array.shape != p.shape {
                return Err(CheckpointError::Shape {
                    key,
                    found: array.shape.clone(),
                    wanted: p.shape.clone(),
                });
            }
            theta[p.range.clone()].copy_from_slice(&array.values);
        }
        Ok(theta)
    }

    /// The counter with a name.
    ///
    /// # Errors
    /// [`CheckpointError::Missing`], also where the text is no whole number.
    pub fn counter(&self, key: &str) -> Result<u64, CheckpointError> {
        self.word(key)?.parse().map_err(|_| missing(key))
    }

    /// The text with a name.
    ///
    /// # Errors
    /// [`CheckpointError::Missing`].
    pub fn word(&self, key: &str) -> Result<&str, CheckpointError> {
        self.words
            .get(key)
            .map(String::as_str)
            .ok_or_else(|| missing(key))
    }

    /// Names of all arrays, ascending.
    pub fn array_names(&self) -> impl Iterator<Item = &str> {
        self.arrays.keys().map(String::as_str)
    }

    /// Replaces the file at `path` in one step.
    ///
    /// # Errors
    /// [`CheckpointError::Io`]; an older checkpoint at `path` is then untouched.
    pub fn save(&self, path: &Path) -> Result<(), CheckpointError> {
        let bytes = self.to_bytes(path)?;
        replace_file(path, &bytes).map_err(|source| CheckpointError::Io {
            path: path.to_owned(),
            source,
        })
    }

    /// Reads a checkpoint of the run with this fingerprint.
    ///
    /// # Errors
    /// [`CheckpointError`] for a file that is unreadable, cut off, foreign or of another run.
    pub fn load(path: &Path, fingerprint: &str) -> Result<Self, CheckpointError> {
        let bytes = fs::read(path).map_err(|source| CheckpointError::Io {
            path: path.to_owned(),
            source,
        })?;
        let found = Self::from_bytes(&bytes, path)?;
        if found.fingerprint != fingerprint {
            return Err(CheckpointError::OtherRun {
                path: path.to_owned(),
                found: found.fingerprint,
                wanted: fingerprint.to_owned(),
            });
        }
        Ok(found)
    }

    fn to_bytes(&self, path: &Path) -> Result<Vec<u8>, CheckpointError> {
        let data: BTreeMap<_, Vec<u8>> = self
            .arrays
            .iter()
            .map(|(k, a)| (k, a.values.iter().flat_map(|x| x.to_le_bytes()).collect()))
            .collect();
        let mut header: HashMap<String, String> = self
            .words
            .iter()
            .map(|(k, v)| (format!("word.{k}"), v.clone()))
            .collect();
        header.insert("fingerprint".into(), self.fingerprint.clone());
        header.insert("version".into(), env!("CARGO_PKG_VERSION").into());
        let checksum = checksum(
            &header,
            data.iter()
                .map(|(k, v)| (k.as_str(), self.arrays[*k].shape.as_slice(), v.as_slice())),
        );
        header.insert("format".into(), MAGIC.into());
        header.insert("format_version".into(), FORMAT.to_string());
        header.insert("checksum".into(), checksum);
        let damaged = |e| CheckpointError::Damaged {
            path: path.to_owned(),
            reason: format!("{e}"),
        };
        let views = data
            .iter()
            .map(|(k, v)| {
                let shape = self.arrays[*k].shape.clone();
                Ok((k, TensorView::new(Dtype::F64, shape, v)?))
            })
            .collect::<Result<Vec<_>, _>>()
            .map_err(damaged)?;
        safetensors::serialize(views, Some(header)).map_err(damaged)
    }

    fn from_bytes(bytes: &[u8], path: &Path) -> Result<Self, CheckpointError> {
        let damaged = |reason: String| CheckpointError::Damaged {
            path: path.to_owned(),
            reason,
        };
        let foreign = || CheckpointError::Foreign {
            path: path.to_owned(),
        };
        // The header alone tells a cut-off checkpoint from a file of another program.
        let tensors = SafeTensors::deserialize(bytes).map_err(|e| {
            if head_names_us(bytes) {
                damaged(format!("cut off or damaged ({e})"))
            } else {
                foreign()
            }
        })?;
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|_| foreign())?;
        let mut header = metadata.metadata().clone().unwrap_or_default();
        if header.get("format").map(String::as_str) != Some(MAGIC) {
            return Err(foreign());
        }
        let found = header.get("format_version").cloned().unwrap_or_default();
        if found != FORMAT.to_string() {
            let version = header.get("version").cloned().unwrap_or_default();
            return Err(CheckpointError::Version {
                path: path.to_owned(),
                found,
                known: FORMAT,
                version,
            });
        }
        let stated = header.get("checksum").cloned().unwrap_or_default();
        for key in RESERVED {
            header.remove(key);
        }
        let tensors: BTreeMap<_, _> = tensors.tensors().into_iter().collect();
        if tensors.values().any(|t| t.dtype() != Dtype::F64) {
            return Err(damaged("an array does not hold 64-bit floats".into()));
        }
        let actual = checksum(
            &header,
            tensors
                .iter()
                .map(|(k, v)| (k.as_str(), v.shape(), v.data())),
        );
        if actual != stated {
            return Err(damaged(format!(
                "its checksum is {actual}, stated is {stated}"
            )));
        }
        let number = |b: &[u8]| f64::from_le_bytes(b.try_into().expect("chunks of eight bytes"));
        let arrays = tensors
            .into_iter()
            .map(|(k, t)| {
                let array = Array {
                    shape: t.shape().to_vec(),
                    values: t.data().chunks_exact(8).map(number).collect(),
                };
                (k, array)
            })
            .collect();
        let fingerprint = header.remove("fingerprint").unwrap_or_default();
        let words = header
            .into_iter()
            .filter_map(|(k, v)| Some((k.strip_prefix("word.")?.to_owned(), v)))
            .collect();
        Ok(Self {
            fingerprint,
            arrays,
            words,
        })
    }
}

/// A short name for a text, equal for equal texts: 64-bit FNV-1a in hexadecimal.
///
/// It guards against mistakes, not against malice.
#[must_use]
pub fn fingerprint(text: &str) -> String {
    format!("{:016x}", Fnv::new().over(text.as_bytes()).0)
}

struct Fnv(u64);

impl Fnv {
    fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    /// The length goes in first, so that no two sequences of texts share their bytes.
    fn over(self, bytes: &[u8]) -> Self {
        let length = (bytes.len() as u64).to_le_bytes();
        let step = |h: u64, b: &u8| (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3);
        Self(bytes.iter().fold(length.iter().fold(self.0, step), step))
    }
}

fn checksum<'a>(
    header: &HashMap<String, String>,
    arrays: impl Iterator<Item = (&'a str, &'a [usize], &'a [u8])>,
) -> String {
    let header: BTreeMap<_, _> = header.iter().collect();
    let start = header.iter().fold(Fnv::new(), |h, (k, v)| {
        h.over(k.as_bytes()).over(v.as_bytes())
    });
    format!(
        "{:016x}",
        arrays
            .fold(start, |h, (k, shape, v)| {
                let shape: Vec<u8> = shape
                    .iter()
                    .flat_map(|n| (*n as u64).to_le_bytes())
                    .collect();
                h.over(k.as_bytes()).over(&shape).over(v)
            })
            .0
    )
}

/// Whether the first bytes, where safetensors keeps its header, hold our name.
fn head_names_us(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(1 << 20)];
    head.windows(MAGIC.len()).any(|w| w == MAGIC.as_bytes())
}

fn missing(key: &str) -> CheckpointError {
    CheckpointError::Missing {
        key: key.to_owned(),
    }
}

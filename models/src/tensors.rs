//! Parameters in and out by name: theta as a safetensors file.

use crate::{Layout, Parameter};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Why parameters cannot be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TensorError {
    /// The file system refuses.
    #[error("{}: {source}; name a place that can be read and written", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The bytes are no safetensors file, or a part of one.
    #[error("no safetensors file, or cut off ({reason}); save it again")]
    Unreadable {
        /// What the reader says.
        reason: String,
    },
    /// A tensor of the state is not there.
    #[error("tensor {name:?} is missing; the file belongs to a network of another kind or size")]
    Missing {
        /// Its name.
        name: String,
    },
    /// The state has no such tensor.
    #[error("the network has no tensor {name:?}; take it out, or load the network it belongs to")]
    Unknown {
        /// Its name.
        name: String,
    },
    /// A tensor has another shape.
    #[error("tensor {name:?} has shape {found:?}, the network needs {expected:?}")]
    Shape {
        /// Its name.
        name: String,
        /// Shape in the file.
        found: Vec<usize>,
        /// Shape in the layout.
        expected: Vec<usize>,
    },
    /// A tensor has another type of numbers.
    #[error("tensor {name:?} has dtype {found}, the network needs F64; convert it before saving")]
    Dtype {
        /// Its name.
        name: String,
        /// Type in the file.
        found: String,
    },
    /// A number is NaN or infinite.
    #[error("tensor {name:?} holds {value} at place {place} of its values in row-major order")]
    NotFinite {
        /// Its name.
        name: String,
        /// Place in row-major order.
        place: usize,
        /// The number.
        value: f64,
    },
}

impl Layout {
    /// The parameters as the bytes of a safetensors file: one F64 tensor for each array, with its
    /// name and shape.
    ///
    /// # Errors
    /// [`TensorError::NotFinite`]: such a file could not be read back.
    ///
    /// # Panics
    /// If `theta` does not fit the layout.
    #[track_caller]
    pub fn to_safetensors(&self, theta: &[f64]) -> Result<Vec<u8>, TensorError> {
        assert_eq!(
            theta.len(),
            self.n_params(),
            "one number for each parameter"
        );
        let mut data = Vec::with_capacity(self.parameters().len());
        for p in self.parameters() {
            let values = &theta[p.range.clone()];
            check_finite(&p.name, values)?;
            data.push(
                values
                    .iter()
                    .flat_map(|v| v.to_le_bytes())
                    .collect::<Vec<u8>>(),
            );
        }
        let tensors: Vec<_> = self
            .parameters()
            .iter()
            .zip(&data)
            .map(|(p, bytes)| (&p.name, view_of(p, bytes)))
            .collect();
        let header = [
            ("format", "ketwork-parameters"),
            ("version", env!("CARGO_PKG_VERSION")),
        ];
        let header: HashMap<_, _> = header.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        Ok(safetensors::serialize(tensors, Some(header))
            .expect("names are distinct and every shape has its bytes"))
    }

    /// Reads what [`Self::to_safetensors`] wrote, bit for bit, or what another program wrote with the
    /// same names and shapes; the order of the tensors does not matter.
    ///
    /// # Errors
    /// [`TensorError`], which names the tensor that is missing, unknown, of another shape or dtype,
    /// or not finite.
    pub fn from_safetensors(&self, bytes: &[u8]) -> Result<Vec<f64>, TensorError> {
        let file = SafeTensors::deserialize(bytes).map_err(|e| TensorError::Unreadable {
            reason: e.to_string(),
        })?;
        let mut theta = vec![0.0; self.n_params()];
        for p in self.parameters() {
            let name = || p.name.clone();
            let tensor = file
                .tensor(&p.name)
                .map_err(|_| TensorError::Missing { name: name() })?;
            if tensor.dtype() != Dtype::F64 {
                return Err(TensorError::Dtype {
                    name: name(),
                    found: format!("{:?}", tensor.dtype()),
                });
            }
            if tensor.shape() != p.shape {
                return Err(TensorError::Shape {
                    name: name(),
                    found: tensor.shape().to_vec(),
                    expected: p.shape.clone(),
                });
            }
            let out = &mut theta[p.range.clone()];
            for (value, bytes) in out.iter_mut().zip(tensor.data().chunks_exact(8)) {
                *value = f64::from_le_bytes(bytes.try_into().expect("chunks of eight bytes"));
            }
            check_finite(&p.name, out)?;
        }
        let mut names = file.names();
        names.sort_unstable();
        match names.into_iter().find(|name| self.find(name).is_none()) {
            None => Ok(theta),
            Some(name) => Err(TensorError::Unknown {
                name: name.to_owned(),
            }),
        }
    }

    /// Writes theta into a safetensors file, which Python reads as
    /// `safetensors.numpy.load_file(path)`; an older file at `path` is replaced in one step.
    ///
    /// # Errors
    /// [`TensorError::Io`] and [`TensorError::NotFinite`]; an older file is then untouched.
    ///
    /// # Panics
    /// If `theta` does not fit the layout.
    ///
    /// # Examples
    /// ```
    /// use ketwork_hamiltonians::Space;
    /// use ketwork_models::{Conditional, PrefixTable, Stream};
    /// let path = std::env::temp_dir().join("ketwork-doc-parameters.safetensors");
    /// let net = PrefixTable::<f64>::new(Space::qubits(3));
    /// let theta = net.layout().initial(Stream::new(1));
    /// net.layout().save(&path, &theta)?;
    /// assert_eq!(net.layout().load(&path)?, theta);
    /// # Ok::<(), ketwork_models::TensorError>(())
    /// ```
    #[track_caller]
    pub fn save(&self, path: &Path, theta: &[f64]) -> Result<(), TensorError> {
        let bytes = self.to_safetensors(theta)?;
        replace_file(path, &bytes).map_err(|source| TensorError::Io {
            path: path.to_owned(),
            source,
        })
    }

    /// Reads theta from a safetensors file, see [`Self::from_safetensors`].
    ///
    /// # Errors
    /// [`TensorError`].
    pub fn load(&self, path: &Path) -> Result<Vec<f64>, TensorError> {
        let bytes = fs::read(path).map_err(|source| TensorError::Io {
            path: path.to_owned(),
            source,
        })?;
        self.from_safetensors(&bytes)
    }
}

fn view_of<'a>(p: &Parameter, bytes: &'a [u8]) -> TensorView<'a> {
    TensorView::new(Dtype::F64, p.shape.clone(), bytes).expect("a layout's ranges fit its shapes")
}

fn check_finite(name: &str, values: &[f64]) -> Result<(), TensorError> {
    match values.iter().position(|v| !v.is_finite()) {
        None => Ok(()),
        Some(place) => Err(TensorError::NotFinite {
            name: name.to_owned(),
            place,
            value: values[place],
        }),
    }
}

/// Replaces a file in one step: the bytes are written beside it, synchronised and renamed over it,
/// so that a crash at any moment leaves either the old file or the new one.
///
/// # Errors
/// What the file system says; an older file is then untouched.
pub fn replace_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = path
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let partial = directory.join(format!(".{name}.{}.partial", std::process::id()));
    let written = write_synchronised(&partial, bytes).and_then(|()| fs::rename(&partial, path));
    if written.is_err() {
        // The reason of the failure matters; that the remains cannot be removed does not.
        let _ = fs::remove_file(&partial);
        return written;
    }
    // The rename itself survives a power cut only once the directory is synchronised; not every
    // file system offers that.
    let _ = File::open(directory).and_then(|d| d.sync_all());
    Ok(())
}

fn write_synchronised(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Conditional, Init, Stream, Transformer, TransformerParams};
    use ketwork_hamiltonians::Space;
    use num_complex::Complex64;

    fn layout() -> Layout {
        let mut layout = Layout::new();
        layout.push("layers.0.weight", &[2, 3], Init::Normal(1.0));
        layout.push("layers.0.bias", &[3], Init::Constant(-0.0));
        layout.push("none", &[0], Init::Constant(0.0));
        layout.push("scale", &[], Init::Constant(f64::MIN_POSITIVE / 4.0));
        layout
    }

    fn file(tensors: &[(&str, Dtype, &[usize], Vec<u8>)]) -> Vec<u8> {
        let views = tensors.iter().map(|(name, dtype, shape, bytes)| {
            (
                *name,
                TensorView::new(*dtype, shape.to_vec(), bytes).unwrap(),
            )
        });
        safetensors::serialize(views, None).unwrap()
    }

    #[test]
    fn a_round_trip_keeps_every_bit() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("theta.safetensors");
        let params = TransformerParams {
            layers: 2,
            width: 8,
            heads: 2,
        };
        let net = Transformer::<Complex64>::new(Space::qubits(5), params).unwrap();
        for layout in [layout(), net.layout().clone()] {
            let theta = layout.initial(Stream::new(4));
            layout.save(&path, &theta).unwrap();
            let back = layout.load(&path).unwrap();
            let bits = |v: &[f64]| v.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&theta), bits(&back));
            // Every tensor under its own name, with its own shape and values.
            let bytes = fs::read(&path).unwrap();
            let tensors = SafeTensors::deserialize(&bytes).unwrap();
            assert_eq!(tensors.len(), layout.parameters().len());
            for p in layout.parameters() {
                let t = tensors.tensor(&p.name).unwrap();
                assert_eq!(t.shape(), p.shape, "{}", p.name);
                let values: Vec<u8> = theta[p.range.clone()]
                    .iter()
                    .flat_map(|v| v.to_le_bytes())
                    .collect();
                assert_eq!(t.data(), values, "{}", p.name);
            }
        }
        assert_eq!(
            fs::read_dir(dir.path()).unwrap().count(),
            1,
            "no partial file is left"
        );
    }

    #[test]
    fn a_file_that_does_not_fit_is_refused_with_the_name_of_the_tensor() {
        let mut layout = Layout::new();
        layout.push("a", &[2], Init::Constant(0.0));
        layout.push("b.c", &[1, 2], Init::Constant(0.0));
        let two = |a: f64, b: f64| [a.to_le_bytes(), b.to_le_bytes()].concat();
        let a = ("a", Dtype::F64, &[2][..], two(1.0, 2.0));
        let b = ("b.c", Dtype::F64, &[1, 2][..], two(3.0, 4.0));
        let read = |tensors: &[(&str, Dtype, &[usize], Vec<u8>)]| {
            layout
                .from_safetensors(&file(tensors))
                .map_err(|e| e.to_string())
        };
        assert_eq!(read(&[b.clone(), a.clone()]), Ok(vec![1.0, 2.0, 3.0, 4.0]));
        let refused = |tensors: &[(&str, Dtype, &[usize], Vec<u8>)], name: &str, why: &str| {
            let error = read(tensors).unwrap_err();
            assert!(error.contains(name) && error.contains(why), "{error}");
        };
        refused(std::slice::from_ref(&a), "\"b.c\"", "missing");
        let more = ("d", Dtype::F64, &[2][..], two(0.0, 0.0));
        refused(&[a.clone(), b.clone(), more], "\"d\"", "no tensor");
        let turned = ("b.c", Dtype::F64, &[2, 1][..], two(3.0, 4.0));
        refused(
            &[a.clone(), turned],
            "\"b.c\"",
            "shape [2, 1], the network needs [1, 2]",
        );
        let narrow = ("a", Dtype::F32, &[2][..], vec![0; 8]);
        refused(&[narrow, b.clone()], "\"a\"", "F32");
        let bad = ("b.c", Dtype::F64, &[1, 2][..], two(3.0, f64::NAN));
        refused(&[a.clone(), bad], "\"b.c\"", "NaN at place 1");
        let error = layout
            .to_safetensors(&[0.0, f64::INFINITY, 0.0, 0.0])
            .unwrap_err();
        assert!(
            matches!(error, TensorError::NotFinite { place: 1, .. }),
            "{error}"
        );
    }

    #[test]
    fn every_truncation_is_refused() {
        let layout = layout();
        let bytes = layout
            .to_safetensors(&layout.initial(Stream::new(1)))
            .unwrap();
        for n in 0..bytes.len() {
            let error = layout.from_safetensors(&bytes[..n]).unwrap_err();
            assert!(
                matches!(error, TensorError::Unreadable { .. }),
                "cut at {n}: {error}"
            );
        }
    }

    #[test]
    fn a_failed_save_leaves_the_old_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("theta.safetensors");
        let layout = layout();
        let theta = layout.initial(Stream::new(1));
        layout.save(&path, &theta).unwrap();
        let mut bad = theta.clone();
        bad[0] = f64::NAN;
        assert!(layout.save(&path, &bad).is_err());
        assert_eq!(layout.load(&path).unwrap(), theta);
        // A directory in the way makes the rename fail, whoever runs the test.
        let taken = dir.path().join("taken");
        fs::create_dir(&taken).unwrap();
        fs::write(taken.join("old"), "precious").unwrap();
        assert!(matches!(
            layout.save(&taken, &theta),
            Err(TensorError::Io { .. })
        ));
        assert_eq!(fs::read_to_string(taken.join("old")).unwrap(), "precious");
        assert_eq!(
            fs::read_dir(dir.path()).unwrap().count(),
            2,
            "no partial file is left"
        );
    }
}

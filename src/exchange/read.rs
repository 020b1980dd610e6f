//! Configurations from files: snapshots of an experiment or of another program.

use super::{ExchangeError, archive};
use ketwork_hamiltonians::{Configs, Constraint, is_legal_with};
use ndarray::{Array2, ArrayView1, Ix1, Ix2, OwnedRepr};
use ndarray_npy::{NpzReader, ReadNpyError, ReadNpzError, ReadableElement};
use std::fs::File;
use std::path::Path;

/// Name of the array of configurations in an archive.
pub(super) const CONFIGURATIONS: &str = "configurations";
/// Name of the array of their weights.
pub(super) const WEIGHTS: &str = "weights";

/// Configurations with their weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshots {
    /// The configurations (B, N), in site order.
    pub x: Configs,
    /// Their weights (B), not negative; 1 each where the file has none.
    pub weight: Vec<f64>,
}

impl Snapshots {
    /// Writes an archive that [`read_snapshots`] reads.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn write(&self, path: &Path) -> Result<(), ExchangeError> {
        archive(path, |npz| {
            npz.add_array(CONFIGURATIONS, &self.x.array())?;
            npz.add_array(WEIGHTS, &ArrayView1::from(&self.weight))
        })
    }
}

/// Reads configurations of a sector.
///
/// A path that ends in `.npz` is a NumPy archive, uncompressed (`numpy.savez`), with `configurations` (B, N) of
/// integers or booleans and, if wanted, `weights` (B): what [`write_samples`](super::write_samples) writes. Any
/// other file is text: one configuration a line, its values apart (`0 1 0`, `0,1,0`) or, below ten, together
/// (`010`); empty lines and what follows a `#` are passed over.
///
/// # Errors
/// [`ExchangeError`]: a file that cannot be read, no configuration, another number of sites, a value that is none
/// of a site, a configuration outside the sector, weights of another number or below 0; each with its row.
pub fn read_snapshots(path: &Path, sector: &dyn Constraint) -> Result<Snapshots, ExchangeError> {
    let is_archive = path.extension().is_some_and(|e| e == "npz");
    let (rows, weight) = match is_archive {
        true => from_archive(path)?,
        false => (from_text(path)?, None),
    };
    let n_sites = sector.space().n_sites;
    let weight = weight.unwrap_or_else(|| vec![1.0; rows.len()]);
    if rows.is_empty() {
        return Err(ExchangeError::NoConfigurations {
            path: path.to_owned(),
        });
    }
    if weight.len() != rows.len() {
        return Err(ExchangeError::Weights {
            path: path.to_owned(),
            found: weight.len(),
            rows: rows.len(),
        });
    }
    let (mut x, mut state) = (Configs::new(n_sites), Vec::new());
    for (row, (values, &weight)) in rows.iter().zip(&weight).enumerate() {
        let refused = |reason: String| ExchangeError::Row {
            path: path.to_owned(),
            row: row + 1,
            reason,
        };
        if values.len() != n_sites {
            let found = values.len();
            return Err(refused(format!(
                "has {found} values where the lattice has {n_sites} sites"
            )));
        }
        let local_dim = sector.space().local_dim;
        let of_site = |v: i64| u8::try_from(v).ok().filter(|v| usize::from(*v) < local_dim);
        if let Some(site) = values.iter().position(|v| of_site(*v).is_none()) {
            let value = values[site];
            return Err(refused(format!(
                "has the value {value} at site {site}; values are 0 to {}",
                local_dim - 1
            )));
        }
        let values: Vec<u8> = values.iter().filter_map(|v| of_site(*v)).collect();
        if !is_legal_with(sector, &values, &mut state) {
            return Err(refused(
                "lies outside the constrained space of the model".into(),
            ));
        }
        if !(weight.is_finite() && weight >= 0.0) {
            return Err(refused(format!(
                "has the weight {weight}; weights are finite and not negative"
            )));
        }
        x.push(&values);
    }
    Ok(Snapshots { x, weight })
}

type Rows = (Vec<Vec<i64>>, Option<Vec<f64>>);

fn from_archive(path: &Path) -> Result<Rows, ExchangeError> {
    let unreadable = |source| ExchangeError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(|source| ExchangeError::File {
        path: path.to_owned(),
        source,
    })?;
    let mut npz = NpzReader::new(file).map_err(unreadable)?;
    let names = npz.names().map_err(unreadable)?;
    let has = |wanted: &str| names.iter().any(|name| name == wanted);
    if !has(CONFIGURATIONS) {
        return Err(ExchangeError::NoArray {
            path: path.to_owned(),
            wanted: CONFIGURATIONS,
            found: names.join(", "),
        });
    }
    let rows = integers(&mut npz).map_err(unreadable)?;
    let weights = match has(WEIGHTS) {
        true => {
            let weights = npz.by_name::<OwnedRepr<f64>, Ix1>(WEIGHTS);
            Some(weights.map_err(unreadable)?.to_vec())
        }
        false => None,
    };
    Ok((rows, weights))
}

type Reader = fn(&mut NpzReader<File>) -> Result<Vec<Vec<i64>>, ReadNpzError>;

/// The configurations in whichever type of integer they were written.
fn integers(npz: &mut NpzReader<File>) -> Result<Vec<Vec<i64>>, ReadNpzError> {
    let readers: [Reader; 9] = [
        |npz| rows::<u8>(npz, i64::from),
        |npz| rows::<bool>(npz, i64::from),
        |npz| rows::<i64>(npz, |v| v),
        |npz| rows::<i32>(npz, i64::from),
        |npz| rows::<i8>(npz, i64::from),
        |npz| rows::<u32>(npz, i64::from),
        |npz| rows::<i16>(npz, i64::from),
        |npz| rows::<u16>(npz, i64::from),
        |npz| rows::<u64>(npz, |v| i64::try_from(v).unwrap_or(i64::MAX)),
    ];
    let mut last = None;
    for read in readers {
        match read(npz) {
            Err(e @ ReadNpzError::Npy(ReadNpyError::WrongDescriptor(_))) => last = Some(e),
            other => return other,
        }
    }
    Err(last.expect("there are readers"))
}

fn rows<T: ReadableElement + Copy>(
    npz: &mut NpzReader<File>,
    wide: fn(T) -> i64,
) -> Result<Vec<Vec<i64>>, ReadNpzError> {
    let x: Array2<T> = npz.by_name::<OwnedRepr<T>, Ix2>(CONFIGURATIONS)?;
    let row = |row: ArrayView1<'_, T>| row.iter().map(|v| wide(*v)).collect();
    Ok(x.rows().into_iter().map(row).collect())
}

fn from_text(path: &Path) -> Result<Vec<Vec<i64>>, ExchangeError> {
    let text = std::fs::read_to_string(path).map_err(|source| ExchangeError::File {
        path: path.to_owned(),
        source,
    })?;
    let lines = text
        .lines()
        .map(|line| line.split('#').next().unwrap_or(""));
    let filled = lines.filter(|line| !line.trim().is_empty());
    let row = |(row, line): (usize, &str)| -> Result<Vec<i64>, ExchangeError> {
        let words: Vec<&str> = line
            .split(|c: char| c.is_whitespace() || c == ',')
            .filter(|word| !word.is_empty())
            .collect();
        // Without anything between them values are digits.
        let words: Vec<&str> = match words[..] {
            [digits] => digits.split("").filter(|d| !d.is_empty()).collect(),
            _ => words,
        };
        let value = |(site, word): (usize, &&str)| {
            word.parse().map_err(|_| ExchangeError::Row {
                path: path.to_owned(),
                row: row + 1,
                reason: format!("has '{word}' at site {site}, which is no integer"),
            })
        };
        words.iter().enumerate().map(value).collect()
    };
    filled.enumerate().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Samples;
    use crate::exchange::write_samples;
    use ketwork_hamiltonians::{Free, Number, Space};
    use ketwork_models::Draw;
    use ndarray::{Array1, array};
    use ndarray_npy::NpzWriter;

    fn text(words: &str, sector: &dyn Constraint) -> Result<Snapshots, ExchangeError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("snapshots.txt");
        std::fs::write(&path, words).unwrap();
        read_snapshots(&path, sector)
    }

    #[test]
    fn text_is_read_in_each_of_its_forms() {
        let free = Free::new(Space::new(3, 3));
        let read = text("# three atoms\n012\n\n0 1 2  # again\n2,2,0\n", &free).unwrap();
        assert_eq!(read.x.data(), [0, 1, 2, 0, 1, 2, 2, 2, 0]);
        assert_eq!(read.weight, [1.0; 3]);
    }

    #[test]
    fn samples_come_back_as_they_were_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("samples.npz");
        let mut x = Configs::new(3);
        x.push(&[0, 1, 1]);
        x.push(&[1, 0, 0]);
        let samples = Samples {
            x,
            log_psi: vec![0.5, 0.25],
            weight: vec![0.75, 0.25],
            draw: Draw::Exact,
        };
        write_samples(&path, &samples).unwrap();
        let read = read_snapshots(&path, &Free::new(Space::qubits(3))).unwrap();
        assert_eq!(read.x, samples.x);
        assert_eq!(read.weight, samples.weight);
        read.write(&path).unwrap();
        assert_eq!(
            read_snapshots(&path, &Free::new(Space::qubits(3))).unwrap(),
            read
        );
    }

    #[test]
    fn archives_may_hold_any_integers() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("numpy.npz");
        let mut npz = NpzWriter::new(File::create(&path).unwrap());
        npz.add_array("configurations", &array![[0i64, 1], [1, 0]])
            .unwrap();
        npz.finish().unwrap();
        let free = Free::new(Space::qubits(2));
        let read = read_snapshots(&path, &free).unwrap();
        assert_eq!(read.x.data(), [0, 1, 1, 0]);
        let mut npz = NpzWriter::new(File::create(&path).unwrap());
        npz.add_array("x", &array![[0i64, 1]]).unwrap();
        npz.finish().unwrap();
        let refused = read_snapshots(&path, &free).unwrap_err();
        assert!(
            matches!(refused, ExchangeError::NoArray { .. }),
            "{refused}"
        );
        let mut npz = NpzWriter::new(File::create(&path).unwrap());
        npz.add_array("configurations", &Array1::<u8>::zeros(4))
            .unwrap();
        npz.finish().unwrap();
        let refused = read_snapshots(&path, &free).unwrap_err();
        assert!(
            matches!(refused, ExchangeError::Unreadable { .. }),
            "{refused}"
        );
        let mut npz = NpzWriter::new(File::create(&path).unwrap());
        npz.add_array("configurations", &array![[0u8, 1], [-1i8 as u8, 0]])
            .unwrap();
        npz.add_array("weights", &array![1.0]).unwrap();
        npz.finish().unwrap();
        let refused = read_snapshots(&path, &free).unwrap_err();
        assert!(
            matches!(
                refused,
                ExchangeError::Weights {
                    found: 1,
                    rows: 2,
                    ..
                }
            ),
            "{refused}"
        );
    }

    #[test]
    fn what_does_not_fit_is_refused_with_its_row() {
        let free = Free::new(Space::qubits(3));
        let one = Number::new(Space::qubits(3), 1).unwrap();
        for (words, sector, row, reason) in [
            ("010\n01\n", &free as &dyn Constraint, 2, "2 values"),
            ("010\n011\n", &one, 2, "outside the constrained space"),
            ("010\n012\n", &free, 2, "value 2 at site 2"),
            ("0 1 -1\n", &free, 1, "value -1 at site 2"),
            ("0 256 1\n", &free, 1, "value 256 at site 1"),
            ("0 1 x\n", &free, 1, "'x' at site 2"),
        ] {
            let refused = text(words, sector).unwrap_err();
            let says = refused.to_string();
            let ExchangeError::Row { row: found, .. } = refused else {
                panic!("{says}");
            };
            assert_eq!(found, row, "{says}");
            assert!(says.contains(reason), "{says}");
        }
        let empty = text("# nothing\n", &free).unwrap_err();
        assert!(
            matches!(empty, ExchangeError::NoConfigurations { .. }),
            "{empty}"
        );
        let missing = read_snapshots(Path::new("nowhere.npz"), &free).unwrap_err();
        assert!(matches!(missing, ExchangeError::File { .. }), "{missing}");
    }
}

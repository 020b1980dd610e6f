use ketwork_hamiltonians::{LatticeError, ModelError};
use serde::de::{self, Expected, Unexpected};
use std::fmt::{self, Display};
use std::path::PathBuf;

/// Why a run file is refused.
///
/// Every message is one line that names the key and the remedy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunFileError {
    /// The file cannot be read.
    #[error("{}: {source}; give the path of a run file that can be read", path.display())]
    Read {
        /// The path.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The text is not TOML.
    #[error("line {line}, column {column}: {reason}; write it as TOML")]
    Syntax {
        /// Line, counted from 1.
        line: usize,
        /// Column, counted from 1.
        column: usize,
        /// What the parser says.
        reason: String,
    },
    /// A key that means nothing here.
    #[error("{key}: unknown key{}; known here: {}", hint(key, known), known.join(", "))]
    UnknownKey {
        /// The key, with its section.
        key: String,
        /// The keys that may stand there.
        known: Vec<&'static str>,
    },
    /// A key without a default is not there.
    #[error("{key}: missing; this key has no default, write it down")]
    MissingKey {
        /// The key, with its section.
        key: String,
    },
    /// A word that is none of the choices.
    #[error("{key}: no such choice, {found:?}{}; choose one of {}", hint(found, known), known.join(", "))]
    UnknownChoice {
        /// The key, with its section.
        key: String,
        /// The word.
        found: String,
        /// The choices.
        known: Vec<&'static str>,
    },
    /// A value of the wrong type.
    #[error("{key}: found {found}; write {wanted}")]
    WrongType {
        /// The key, with its section.
        key: String,
        /// What stands there.
        found: String,
        /// What should stand there.
        wanted: String,
    },
    /// A number that is NaN or infinite.
    #[error("{key}: {value} is no finite number; write a finite one")]
    NotFinite {
        /// The key, with its section.
        key: String,
        /// The number.
        value: f64,
    },
    /// A value outside its range, or one that does not fit another.
    #[error("{key}: {reason}")]
    Value {
        /// The key, with its section.
        key: String,
        /// What is wrong and what to do.
        reason: String,
    },
    /// The lattice is refused.
    #[error("hamiltonian.lattice.{0}")]
    Lattice(#[source] LatticeError),
    /// The model is refused.
    #[error("hamiltonian.{key}: {source}")]
    Model {
        /// The key to change.
        key: &'static str,
        /// Why.
        source: ModelError,
    },
}

impl RunFileError {
    /// The same error seen from the table or list that holds `parent`.
    pub(super) fn within(mut self, parent: &str) -> Self {
        if let Self::UnknownKey { key, .. }
        | Self::MissingKey { key }
        | Self::UnknownChoice { key, .. }
        | Self::WrongType { key, .. }
        | Self::NotFinite { key, .. }
        | Self::Value { key, .. } = &mut self
        {
            let joint = if key.is_empty() || key.starts_with('[') {
                ""
            } else {
                "."
            };
            *key = format!("{parent}{joint}{key}");
        }
        self
    }

    pub(super) fn value(key: &str, reason: impl Into<String>) -> Self {
        Self::Value {
            key: key.to_owned(),
            reason: reason.into(),
        }
    }

    pub(super) fn wrong_type(found: impl Into<String>, wanted: impl Into<String>) -> Self {
        Self::WrongType {
            key: String::new(),
            found: found.into(),
            wanted: wanted.into(),
        }
    }
}

/// The derived deserialisers report through this trait; the keys around the place of the error
/// are added on the way out, see `node`.
impl de::Error for RunFileError {
    fn custom<T: Display>(message: T) -> Self {
        Self::value("", message.to_string())
    }
    fn invalid_type(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Self::wrong_type(found.to_string(), plain(wanted))
    }
    fn invalid_value(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Self::invalid_type(found, wanted)
    }
    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        Self::UnknownKey {
            key: field.to_owned(),
            known: known.to_vec(),
        }
    }
    fn unknown_variant(found: &str, known: &'static [&'static str]) -> Self {
        Self::UnknownChoice {
            key: String::new(),
            found: found.to_owned(),
            known: known.to_vec(),
        }
    }
    fn missing_field(field: &'static str) -> Self {
        Self::MissingKey {
            key: field.to_owned(),
        }
    }
}

/// Names of Rust types as a reader of run files would say them.
fn plain(wanted: &dyn Expected) -> String {
    struct Shown<'a>(&'a dyn Expected);
    impl Display for Shown<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            Expected::fmt(self.0, f)
        }
    }
    match Shown(wanted).to_string().as_str() {
        "u32" => "a whole number that is not negative and below 4294967296".into(),
        "u64" | "usize" => "a whole number that is not negative".into(),
        "f64" => "a number".into(),
        "a boolean" => "true or false".into(),
        "a sequence" => "a list, [..]".into(),
        "a string" | "string or map" => "a word in quotes".into(),
        other if other.starts_with("struct") => "a table, { key = value }".into(),
        other => other.into(),
    }
}

/// A suggestion where one known word is close to the last part of `found`.
fn hint(found: &str, known: &[&'static str]) -> String {
    let word = found.rsplit('.').next().unwrap_or(found);
    let near = known.iter().map(|k| (distance(word, k), k)).min();
    match near {
        Some((d, k)) if d <= 2 && d < k.len() => format!(", did you mean {k:?}"),
        _ => String::new(),
    }
}

/// Edits between two words, an exchange of neighbouring letters counting as one.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut d = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            if i == 0 || j == 0 {
                d[i][j] = i + j;
                continue;
            }
            let replaced = d[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            d[i][j] = replaced.min(d[i - 1][j] + 1).min(d[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                d[i][j] = d[i][j].min(d[i - 2][j - 2] + 1);
            }
        }
    }
    d[a.len()][b.len()]
}

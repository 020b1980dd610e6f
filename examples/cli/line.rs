//! The JSON line: named values that must be finite.

use serde_json::{Map, Value};

/// One object of the JSON line, in the making.
#[derive(Clone, Debug, Default)]
pub struct Line(Vec<(String, Field)>);

/// A value of the JSON line.
#[derive(Clone, Debug)]
pub enum Field {
    /// Not computed: null.
    Absent,
    /// A number, to be checked.
    Number(f64),
    /// What needs no check.
    Plain(Value),
    /// Several values.
    List(Vec<Self>),
    /// Named values.
    Object(Line),
}

impl Line {
    /// An empty object.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a value; a later one with the same name counts.
    pub fn set(mut self, name: &str, value: impl Into<Field>) -> Self {
        self.0.push((name.to_owned(), value.into()));
        self
    }

    /// The JSON object, or the path of the first number that is not finite.
    pub fn to_json(&self) -> Result<Map<String, Value>, String> {
        let entry = |(name, field): &(String, Field)| Ok((name.clone(), field.to_json(name)?));
        self.0.iter().map(entry).collect()
    }
}

impl Field {
    fn to_json(&self, path: &str) -> Result<Value, String> {
        match self {
            Self::Absent => Ok(Value::Null),
            Self::Number(x) if !x.is_finite() => Err(format!("{path} is {x}")),
            Self::Number(x) => Ok(Value::from(*x)),
            Self::Plain(value) => Ok(value.clone()),
            Self::List(list) => {
                let item = |(i, f): (usize, &Self)| f.to_json(&format!("{path}[{i}]"));
                list.iter()
                    .enumerate()
                    .map(item)
                    .collect::<Result<_, _>>()
                    .map(Value::Array)
            }
            Self::Object(line) => line
                .to_json()
                .map(Value::Object)
                .map_err(|inner| format!("{path}.{inner}")),
        }
    }
}

impl From<f64> for Field {
    fn from(x: f64) -> Self {
        Self::Number(x)
    }
}

impl From<usize> for Field {
    fn from(n: usize) -> Self {
        Self::Plain(n.into())
    }
}

impl From<u64> for Field {
    fn from(n: u64) -> Self {
        Self::Plain(n.into())
    }
}

impl From<&str> for Field {
    fn from(text: &str) -> Self {
        Self::Plain(text.into())
    }
}

impl From<Line> for Field {
    fn from(line: Line) -> Self {
        Self::Object(line)
    }
}

impl<T: Into<Self>> From<Option<T>> for Field {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Absent, Into::into)
    }
}

impl<T: Into<Self>> From<Vec<T>> for Field {
    fn from(values: Vec<T>) -> Self {
        Self::List(values.into_iter().map(Into::into).collect())
    }
}

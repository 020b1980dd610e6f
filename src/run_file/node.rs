//! Reads TOML values into derived types so that errors carry the whole path of the key.
//!
//! The `toml` crate's own errors are texts; these are [`RunFileError`] variants that grow the path
//! while they pass outwards through tables and lists. NaN and infinities are refused here, once for
//! all numbers.

use super::RunFileError;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess,
    SeqAccess, VariantAccess, Visitor,
};
use toml::Value;

/// Reads `value`, which stands at `key`.
pub(super) fn read<T: DeserializeOwned>(key: &str, value: Value) -> Result<T, RunFileError> {
    T::deserialize(Node(value)).map_err(|e| e.within(key))
}

struct Node(Value);

impl<'de> Deserializer<'de> for Node {
    type Error = RunFileError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, RunFileError> {
        match self.0 {
            Value::String(s) => visitor.visit_string(s),
            Value::Integer(i) => visitor.visit_i64(i),
            Value::Float(x) if !x.is_finite() => Err(RunFileError::NotFinite {
                key: String::new(),
                value: x,
            }),
            Value::Float(x) => visitor.visit_f64(x),
            Value::Boolean(b) => visitor.visit_bool(b),
            Value::Datetime(d) => Err(RunFileError::wrong_type(
                format!("the date {d}"),
                "a number, a word in quotes, a list or a table",
            )),
            Value::Array(values) => visitor.visit_seq(Items {
                index: 0,
                rest: values.into_iter(),
            }),
            Value::Table(table) => visitor.visit_map(Entries {
                rest: table.into_iter(),
                next: None,
            }),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, RunFileError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, RunFileError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, RunFileError> {
        match self.0 {
            Value::String(word) => visitor.visit_enum(Word(word)),
            other => Err(RunFileError::wrong_type(
                describe(&other),
                "a word in quotes",
            )),
        }
    }

    /// Derived types would also read a list as their fields in order: that is no TOML anyone wants.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, RunFileError> {
        match &self.0 {
            Value::Table(_) => self.deserialize_any(visitor),
            other => Err(RunFileError::wrong_type(
                describe(other),
                "a table, { key = value }",
            )),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map identifier ignored_any
    }
}

fn describe(value: &Value) -> String {
    match value {
        Value::Array(_) => "a list".into(),
        Value::Table(_) => "a table".into(),
        other => format!("{} {other}", other.type_str()),
    }
}

struct Items {
    index: usize,
    rest: std::vec::IntoIter<Value>,
}

impl<'de> SeqAccess<'de> for Items {
    type Error = RunFileError;
    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, RunFileError> {
        let Some(value) = self.rest.next() else {
            return Ok(None);
        };
        let index = self.index;
        self.index += 1;
        seed.deserialize(Node(value))
            .map(Some)
            .map_err(|e| e.within(&format!("[{index}]")))
    }
}

struct Entries {
    rest: toml::map::IntoIter<String, Value>,
    next: Option<(String, Value)>,
}

impl<'de> MapAccess<'de> for Entries {
    type Error = RunFileError;
    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, RunFileError> {
        self.next = self.rest.next();
        let Some((key, _)) = &self.next else {
            return Ok(None);
        };
        seed.deserialize(key.as_str().into_deserializer()).map(Some)
    }
    fn next_value_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<T::Value, RunFileError> {
        let (key, value) = self
            .next
            .take()
            .expect("serde asks for a value after its key");
        seed.deserialize(Node(value)).map_err(|e| e.within(&key))
    }
}

/// A choice without fields, the only kind of enum in run files.
struct Word(String);

impl<'de> EnumAccess<'de> for Word {
    type Error = RunFileError;
    type Variant = Self;
    fn variant_seed<T: DeserializeSeed<'de>>(
        self,
        seed: T,
    ) -> Result<(T::Value, Self), RunFileError> {
        let chosen = seed.deserialize(self.0.as_str().into_deserializer())?;
        Ok((chosen, self))
    }
}

impl<'de> VariantAccess<'de> for Word {
    type Error = RunFileError;
    fn unit_variant(self) -> Result<(), RunFileError> {
        Ok(())
    }
    fn newtype_variant_seed<T: DeserializeSeed<'de>>(
        self,
        _seed: T,
    ) -> Result<T::Value, RunFileError> {
        Err(RunFileError::wrong_type(format!("{:?}", self.0), "a table"))
    }
    fn tuple_variant<V: Visitor<'de>>(
        self,
        _len: usize,
        _visitor: V,
    ) -> Result<V::Value, RunFileError> {
        Err(RunFileError::wrong_type(format!("{:?}", self.0), "a list"))
    }
    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        _visitor: V,
    ) -> Result<V::Value, RunFileError> {
        Err(RunFileError::wrong_type(format!("{:?}", self.0), "a table"))
    }
}

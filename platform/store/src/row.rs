//! Rows of either engine, read by serde: a struct by the names of the columns, a tuple by their order.

use serde::{
    Deserializer,
    de::{self, DeserializeOwned, DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess, Visitor},
    forward_to_deserialize_any,
};
use sqlx::{Column as _, Row as _, TypeInfo as _, ValueRef as _, postgres::PgRow};

use crate::error::{Answer, EngineError};

/// A row that both engines can give: `#[derive(serde::Deserialize)]` on a struct, or a tuple.
pub trait Row: DeserializeOwned + Send + 'static {}

impl<T: DeserializeOwned + Send + 'static> Row for T {}

/// What stands in one column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Text(String),
    Int(i64),
    Float(f64),
    Bool(bool),
    Bytes(Vec<u8>),
}

/// A row as its engine holds it.
pub(crate) trait Columns {
    fn count(&self) -> usize;
    fn name(&self, at: usize) -> Answer<&str>;
    fn value(&self, at: usize) -> Answer<Value>;
}

impl Columns for rusqlite::Row<'_> {
    fn count(&self) -> usize {
        self.as_ref().column_count()
    }

    fn name(&self, at: usize) -> Answer<&str> {
        Ok(self.as_ref().column_name(at)?)
    }

    fn value(&self, at: usize) -> Answer<Value> {
        use rusqlite::types::ValueRef;
        Ok(match self.get_ref(at)? {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(value) => Value::Int(value),
            ValueRef::Real(value) => Value::Float(value),
            ValueRef::Text(text) => {
                Value::Text(str::from_utf8(text).map_err(|e| EngineError::Shape(e.to_string()))?.to_owned())
            }
            ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
        })
    }
}

impl Columns for PgRow {
    fn count(&self) -> usize {
        self.len()
    }

    fn name(&self, at: usize) -> Answer<&str> {
        Ok(self.try_column(at)?.name())
    }

    fn value(&self, at: usize) -> Answer<Value> {
        if self.try_get_raw(at)?.is_null() {
            return Ok(Value::Null);
        }
        Ok(match self.try_column(at)?.type_info().name() {
            "INT8" => Value::Int(self.try_get(at)?),
            "INT4" => Value::Int(self.try_get::<i32, _>(at)?.into()),
            "FLOAT8" => Value::Float(self.try_get(at)?),
            "BOOL" => Value::Bool(self.try_get(at)?),
            "TEXT" | "VARCHAR" | "NAME" => Value::Text(self.try_get(at)?),
            // `blob` is a domain of the module's schema over bytea.
            _ => Value::Bytes(self.try_get_unchecked(at)?),
        })
    }
}

/// The row as a `T`.
pub(crate) fn read<T: Row>(row: &impl Columns) -> Answer<T> {
    T::deserialize(Whole(row))
}

impl de::Error for EngineError {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self::Shape(message.to_string())
    }
}

/// A row to be read.
struct Whole<'r, C>(&'r C);

impl<'de, C: Columns> Deserializer<'de> for Whole<'_, C> {
    type Error = EngineError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Answer<V::Value> {
        visitor.visit_map(Walk { row: self.0, at: 0 })
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Answer<V::Value> {
        visitor.visit_seq(Walk { row: self.0, at: 0 })
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, columns: usize, visitor: V) -> Answer<V::Value> {
        match self.0.count() {
            given if given == columns => self.deserialize_seq(visitor),
            given => Err(EngineError::Shape(format!("{given} columns for {columns} values"))),
        }
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        columns: usize,
        visitor: V,
    ) -> Answer<V::Value> {
        self.deserialize_tuple(columns, visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Answer<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct map
        struct enum identifier ignored_any
    }
}

/// Goes through a row's columns.
struct Walk<'r, C> {
    row: &'r C,
    at: usize,
}

impl<'de, C: Columns> MapAccess<'de> for Walk<'_, C> {
    type Error = EngineError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Answer<Option<K::Value>> {
        if self.at == self.row.count() {
            return Ok(None);
        }
        let name: de::value::StrDeserializer<'_, EngineError> = self.row.name(self.at)?.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Answer<S::Value> {
        let (row, at) = (self.row, self.at);
        self.at += 1;
        let read = seed.deserialize(Field(row.value(at)?));
        read.map_err(|error| match error {
            EngineError::Shape(what) => EngineError::Shape(format!("{}: {what}", row.name(at).unwrap_or("?"))),
            other => other,
        })
    }
}

impl<'de, C: Columns> SeqAccess<'de> for Walk<'_, C> {
    type Error = EngineError;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Answer<Option<S::Value>> {
        if self.at == self.row.count() {
            return Ok(None);
        }
        self.next_value_seed(seed).map(Some)
    }
}

/// A column's value to be read.
struct Field(Value);

impl<'de> Deserializer<'de> for Field {
    type Error = EngineError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Answer<V::Value> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Text(text) => visitor.visit_string(text),
            Value::Int(value) => visitor.visit_i64(value),
            Value::Float(value) => visitor.visit_f64(value),
            Value::Bool(value) => visitor.visit_bool(value),
            Value::Bytes(bytes) => visitor.visit_byte_buf(bytes),
        }
    }

    /// SQLite has no booleans: they are 0 and 1.
    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Answer<V::Value> {
        match self.0 {
            Value::Int(value) => visitor.visit_bool(value != 0),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Answer<V::Value> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    /// `Vec<u8>` is a sequence to serde.
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Answer<V::Value> {
        match self.0 {
            Value::Bytes(bytes) => visitor.visit_seq(de::value::SeqDeserializer::new(bytes.into_iter())),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Answer<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Answer<V::Value> {
        match self.0 {
            Value::Text(text) => {
                let text: de::value::StringDeserializer<EngineError> = text.into_deserializer();
                text.deserialize_enum(name, variants, visitor)
            }
            _ => self.deserialize_any(visitor),
        }
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct map tuple
        tuple_struct struct identifier ignored_any
    }
}

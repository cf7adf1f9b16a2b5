//! Between fields as JSON and messages.

use serde_json::{Map, Value};
use tessera_types::Timestamp;

use super::{
    shape::{Enumeration, Field, Kind, Presence, Shape, UNKNOWN},
    wire::{Record, WireError, put_bytes, put_fixed64, put_number, put_varint, take_record, take_varint},
};
use crate::Failure;

const MICROS: i64 = 1_000_000;

/// The fields as a message.
pub(super) fn encode(shape: &Shape, fields: &Map<String, Value>) -> Result<Vec<u8>, Failure> {
    let mut out = Vec::with_capacity(128);
    message(shape, fields, &mut out)?;
    Ok(out)
}

/// The message's fields.
pub(super) fn decode(shape: &Shape, bytes: &[u8]) -> Result<Map<String, Value>, Failure> {
    let mut fields = Map::new();
    read_message(shape, bytes, &mut fields)?;
    Ok(fields)
}

fn message(shape: &Shape, fields: &Map<String, Value>, out: &mut Vec<u8>) -> Result<(), Failure> {
    if let Some(stray) = fields.keys().find(|name| shape.fields.iter().all(|field| field.name != **name)) {
        return Err(Failure::invalid(stray, format!("{} has no field {stray}", shape.name)));
    }
    for (number, field) in (1..).zip(&shape.fields) {
        let Some(value) = fields.get(&field.name).filter(|value| !value.is_null()) else { continue };
        let written = match field.presence {
            Presence::Implicit => put(&field.kind, number, value, false, out),
            Presence::Explicit => put(&field.kind, number, value, true, out),
            Presence::Repeated => list(&field.kind, number, value, out),
            Presence::Listed => {
                let mut within = Vec::new();
                list(&field.kind, 1, value, &mut within).map(|()| put_bytes(out, number, &within))
            }
        };
        written.map_err(|unfit| unfit.at(field, shape))?;
    }
    Ok(())
}

/// Why a value is not what its field holds.
enum Unfit {
    Kind,
    Within(Failure),
}

impl Unfit {
    fn at(self, field: &Field, shape: &Shape) -> Failure {
        match self {
            Unfit::Within(failure) => failure,
            Unfit::Kind => {
                Failure::invalid(&field.name, format!("{} of {} is of another kind", field.name, shape.name))
            }
        }
    }
}

fn list(kind: &Kind, number: u32, value: &Value, out: &mut Vec<u8>) -> Result<(), Unfit> {
    let entries = value.as_array().ok_or(Unfit::Kind)?;
    if !kind.is_packed() {
        return entries.iter().try_for_each(|entry| put(kind, number, entry, true, out));
    }
    let mut packed = Vec::new();
    for entry in entries {
        match kind {
            Kind::Double => packed.extend_from_slice(&entry.as_f64().ok_or(Unfit::Kind)?.to_le_bytes()),
            _ => put_varint(&mut packed, number_of(kind, entry).ok_or(Unfit::Kind)?),
        }
    }
    if !packed.is_empty() {
        put_bytes(out, number, &packed);
    }
    Ok(())
}

/// Writes a field; one that is its kind's default only where `always`.
fn put(kind: &Kind, number: u32, value: &Value, always: bool, out: &mut Vec<u8>) -> Result<(), Unfit> {
    match kind {
        Kind::Text => {
            let text = value.as_str().ok_or(Unfit::Kind)?;
            if always || !text.is_empty() {
                put_bytes(out, number, text.as_bytes());
            }
        }
        Kind::Double => {
            let double = value.as_f64().ok_or(Unfit::Kind)?;
            if always || double.to_bits() != 0 {
                put_fixed64(out, number, double.to_bits());
            }
        }
        Kind::Instant => {
            let instant: Timestamp = value.as_str().and_then(|text| text.parse().ok()).ok_or(Unfit::Kind)?;
            let (seconds, micros) = (instant.as_seconds(), instant.as_micros().rem_euclid(MICROS));
            let mut within = Vec::with_capacity(16);
            if seconds != 0 {
                put_number(&mut within, 1, seconds.cast_unsigned());
            }
            if micros != 0 {
                put_number(&mut within, 2, micros.cast_unsigned() * 1000);
            }
            put_bytes(out, number, &within);
        }
        Kind::Message(shape) => {
            let mut within = Vec::with_capacity(64);
            message(shape, value.as_object().ok_or(Unfit::Kind)?, &mut within).map_err(Unfit::Within)?;
            put_bytes(out, number, &within);
        }
        Kind::Bool | Kind::Uint32 | Kind::Int32 | Kind::Uint64 | Kind::Int64 | Kind::Enum(_) => {
            let found = number_of(kind, value).ok_or(Unfit::Kind)?;
            if always || found != 0 {
                put_number(out, number, found);
            }
        }
    }
    Ok(())
}

/// A value that travels as a varint.
fn number_of(kind: &Kind, value: &Value) -> Option<u64> {
    match kind {
        Kind::Bool => value.as_bool().map(u64::from),
        Kind::Uint32 => value.as_u64().filter(|number| u32::try_from(*number).is_ok()),
        Kind::Int32 => value.as_i64().filter(|number| i32::try_from(*number).is_ok()).map(i64::cast_unsigned),
        Kind::Uint64 => value.as_u64(),
        Kind::Int64 => value.as_i64().map(i64::cast_unsigned),
        Kind::Enum(values) => value.as_str().map(|name| values.number(name)),
        Kind::Text | Kind::Double | Kind::Instant | Kind::Message(_) => None,
    }
}

impl Enumeration {
    fn number(&self, name: &str) -> u64 {
        let place = self.values.iter().position(|(value, _)| value == name);
        place.map_or(0, |place| place as u64 + 1)
    }

    fn name(&self, number: u64) -> &str {
        let place = number.checked_sub(1).and_then(|place| usize::try_from(place).ok());
        place.and_then(|place| self.values.get(place)).map_or(UNKNOWN, |(value, _)| value)
    }
}

fn read_message(shape: &Shape, mut bytes: &[u8], fields: &mut Map<String, Value>) -> Result<(), Failure> {
    while !bytes.is_empty() {
        let broken = |error: WireError| Failure::invalid("body", format!("{}: {error}", shape.name));
        let (number, record) = take_record(&mut bytes).map_err(broken)?;
        let Some(field) = shape.fields.get(number as usize - 1) else {
            fields.insert(number.to_string(), Value::Null);
            continue;
        };
        let held = fields.remove(&field.name);
        let value = read_field(field, record, held).map_err(|unfit| unfit.at(field, shape))?;
        fields.insert(field.name.clone(), value);
    }
    for field in shape.fields.iter().filter(|field| !fields.contains_key(&field.name)).collect::<Vec<_>>() {
        let value = match field.presence {
            Presence::Implicit => default(&field.kind),
            Presence::Repeated => Value::Array(Vec::new()),
            Presence::Explicit | Presence::Listed => continue,
        };
        fields.insert(field.name.clone(), value);
    }
    Ok(())
}

fn default(kind: &Kind) -> Value {
    match kind {
        Kind::Text => Value::String(String::new()),
        Kind::Bool => Value::Bool(false),
        Kind::Double => Value::from(0.0),
        Kind::Enum(_) => Value::from(UNKNOWN),
        Kind::Uint32 | Kind::Int32 | Kind::Uint64 | Kind::Int64 => Value::from(0),
        Kind::Instant | Kind::Message(_) => Value::Null,
    }
}

/// The field with one record more: a list grows, a message is merged, anything else is the last one's.
fn read_field(field: &Field, record: Record<'_>, held: Option<Value>) -> Result<Value, Unfit> {
    let entries = |held: Option<Value>| match held {
        Some(Value::Array(entries)) => entries,
        _ => Vec::new(),
    };
    match field.presence {
        Presence::Implicit | Presence::Explicit => one(&field.kind, record, held),
        Presence::Repeated => more(&field.kind, record, entries(held)).map(Value::Array),
        Presence::Listed => {
            let (Record::Bytes(mut within), mut entries) = (record, entries(held)) else { return Err(Unfit::Kind) };
            while !within.is_empty() {
                let (number, record) = take_record(&mut within).map_err(|_| Unfit::Kind)?;
                if number == 1 {
                    entries = more(&field.kind, record, entries)?;
                }
            }
            Ok(Value::Array(entries))
        }
    }
}

fn more(kind: &Kind, record: Record<'_>, mut entries: Vec<Value>) -> Result<Vec<Value>, Unfit> {
    match record {
        Record::Bytes(mut packed) if kind.is_packed() => {
            while !packed.is_empty() {
                let record = match kind {
                    Kind::Double => {
                        let (bits, rest) = packed.split_first_chunk::<8>().ok_or(Unfit::Kind)?;
                        packed = rest;
                        Record::Fixed64(u64::from_le_bytes(*bits))
                    }
                    _ => Record::Varint(take_varint(&mut packed).map_err(|_| Unfit::Kind)?),
                };
                entries.push(one(kind, record, None)?);
            }
        }
        record => entries.push(one(kind, record, None)?),
    }
    Ok(entries)
}

fn one(kind: &Kind, record: Record<'_>, held: Option<Value>) -> Result<Value, Unfit> {
    Ok(match (kind, record) {
        (Kind::Text, Record::Bytes(text)) => Value::from(str::from_utf8(text).map_err(|_| Unfit::Kind)?),
        (Kind::Bool, Record::Varint(number)) => Value::Bool(number != 0),
        (Kind::Uint32, Record::Varint(number)) => Value::from(number as u32), // the low 32 bits, as the format has it
        (Kind::Int32, Record::Varint(number)) => Value::from(number as i32),
        (Kind::Uint64, Record::Varint(number)) => Value::from(number),
        (Kind::Int64, Record::Varint(number)) => Value::from(number.cast_signed()),
        (Kind::Enum(values), Record::Varint(number)) => Value::from(values.name(number)),
        (Kind::Double, Record::Fixed64(bits)) => Value::from(f64::from_bits(bits)),
        (Kind::Instant, Record::Bytes(bytes)) => instant(bytes)?,
        (Kind::Message(shape), Record::Bytes(bytes)) => {
            let mut fields = match held {
                Some(Value::Object(fields)) => fields,
                _ => Map::new(),
            };
            read_message(shape, bytes, &mut fields).map_err(Unfit::Within)?;
            Value::Object(fields)
        }
        _ => return Err(Unfit::Kind),
    })
}

fn instant(mut bytes: &[u8]) -> Result<Value, Unfit> {
    let (mut seconds, mut nanos) = (0i64, 0i64);
    while !bytes.is_empty() {
        match take_record(&mut bytes).map_err(|_| Unfit::Kind)? {
            (1, Record::Varint(number)) => seconds = number.cast_signed(),
            (2, Record::Varint(number)) => nanos = number.cast_signed(),
            _ => {}
        }
    }
    if !(0..1_000_000_000).contains(&nanos) {
        return Err(Unfit::Kind);
    }
    let micros = seconds.checked_mul(MICROS).and_then(|whole| whole.checked_add(nanos / 1000)).ok_or(Unfit::Kind)?;
    Ok(Value::from(Timestamp::from_micros(micros).to_string()))
}

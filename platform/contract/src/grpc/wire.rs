//! The wire format of Protocol Buffers (protobuf.dev, "Encoding"): varints, tags, records. What is hostile is refused.

/// Why bytes are not a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum WireError {
    /// They end within a record.
    #[error("the message ends within a field")]
    Short,
    /// A varint of more than ten bytes, or past 64 bits.
    #[error("a number has more than 64 bits")]
    Varint,
    /// A tag with the number 0, or past 2^29 - 1.
    #[error("a field has a number that none can have")]
    Number,
    /// A wire type that is not there, or a group, which proto3 has not.
    #[error("a field has a wire type that is not known")]
    Type,
}

/// The largest number that a field can have.
pub(super) const LAST_NUMBER: u32 = (1 << 29) - 1;

/// The value of one record.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Record<'m> {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    Bytes(&'m [u8]),
}

pub(super) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value as u8) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// A field that holds a varint.
pub(super) fn put_number(out: &mut Vec<u8>, number: u32, value: u64) {
    put_varint(out, u64::from(number) << 3);
    put_varint(out, value);
}

/// A field that holds 64 bits.
pub(super) fn put_fixed64(out: &mut Vec<u8>, number: u32, value: u64) {
    put_varint(out, u64::from(number) << 3 | 1);
    out.extend_from_slice(&value.to_le_bytes());
}

/// A field that holds text, a message or a packed list.
pub(super) fn put_bytes(out: &mut Vec<u8>, number: u32, bytes: &[u8]) {
    put_varint(out, u64::from(number) << 3 | 2);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

pub(super) fn take_varint(from: &mut &[u8]) -> Result<u64, WireError> {
    let mut value = 0u64;
    for place in 0..10 {
        let (byte, rest) = from.split_first().ok_or(WireError::Short)?;
        *from = rest;
        let bits = u64::from(byte & 0x7f);
        if place == 9 && bits > 1 {
            return Err(WireError::Varint);
        }
        value |= bits << (7 * place);
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(WireError::Varint)
}

fn take<'m>(from: &mut &'m [u8], count: u64) -> Result<&'m [u8], WireError> {
    let count = usize::try_from(count).ok().filter(|count| *count <= from.len()).ok_or(WireError::Short)?;
    let (taken, rest) = from.split_at(count);
    *from = rest;
    Ok(taken)
}

/// The next field's number and value.
pub(super) fn take_record<'m>(from: &mut &'m [u8]) -> Result<(u32, Record<'m>), WireError> {
    let tag = take_varint(from)?;
    let number = u32::try_from(tag >> 3).ok().filter(|number| (1..=LAST_NUMBER).contains(number));
    let number = number.ok_or(WireError::Number)?;
    let record = match tag & 7 {
        0 => Record::Varint(take_varint(from)?),
        1 => Record::Fixed64(u64::from_le_bytes(take(from, 8)?.try_into().map_err(|_| WireError::Short)?)),
        2 => {
            let count = take_varint(from)?;
            Record::Bytes(take(from, count)?)
        }
        5 => Record::Fixed32(u32::from_le_bytes(take(from, 4)?.try_into().map_err(|_| WireError::Short)?)),
        _ => return Err(WireError::Type),
    };
    Ok((number, record))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_are_as_the_specification_has_them() {
        for (value, bytes) in [
            (0u64, vec![0u8]),
            (1, vec![1]),
            (150, vec![0x96, 1]),
            (300, vec![0xac, 2]),
            (u64::MAX, {
                let mut all = vec![0xff; 9];
                all.push(1);
                all
            }),
        ] {
            let mut out = Vec::new();
            put_varint(&mut out, value);
            assert_eq!(out, bytes);
            assert_eq!(take_varint(&mut &out[..]), Ok(value));
        }
        assert_eq!(take_varint(&mut &[0xff; 11][..]), Err(WireError::Varint));
        assert_eq!(take_varint(&mut &[0x80][..]), Err(WireError::Short));
    }

    #[test]
    fn what_is_no_record_is_refused() {
        for (bytes, why) in [
            (&[0x00u8, 0x00][..], WireError::Number),
            (&[0x0b], WireError::Type),
            (&[0x0a, 0x05, 0x01], WireError::Short),
            (&[0x09, 0x05, 0x01], WireError::Short),
            (&[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], WireError::Short),
        ] {
            assert_eq!(take_record(&mut &bytes[..]), Err(why), "{bytes:?}");
        }
    }
}

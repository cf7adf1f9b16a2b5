//! The elementary stream descriptor of AAC, `esds` (ISO/IEC 14496-1 §7.2.6), and the AudioSpecificConfig in it
//! (ISO/IEC 14496-3 §1.6.2.1).

use super::{Sound, bits::Bits};
use crate::{Error, Mp4Box, cursor::Cursor};

const ES_DESCRIPTOR: u8 = 3;
const DECODER_CONFIG: u8 = 4;
const DECODER_SPECIFIC: u8 = 5;
const MPEG4_AUDIO: u8 = 0x40;
/// Audio object types that carry an extension: spectral band replication, parametric stereo.
const SBR: u8 = 5;
const PS: u8 = 29;

const RATES: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];

/// What an AudioSpecificConfig says.
#[derive(Debug, PartialEq, Eq)]
struct Aac {
    object_type: u8,
    sample_rate: u32,
    /// `None` when a program config element describes the channels.
    channels: Option<u16>,
}

/// Reads an `esds` box of MPEG-4 audio.
pub(super) fn aac(esds: &Mp4Box<'_>) -> Result<Sound, Error> {
    let Aac { object_type, sample_rate, channels } = parse_esds(esds)?;
    Ok(Sound { codec: format!("mp4a.40.{object_type}"), sample_rate, channels })
}

fn parse_esds(esds: &Mp4Box<'_>) -> Result<Aac, Error> {
    let mut cursor = esds.cursor();
    cursor.version_flags()?;
    let mut es = descriptor(&mut cursor, ES_DESCRIPTOR)?;
    es.u16()?;
    let flags = es.u8()?;
    if flags & 0xe0 != 0 {
        return Err(Error::unsupported(b"esds", "a descriptor with optional fields"));
    }
    let mut config = descriptor(&mut es, DECODER_CONFIG)?;
    let object = config.u8()?;
    if object != MPEG4_AUDIO {
        return Err(Error::unsupported(b"esds", format!("object type indication {object:#04x}")));
    }
    config.take(12)?;
    let specific = descriptor(&mut config, DECODER_SPECIFIC)?;
    parse_config(specific.rest())
}

/// A descriptor's content: tag, then a length of up to four bytes of seven bits.
fn descriptor<'a>(cursor: &mut Cursor<'a>, tag: u8) -> Result<Cursor<'a>, Error> {
    if cursor.u8()? != tag {
        return Err(Error::invalid(b"esds", "descriptors must be ES, decoder config, decoder specific, in that order"));
    }
    let mut length = 0;
    for _ in 0..4 {
        let byte = cursor.u8()?;
        length = length << 7 | usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Ok(Cursor::new(b"esds", cursor.take(length)?));
        }
    }
    Err(Error::invalid(b"esds", "a descriptor's length has at most four bytes"))
}

fn parse_config(bytes: &[u8]) -> Result<Aac, Error> {
    let mut bits = Bits::new(b"esds", bytes);
    let object_type = object_type(&mut bits)?;
    let mut sample_rate = rate(&mut bits)?;
    let channels = channels(bits.read(4)?)?;
    if matches!(object_type, SBR | PS) {
        sample_rate = rate(&mut bits)?;
    }
    if sample_rate == 0 {
        return Err(Error::invalid(b"esds", "the sampling frequency must not be zero"));
    }
    Ok(Aac { object_type, sample_rate, channels: if object_type == PS { channels.map(|_| 2) } else { channels } })
}

fn object_type(bits: &mut Bits<'_>) -> Result<u8, Error> {
    let short = bits.read(5)?;
    let long = if short == 31 { 32 + bits.read(6)? } else { short };
    u8::try_from(long).map_err(|_| Error::invalid(b"esds", "an audio object type has 8 bits"))
}

fn rate(bits: &mut Bits<'_>) -> Result<u32, Error> {
    match bits.read(4)? {
        15 => bits.read(24),
        index => RATES
            .get(index as usize)
            .copied()
            .ok_or_else(|| Error::invalid(b"esds", "the sampling frequency index is reserved")),
    }
}

fn channels(configuration: u32) -> Result<Option<u16>, Error> {
    match configuration {
        0 => Ok(None),
        1..=6 => Ok(Some(configuration as u16)),
        7 | 12 | 14 => Ok(Some(8)),
        11 => Ok(Some(7)),
        other => Err(Error::unsupported(b"esds", format!("channel configuration {other}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_configurations() {
        for (bytes, object_type, sample_rate, channels) in [
            (&[0x11, 0x90][..], 2, 48_000, Some(2)),
            (&[0x12, 0x10], 2, 44_100, Some(2)),
            (&[0x11, 0xb0], 2, 48_000, Some(6)),
            (&[0x2b, 0x11, 0x88, 0x00], 5, 48_000, Some(2)),
            (&[0xeb, 0x09, 0x88, 0x00], 29, 48_000, Some(2)),
            (&[0x11, 0x80], 2, 48_000, None),
        ] {
            assert_eq!(parse_config(bytes), Ok(Aac { object_type, sample_rate, channels }), "{bytes:02x?}");
        }
    }

    #[test]
    fn refuses_reserved_and_cut_configurations() {
        for bytes in [&[0x16, 0x90][..], &[0x11], &[], &[0x17, 0x80, 0, 0, 0x10]] {
            assert!(parse_config(bytes).is_err(), "{bytes:02x?}");
        }
    }
}

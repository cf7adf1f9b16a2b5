//! AC-3 and Enhanced AC-3, `dac3` and `dec3` (ETSI TS 102 366 Annex F).

use super::{Sound, bits::Bits};
use crate::{Error, Mp4Box};

const RATES: [u32; 3] = [48_000, 44_100, 32_000];
/// Full-range channels of each audio coding mode (§4.4.2.3).
const CHANNELS: [u16; 8] = [2, 1, 2, 3, 3, 4, 4, 5];
/// Channels of the locations that dependent substreams add, bit 0 first (table F.6.1): the odd bits out are Cs, Ts, Cvh
/// and LFE2, all others are pairs.
const LOCATIONS: [u16; 9] = [2, 2, 1, 1, 2, 2, 2, 1, 1];

/// Reads a `dac3` box.
pub(super) fn ac3(dac3: &Mp4Box<'_>) -> Result<Sound, Error> {
    let mut bits = Bits::new(b"dac3", dac3.payload);
    let sample_rate = rate(b"dac3", bits.read(2)?)?;
    bits.read(5 + 3)?;
    Ok(Sound { codec: "ac-3".to_owned(), sample_rate, channels: Some(channels(&mut bits)?) })
}

/// Reads a `dec3` box. The first independent substream is the programme; others are other programmes.
pub(super) fn eac3(dec3: &Mp4Box<'_>) -> Result<Sound, Error> {
    let mut bits = Bits::new(b"dec3", dec3.payload);
    bits.read(13 + 3)?;
    let sample_rate = rate(b"dec3", bits.read(2)?)?;
    bits.read(5 + 1 + 1 + 3)?;
    let mut channels = channels(&mut bits)?;
    bits.read(3)?;
    if bits.read(4)? > 0 {
        let locations = bits.read(9)?;
        channels +=
            (0..).zip(LOCATIONS).map(|(bit, count)| if locations >> bit & 1 == 1 { count } else { 0 }).sum::<u16>();
    }
    Ok(Sound { codec: "ec-3".to_owned(), sample_rate, channels: Some(channels) })
}

fn rate(in_box: &[u8; 4], code: u32) -> Result<u32, Error> {
    let rate = RATES.get(code as usize).copied();
    rate.ok_or_else(|| Error::unsupported(in_box, "a reduced or reserved sampling rate"))
}

/// `acmod` and `lfeon`.
fn channels(bits: &mut Bits<'_>) -> Result<u16, Error> {
    let full_range = CHANNELS[bits.read(3)? as usize & 7];
    Ok(full_range + u16::from(bits.read(1)? == 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Boxes;

    fn sound(kind: &[u8; 4], payload: &[u8]) -> Result<Sound, Error> {
        let size = u32::try_from(8 + payload.len()).unwrap().to_be_bytes();
        let bytes = [&size, kind.as_slice(), payload].concat();
        let found = Boxes::new(b"test", &bytes).only(kind)?;
        if kind == b"dac3" { ac3(&found) } else { eac3(&found) }
    }

    #[test]
    fn counts_channels() {
        for (kind, payload, sample_rate, channels) in [
            (b"dac3", &[0x10, 0x3d, 0xe0][..], 48_000, 6),
            (b"dac3", &[0x50, 0x11, 0x40], 44_100, 2),
            (b"dec3", &[0x06, 0x00, 0x20, 0x0f, 0x00], 48_000, 6),
            // 7.1: a dependent substream with Lrs/Rrs.
            (b"dec3", &[0x0c, 0x00, 0x20, 0x0f, 0x02, 0x02], 48_000, 8),
        ] {
            let found = sound(kind, payload).unwrap();
            assert_eq!((found.sample_rate, found.channels), (sample_rate, Some(channels)), "{payload:02x?}");
        }
    }

    #[test]
    fn refuses_cut_boxes_and_reserved_rates() {
        for (kind, payload) in
            [(b"dac3", &[0x10][..]), (b"dac3", &[0xd0, 0x3d, 0xe0]), (b"dec3", &[0x06, 0, 0x20, 0x0f])]
        {
            assert!(sound(kind, payload).is_err(), "{payload:02x?}");
        }
    }
}

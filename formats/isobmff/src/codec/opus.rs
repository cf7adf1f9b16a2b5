//! Opus, `dOps` (Encapsulation of Opus in ISO Base Media File Format §4.3.2).

use super::Sound;
use crate::{Error, Mp4Box};

/// Opus decodes to this rate, whatever it was made from.
const RATE: u32 = 48_000;

/// Reads a `dOps` box.
pub(super) fn opus(dops: &Mp4Box<'_>) -> Result<Sound, Error> {
    let mut cursor = dops.cursor();
    if cursor.u8()? != 0 {
        return Err(Error::invalid(b"dOps", "Version must be 0"));
    }
    let channels = u16::from(cursor.u8()?);
    // Pre-skip, which the edit list has too, input rate and gain.
    cursor.take(2 + 4 + 2)?;
    if cursor.u8()? != 0 {
        // Stream count, coupled count and a mapping for each channel.
        cursor.take(2 + usize::from(channels))?;
    }
    Ok(Sound { codec: "opus".to_owned(), sample_rate: RATE, channels: Some(channels) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Boxes;

    fn sound(payload: &[u8]) -> Result<Sound, Error> {
        let size = u32::try_from(8 + payload.len()).unwrap().to_be_bytes();
        let bytes = [&size, b"dOps".as_slice(), payload].concat();
        opus(&Boxes::new(b"Opus", &bytes).only(b"dOps")?)
    }

    #[test]
    fn reads_channels_and_refuses_other_versions_and_cut_boxes() {
        let stereo = [0, 2, 1, 0x38, 0, 0, 0xbb, 0x80, 0, 0, 0];
        let surround = [&stereo[..10], &[1, 4, 2, 0, 4, 1, 2, 3, 5]].concat();
        assert_eq!(sound(&stereo), Ok(Sound { codec: "opus".to_owned(), sample_rate: 48_000, channels: Some(2) }));
        assert!(sound(&stereo[..10]).is_err());
        assert!(sound(&[&[1], &stereo[1..]].concat()).is_err());
        assert!(sound(&[&[0, 6], &surround[2..]].concat()).is_ok());
        assert!(sound(&[&[0, 7], &surround[2..]].concat()).is_err());
    }
}

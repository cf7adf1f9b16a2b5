//! The AVC decoder configuration record, `avcC` (ISO/IEC 14496-15 §5.3.3.1).

use crate::{Error, SampleEntry, cursor::Cursor};

/// Profile, level and parameter sets of an AVC track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AvcConfig {
    /// `profile_idc`.
    pub profile: u8,
    /// The constraint flags.
    pub compatibility: u8,
    /// `level_idc`.
    pub level: u8,
    /// Bytes of the length before each NAL unit: 1, 2 or 4.
    pub nal_length_size: usize,
    /// Sequence parameter set NAL units.
    pub sps: Vec<Vec<u8>>,
    /// Picture parameter set NAL units.
    pub pps: Vec<Vec<u8>>,
}

impl SampleEntry {
    /// The configuration of an `avc1` entry.
    pub fn avc_config(&self) -> Result<AvcConfig, Error> {
        AvcConfig::parse(self.visual_box(b"avcC")?.payload)
    }
}

impl AvcConfig {
    /// Reads the payload of an `avcC` box. The extension that high profiles append repeats what the sequence
    /// parameter set says, and is not read.
    pub fn parse(payload: &[u8]) -> Result<Self, Error> {
        let mut cursor = Cursor::new(b"avcC", payload);
        if cursor.u8()? != 1 {
            return Err(Error::invalid(b"avcC", "configurationVersion must be 1"));
        }
        let [profile, compatibility, level] = cursor.array()?;
        let nal_length_size = usize::from(cursor.u8()? & 3) + 1;
        if nal_length_size == 3 {
            return Err(Error::invalid(b"avcC", "a NAL unit length has 1, 2 or 4 bytes, not 3"));
        }
        let sps_count = cursor.u8()? & 0x1f;
        let sps = parameter_sets(&mut cursor, sps_count)?;
        let pps_count = cursor.u8()?;
        let pps = parameter_sets(&mut cursor, pps_count)?;
        Ok(Self { profile, compatibility, level, nal_length_size, sps, pps })
    }

    /// The codec string of RFC 6381 §3.3: `avc1.64001f`.
    pub fn codec(&self) -> String {
        format!("avc1.{:02x}{:02x}{:02x}", self.profile, self.compatibility, self.level)
    }
}

fn parameter_sets(cursor: &mut Cursor<'_>, count: u8) -> Result<Vec<Vec<u8>>, Error> {
    (0..count)
        .map(|_| {
            let length = cursor.u16()?;
            cursor.take(usize::from(length)).map(<[u8]>::to_vec)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &[u8] = &[1, 0x64, 0, 0x1f, 0xff, 0xe1, 0, 2, 0x67, 0x64, 1, 0, 1, 0x68, 0xfd, 0xf8, 0xf8, 0];

    #[test]
    fn reads_parameter_sets_and_names_the_codec() {
        let config = AvcConfig::parse(CONFIG).unwrap();
        assert_eq!(config.codec(), "avc1.64001f");
        assert_eq!((config.nal_length_size, config.sps, config.pps), (4, vec![vec![0x67, 0x64]], vec![vec![0x68]]));
    }

    #[test]
    fn refuses_every_truncation() {
        for end in 0..13 {
            assert!(matches!(AvcConfig::parse(&CONFIG[..end]), Err(Error::Truncated { .. })), "{end} bytes");
        }
    }

    #[test]
    fn refuses_three_byte_lengths() {
        let mut bytes = CONFIG.to_vec();
        bytes[4] = 0xfe;
        assert!(matches!(AvcConfig::parse(&bytes), Err(Error::Invalid { .. })));
    }
}

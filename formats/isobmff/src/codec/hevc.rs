//! The HEVC decoder configuration record, `hvcC` (ISO/IEC 14496-15 §8.3.3.1).

use std::fmt::Write;

use crate::{Error, SampleEntry, cursor::Cursor};

/// Profile, tier, level and parameter sets of an HEVC track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HevcConfig {
    /// `general_profile_space`, 0 to 3.
    pub profile_space: u8,
    /// True for the high tier.
    pub high_tier: bool,
    /// `general_profile_idc`.
    pub profile: u8,
    /// `general_profile_compatibility_flags`, flag 0 in the highest bit.
    pub compatibility: u32,
    /// The constraint flags after them.
    pub constraints: [u8; 6],
    /// `general_level_idc`, 30 times the level.
    pub level: u8,
    /// Bytes of the length before each NAL unit: 1, 2 or 4.
    pub nal_length_size: usize,
    /// NAL units of all arrays: video, sequence and picture parameter sets, perhaps SEI.
    pub nals: Vec<Vec<u8>>,
}

impl SampleEntry {
    /// The configuration of an `hvc1` entry.
    pub fn hevc_config(&self) -> Result<HevcConfig, Error> {
        HevcConfig::parse(self.visual_box(b"hvcC")?.payload)
    }
}

impl HevcConfig {
    /// Reads the payload of an `hvcC` box.
    pub fn parse(payload: &[u8]) -> Result<Self, Error> {
        let mut cursor = Cursor::new(b"hvcC", payload);
        if cursor.u8()? != 1 {
            return Err(Error::invalid(b"hvcC", "configurationVersion must be 1"));
        }
        let profile = cursor.u8()?;
        let (compatibility, constraints, level) = (cursor.u32()?, cursor.array()?, cursor.u8()?);
        // Segmentation, parallelism, chroma format, bit depths, frame rate: parameter sets say them too.
        cursor.take(8)?;
        let nal_length_size = usize::from(cursor.u8()? & 3) + 1;
        if nal_length_size == 3 {
            return Err(Error::invalid(b"hvcC", "a NAL unit length has 1, 2 or 4 bytes, not 3"));
        }
        let mut nals = Vec::new();
        for _ in 0..cursor.u8()? {
            cursor.u8()?;
            for _ in 0..cursor.u16()? {
                let length = cursor.u16()?;
                nals.push(cursor.take(usize::from(length))?.to_vec());
            }
        }
        Ok(Self {
            profile_space: profile >> 6,
            high_tier: profile & 0x20 != 0,
            profile: profile & 0x1f,
            compatibility,
            constraints,
            level,
            nal_length_size,
            nals,
        })
    }

    /// The codec string of ISO/IEC 14496-15 Annex E.3: `hvc1.1.6.L93.B0`. Compatibility flags stand in reverse order, and
    /// constraint bytes only up to the last that is not zero.
    pub fn codec(&self) -> String {
        let space = ["", "A", "B", "C"][usize::from(self.profile_space & 3)];
        let tier = if self.high_tier { 'H' } else { 'L' };
        let compatibility = self.compatibility.reverse_bits();
        let mut codec = format!("hvc1.{space}{}.{compatibility:X}.{tier}{}", self.profile, self.level);
        let written = self.constraints.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        for byte in &self.constraints[..written] {
            write!(codec, ".{byte:X}").expect("a string takes everything");
        }
        codec
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &[u8] = &[
        1, 0x01, 0x60, 0, 0, 0, 0xb0, 0, 0, 0, 0, 0, 93, 0xf0, 0, 0xfc, 0xfd, 0xf8, 0xf8, 0, 0, 0x0f, 2, 0xa1, 0, 1, 0,
        2, 0x42, 1, 0xa2, 0, 1, 0, 1, 0x44,
    ];

    #[test]
    fn reads_parameter_sets_and_names_the_codec() {
        let config = HevcConfig::parse(CONFIG).unwrap();
        assert_eq!(config.codec(), "hvc1.1.6.L93.B0");
        assert_eq!((config.nal_length_size, config.nals), (4, vec![vec![0x42, 1], vec![0x44]]));
    }

    #[test]
    fn names_high_tiers_profile_spaces_and_constraints() {
        let mut bytes = CONFIG.to_vec();
        (bytes[1], bytes[6], bytes[8]) = (0x40 | 0x20 | 4, 0x90, 0x08);
        bytes[2..6].copy_from_slice(&0x0800_0000u32.to_be_bytes());
        assert_eq!(HevcConfig::parse(&bytes).unwrap().codec(), "hvc1.A4.10.H93.90.0.8");
        bytes[6..12].fill(0);
        assert_eq!(HevcConfig::parse(&bytes).unwrap().codec(), "hvc1.A4.10.H93");
    }

    #[test]
    fn refuses_every_truncation_and_three_byte_lengths() {
        for end in 0..CONFIG.len() {
            assert!(matches!(HevcConfig::parse(&CONFIG[..end]), Err(Error::Truncated { .. })), "{end} bytes");
        }
        let mut bytes = CONFIG.to_vec();
        bytes[21] = 0x0e;
        assert!(matches!(HevcConfig::parse(&bytes), Err(Error::Invalid { .. })));
    }
}

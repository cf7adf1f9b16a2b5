//! The AV1 codec configuration record, `av1C` (AV1 Codec ISO Media File Format Binding §2.3), and the codec string (§5).

mod obu;
mod sequence;

pub use obu::Av1Obu;
pub use sequence::{Av1ColorConfig, Av1DecoderModel, Av1FrameIds, Av1OperatingPoint, Av1SequenceHeader};

use super::nclx::{Colour, colour};
use crate::{Error, SampleEntry, cursor::Cursor};

const MARKER_AND_VERSION: u8 = 0x81;
/// What a codec string says by leaving it out: 4:2:0 of unknown position, ITU-R BT.709, studio swing.
const DEFAULTS: &str = ".0.110.01.01.01.0";

/// Profile, level and coding of an AV1 track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Av1Config {
    /// `seq_profile`, 0 to 2 (a reserved value up to 7).
    pub profile: u8,
    /// `seq_level_idx[0]`, 0 to 31: 4 is level 3.0.
    pub level: u8,
    /// `seq_tier[0]`: true for the high tier.
    pub high_tier: bool,
    /// Bits of a sample: 8, 10 or 12.
    pub bit_depth: u8,
    /// No chroma.
    pub monochrome: bool,
    /// `chroma_subsampling_x` and `_y`: both for 4:2:0.
    pub subsampling: (bool, bool),
    /// `chroma_sample_position`, 0 to 3.
    pub chroma_sample_position: u8,
    /// `configOBUs`: a sequence header, perhaps metadata, or nothing.
    pub obus: Vec<u8>,
}

impl SampleEntry {
    /// The configuration of an `av01` entry.
    pub fn av1_config(&self) -> Result<Av1Config, Error> {
        Av1Config::parse(self.visual_box(b"av1C")?.payload)
    }

    /// The codec string of an `av01` entry, whose colours `colr` says before the sequence header does.
    pub(super) fn av1_codec(&self) -> Result<String, Error> {
        let config = self.av1_config()?;
        let sequence = config.sequence_header()?;
        let of_sequence = sequence.map(|sequence| sequence.color).map(|color| Colour {
            description: color.description.unwrap_or(Colour::BT709.description),
            full_range: color.full_range,
        });
        let colour = colour(&self.visual_boxes()?)?.or(of_sequence);
        Ok(config.codec(colour.unwrap_or(Colour::BT709)))
    }
}

impl Av1Config {
    /// Reads the payload of an `av1C` box.
    pub fn parse(payload: &[u8]) -> Result<Self, Error> {
        let mut cursor = Cursor::new(b"av1C", payload);
        if cursor.u8()? != MARKER_AND_VERSION {
            return Err(Error::invalid(b"av1C", "the marker must be 1 and the version 1"));
        }
        let [profile_level, coding, _delay] = cursor.array()?;
        let bit = |number: u8| coding >> number & 1 == 1;
        Ok(Self {
            profile: profile_level >> 5,
            level: profile_level & 0x1f,
            high_tier: bit(7),
            bit_depth: match (bit(6), bit(5)) {
                (false, _) => 8,
                (true, false) => 10,
                (true, true) => 12,
            },
            monochrome: bit(4),
            subsampling: (bit(3), bit(2)),
            chroma_sample_position: coding & 3,
            obus: cursor.rest().to_vec(),
        })
    }

    /// The sequence header among the configuration's OBUs, which is the first of them if it is there at all.
    pub fn sequence_header(&self) -> Result<Option<Av1SequenceHeader>, Error> {
        if self.obus.is_empty() {
            return Ok(None);
        }
        let unfit = Error::invalid(b"av1C", "configOBUs must be OBUs with a size each");
        match Av1Obu::split(&self.obus).ok_or(unfit)? {
            (obu, _) if obu.kind == Av1Obu::SEQUENCE_HEADER => Av1SequenceHeader::parse(obu.payload).map(Some),
            _ => Ok(None),
        }
    }

    /// The codec string (§5): `av01.0.04M.08`, and what is not the default after it.
    fn codec(&self, colour: Colour) -> String {
        let Self { profile, level, bit_depth, .. } = self;
        let tier = if self.high_tier { 'H' } else { 'M' };
        let (x, y) = self.subsampling;
        let position = if x && y { self.chroma_sample_position } else { 0 };
        let (x, y, monochrome, full) =
            (u8::from(x), u8::from(y), u8::from(self.monochrome), u8::from(colour.full_range));
        let [primaries, transfer, matrix] = colour.description;
        let rest = format!(".{monochrome}.{x}{y}{position}.{primaries:02}.{transfer:02}.{matrix:02}.{full}");
        let rest = if rest == DEFAULTS { "" } else { &rest };
        format!("av01.{profile}.{level:02}{tier}.{bit_depth:02}{rest}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Main profile, level 2.0, 352x288, from a published file.
    const CONFIG: &[u8] =
        &[0x81, 0x00, 0x0c, 0x00, 0x0a, 0x0b, 0, 0, 0, 0x04, 0x45, 0x7e, 0x3e, 0x7d, 0xfc, 0xc0, 0x60];

    /// An `av01` entry of these boxes.
    fn entry(boxes: &[(&[u8; 4], &[u8])]) -> SampleEntry {
        let boxes = boxes.iter().flat_map(|(kind, payload)| {
            let size = u32::try_from(8 + payload.len()).unwrap().to_be_bytes();
            [&size, kind.as_slice(), payload].concat()
        });
        SampleEntry { format: b"av01".into(), body: vec![0; 78].into_iter().chain(boxes).collect() }
    }

    #[test]
    fn reads_what_the_record_says() {
        let config = Av1Config::parse(CONFIG).unwrap();
        assert_eq!((config.profile, config.level, config.high_tier, config.bit_depth), (0, 0, false, 8));
        assert_eq!((config.monochrome, config.subsampling, config.chroma_sample_position), (false, (true, true), 0));
        let sequence = config.sequence_header().unwrap().unwrap();
        assert_eq!((sequence.max_width, sequence.max_height), (352, 288));
        assert!(Av1Config::parse(&CONFIG[..4]).unwrap().sequence_header().unwrap().is_none());
    }

    #[test]
    fn names_the_codec_by_record_and_colours() {
        let codec = |record: [u8; 3], colr: &[u8]| {
            let av1c = [&[0x81], &record[..]].concat();
            let colr: &[_] = if colr.is_empty() { &[] } else { &[(b"colr", colr)] };
            entry(&[&[(b"av1C", av1c.as_slice())], colr].concat()).av1_codec().unwrap()
        };
        let nclx = |primaries, transfer, matrix, full: u8| {
            [b"nclx".as_slice(), &[0, primaries, 0, transfer, 0, matrix, full]].concat()
        };
        for (record, colr, expected) in [
            ([0x04, 0x0c, 0], vec![], "av01.0.04M.08"),
            ([0x04, 0x0c, 0], nclx(1, 1, 1, 0), "av01.0.04M.08"),
            ([0x04, 0x4e, 0], nclx(9, 16, 9, 0), "av01.0.04M.10.0.112.09.16.09.0"),
            ([0x04, 0x0c, 0], nclx(1, 1, 1, 0x80), "av01.0.04M.08.0.110.01.01.01.1"),
            ([0x04, 0x0c, 0], nclx(2, 2, 2, 0), "av01.0.04M.08.0.110.02.02.02.0"),
            ([0x2d, 0x80, 0], vec![], "av01.1.13H.08.0.000.01.01.01.0"),
            ([0x49, 0xe8, 0], vec![], "av01.2.09H.12.0.100.01.01.01.0"),
            ([0x08, 0x1c, 0], vec![], "av01.0.08M.08.1.110.01.01.01.0"),
        ] {
            assert_eq!(codec(record, &colr), expected, "{record:02x?} {colr:02x?}");
        }
    }

    #[test]
    fn refuses_what_is_no_record() {
        for end in 0..4 {
            assert!(matches!(Av1Config::parse(&CONFIG[..end]), Err(Error::Truncated { .. })), "{end} bytes");
        }
        assert!(matches!(Av1Config::parse(&[0x01, 0, 0x0c, 0]), Err(Error::Invalid { .. })));
        let cut = entry(&[(b"av1C", &CONFIG[..CONFIG.len() - 1])]);
        assert!(matches!(cut.av1_codec(), Err(Error::Invalid { .. })), "{:?}", cut.av1_codec());
        let cut = entry(&[(b"av1C", CONFIG), (b"colr", b"nclx\0\x01")]);
        assert!(matches!(cut.av1_codec(), Err(Error::Truncated { .. })));
    }
}

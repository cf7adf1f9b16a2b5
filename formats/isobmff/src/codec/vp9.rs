//! The VP codec configuration record, `vpcC` (VP Codec ISO Media File Format Binding, "VP Codec Configuration Box"), and the
//! codec string ("Codecs Parameter String").

use crate::{Error, SampleEntry, cursor::Cursor};

/// What a codec string says by leaving it out: 4:2:0 with chroma where luma is, ITU-R BT.709, studio swing.
const DEFAULTS: &str = ".01.01.01.01.00";

impl SampleEntry {
    /// The codec string of a `vp09` entry: `vp09.00.41.08`, and what is not the default after it.
    pub(super) fn vp9_codec(&self) -> Result<String, Error> {
        codec(self.visual_box(b"vpcC")?.payload)
    }
}

fn codec(vpcc: &[u8]) -> Result<String, Error> {
    let mut cursor = Cursor::new(b"vpcC", vpcc);
    if cursor.version_flags()?.0 != 1 {
        return Err(Error::unsupported(b"vpcC", "a version other than 1"));
    }
    let [profile, level, coding, primaries, transfer, matrix] = cursor.array()?;
    if cursor.u16()? != 0 {
        return Err(Error::invalid(b"vpcC", "codecInitializationDataSize must be 0"));
    }
    let (bit_depth, chroma, full) = (coding >> 4, coding >> 1 & 7, coding & 1);
    let rest = format!(".{chroma:02}.{primaries:02}.{transfer:02}.{matrix:02}.{full:02}");
    let rest = if rest == DEFAULTS { "" } else { &rest };
    Ok(format!("vp09.{profile:02}.{level:02}.{bit_depth:02}{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_codec_by_its_record() {
        for (record, expected) in [
            ([0, 41, 0x82, 1, 1, 1], "vp09.00.41.08"),
            ([0, 10, 0x80, 2, 2, 2], "vp09.00.10.08.00.02.02.02.00"),
            ([2, 10, 0xa3, 9, 16, 9], "vp09.02.10.10.01.09.16.09.01"),
        ] {
            assert_eq!(codec(&[&[1, 0, 0, 0], &record[..], &[0, 0]].concat()).unwrap(), expected);
        }
    }

    #[test]
    fn refuses_other_versions_initialization_data_and_cut_records() {
        let record = [1, 0, 0, 0, 0, 41, 0x82, 1, 1, 1, 0, 0];
        for end in 0..record.len() {
            assert!(matches!(codec(&record[..end]), Err(Error::Truncated { .. })), "{end} bytes");
        }
        for (at, value) in [(0, 0), (11, 1)] {
            let mut record = record;
            record[at] = value;
            assert!(codec(&record).is_err());
        }
    }
}

//! WebVTT as samples of ISO base media files (ISO/IEC 14496-30 §7): cues cut where anything changes, so that each sample
//! holds all that is shown while it lasts.

mod boxes;
mod join;
mod split;

use crate::{Error, Header, text::check_line};

/// Units of a text track's times in a second: its times are milliseconds.
pub const TIMESCALE: u32 = 1_000;
/// The format of a text track's sample entry, and its codec string.
pub const SAMPLE_ENTRY: [u8; 4] = *b"wvtt";

/// One sample; all of them are sync samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextSample {
    /// How long it lasts, in milliseconds; never zero.
    pub duration: u32,
    /// Its boxes: a `vttc` for each cue shown, or one `vtte`.
    pub data: Vec<u8>,
}

/// The samples of one media segment, which follow each other without gaps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextSegment {
    /// When it begins, in milliseconds: `tfdt`'s time.
    pub start: u64,
    /// Its samples, at least one.
    pub samples: Vec<TextSample>,
}

impl Header {
    /// The body of a [`SAMPLE_ENTRY`] (box header aside): its fields, `vttC`, and `vlab` with a URI that names the
    /// source of the track, where there is one. Errors when the label holds a line end.
    pub fn sample_entry(&self, label: Option<&str>) -> Result<Vec<u8>, Error> {
        // Six reserved bytes, then the number of the data reference (ISO/IEC 14496-12 §8.5.2).
        let mut body = vec![0, 0, 0, 0, 0, 0, 0, 1];
        boxes::put(&mut body, b"vttC", self.write().as_bytes());
        if let Some(label) = label {
            check_line("a source label", label)?;
            boxes::put(&mut body, b"vlab", label.as_bytes());
        }
        Ok(body)
    }
}

impl TextSegment {
    /// When it ends, in milliseconds.
    pub fn end(&self) -> u64 {
        self.samples.iter().fold(self.start, |end, sample| end.saturating_add(u64::from(sample.duration)))
    }
}

#[cfg(test)]
mod tests {
    use crate::read;

    #[test]
    fn the_sample_entry_carries_the_header() {
        let track = read(b"WEBVTT title\n\nSTYLE\n::cue{}\n\n00:01.000 --> 00:02.000\na").unwrap().track;
        let body = track.header().sample_entry(Some("urn:x")).unwrap();
        let expected: &[u8] = b"\0\0\0\0\0\0\0\x01\0\0\0\x1dvttCWEBVTT\n\nSTYLE\n::cue{}\0\0\0\x0dvlaburn:x";
        assert_eq!(body, expected);
        assert!(track.header().sample_entry(Some("a\nb")).is_err());
    }
}

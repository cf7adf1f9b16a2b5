//! Tracks of text (ISO/IEC 14496-30, CMAF of ISO/IEC 23000-19 §11.2): init segments, and media segments with their samples,
//! for those are small.

use super::{
    init::{IDENTITY_MATRIX, SELF_CONTAINED, TKHD_FLAGS, TRACK_ID, mvhd, packed_language},
    segment::DEFAULT_BASE_IS_MOOF,
    sink::{Sink, to_u32},
};
use crate::{Error, limits};

/// `trun` has its data's offset, and each sample's duration and size.
const TRUN_FLAGS: u32 = 0x301;
/// The longest sample entry that is written, in bytes: it carries style sheets.
const MAX_ENTRY: u64 = 1 << 20;

/// A track of text: subtitles as WebVTT in ISO base media files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextTrack<'a> {
    /// The format of its sample entry: `wvtt`.
    pub format: [u8; 4],
    /// The body of its sample entry, box header aside.
    pub entry: &'a [u8],
    /// Units of its times in a second.
    pub timescale: u32,
    /// How long it is, in its timescale.
    pub duration: u64,
    /// ISO 639-2/T code; anything else is written as `und`.
    pub language: &'a str,
}

impl TextTrack<'_> {
    /// The init segment: `ftyp` and `moov`. Errors when the sample entry is longer than a header may be.
    pub fn init_segment(&self) -> Result<Vec<u8>, Error> {
        Error::check_limit("bytes of a sample entry", self.entry.len() as u64, MAX_ENTRY)?;
        let mut sink = Sink::default();
        // CMAF's brand of WebVTT, ISO/IEC 23000-19 §11.2.
        let brands: &[u8] =
            if &self.format == b"wvtt" { b"iso6\0\0\0\0iso6cmfcmp41cwvt" } else { b"iso6\0\0\0\0iso6cmfcmp41" };
        sink.boxed(b"ftyp", |sink| sink.put(brands));
        sink.boxed(b"moov", |sink| {
            mvhd(sink, self.timescale);
            sink.boxed(b"trak", |sink| {
                tkhd(sink);
                sink.boxed(b"mdia", |sink| self.mdia(sink));
            });
            self.mvex(sink);
        });
        Ok(sink.into_bytes())
    }

    fn mdia(&self, sink: &mut Sink) {
        sink.full_box(b"mdhd", 0, 0, |sink| {
            sink.zeros(8);
            sink.u32(self.timescale);
            sink.u32(0);
            sink.u16(packed_language(self.language));
            sink.u16(0);
        });
        sink.full_box(b"hdlr", 0, 0, |sink| {
            sink.u32(0);
            sink.put(b"text");
            sink.zeros(12);
            sink.put(b"TextHandler\0");
        });
        sink.boxed(b"minf", |sink| {
            sink.full_box(b"nmhd", 0, 0, |_| {});
            sink.boxed(b"dinf", |sink| {
                sink.full_box(b"dref", 0, 0, |sink| {
                    sink.u32(1);
                    sink.full_box(b"url ", 0, SELF_CONTAINED, |_| {});
                });
            });
            sink.boxed(b"stbl", |sink| self.stbl(sink));
        });
    }

    fn stbl(&self, sink: &mut Sink) {
        sink.full_box(b"stsd", 0, 0, |sink| {
            sink.u32(1);
            sink.boxed(&self.format, |sink| sink.put(self.entry));
        });
        // All samples are in fragments.
        sink.full_box(b"stts", 0, 0, |sink| sink.u32(0));
        sink.full_box(b"stsc", 0, 0, |sink| sink.u32(0));
        sink.full_box(b"stsz", 0, 0, |sink| sink.zeros(8));
        sink.full_box(b"stco", 0, 0, |sink| sink.u32(0));
    }

    fn mvex(&self, sink: &mut Sink) {
        sink.boxed(b"mvex", |sink| {
            sink.full_box(b"mehd", 1, 0, |sink| sink.u64(self.duration));
            sink.full_box(b"trex", 0, 0, |sink| {
                sink.u32(TRACK_ID);
                sink.u32(1);
                sink.zeros(12);
            });
        });
    }
}

/// A whole media segment of text, with its number from 1 and its start in the track's timescale. Each sample is its
/// duration and its bytes, and all are sync samples. Errors when the segment exceeds [`limits::MAX_SEGMENT`] or
/// [`limits::MAX_SEGMENT_SAMPLES`].
pub fn text_segment(number: u32, start: u64, samples: &[(u32, &[u8])]) -> Result<Vec<u8>, Error> {
    let data: u64 = samples.iter().map(|(_, bytes)| bytes.len() as u64).sum();
    Error::check_limit("bytes of samples in a segment", data, limits::MAX_SEGMENT)?;
    let limit = limits::MAX_SEGMENT_SAMPLES.into();
    Error::check_limit("samples in a segment", samples.len() as u64, limit)?;
    let mut sink = Sink::default();
    let mut offset_at = 0;
    sink.boxed(b"moof", |sink| {
        sink.full_box(b"mfhd", 0, 0, |sink| sink.u32(number));
        sink.boxed(b"traf", |sink| {
            sink.full_box(b"tfhd", 0, DEFAULT_BASE_IS_MOOF, |sink| sink.u32(TRACK_ID));
            sink.full_box(b"tfdt", 1, 0, |sink| sink.u64(start));
            sink.full_box(b"trun", 0, TRUN_FLAGS, |sink| {
                sink.u32(to_u32(samples.len()));
                offset_at = sink.position();
                sink.u32(0);
                for (duration, bytes) in samples {
                    sink.u32(*duration);
                    sink.u32(to_u32(bytes.len()));
                }
            });
        });
    });
    sink.set_u32(offset_at, to_u32(sink.position() + 8));
    sink.boxed(b"mdat", |sink| samples.iter().for_each(|(_, bytes)| sink.put(bytes)));
    Ok(sink.into_bytes())
}

fn tkhd(sink: &mut Sink) {
    sink.full_box(b"tkhd", 0, TKHD_FLAGS, |sink| {
        sink.zeros(8);
        sink.u32(TRACK_ID);
        sink.zeros(8 + 12);
        sink.zeros(4);
        IDENTITY_MATRIX.iter().for_each(|value| sink.u32(*value));
        sink.zeros(8);
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Boxes;

    const TRACK: TextTrack<'static> =
        TextTrack { format: *b"wvtt", entry: b"entry", timescale: 1000, duration: 5000, language: "deu" };

    /// The content of the box at a path, of which there is one each.
    fn inside<'b>(bytes: &'b [u8], path: &[&[u8; 4]]) -> &'b [u8] {
        path.iter().fold(bytes, |bytes, name| {
            let payload = Boxes::new(b"file", bytes).only(name).unwrap().payload;
            // A sample description begins with version, flags and a count.
            if *name == b"stsd" { &payload[8..] } else { payload }
        })
    }

    #[test]
    fn an_init_segment_says_text() {
        let init = TRACK.init_segment().unwrap();
        assert!(inside(&init, &[b"ftyp"]).ends_with(b"cwvt"));
        let media = inside(&init, &[b"moov", b"trak", b"mdia"]);
        assert_eq!(&inside(media, &[b"hdlr"])[8..12], b"text");
        assert_eq!(inside(media, &[b"minf", b"nmhd"]), [0; 4]);
        assert_eq!(inside(media, &[b"minf", b"stbl", b"stsd", b"wvtt"]), b"entry");
        assert_eq!(inside(media, &[b"mdhd"])[20..22], packed_language("deu").to_be_bytes());
        let long = vec![0; MAX_ENTRY as usize + 1];
        assert!(TextTrack { entry: &long, ..TRACK }.init_segment().is_err());
    }

    #[test]
    fn a_segment_says_where_its_samples_are() {
        let segment = text_segment(7, 30_000, &[(1000, b"one"), (500, b"three")]).unwrap();
        assert_eq!(inside(&segment, &[b"moof", b"mfhd"])[4..], 7_u32.to_be_bytes());
        assert_eq!(inside(&segment, &[b"moof", b"traf", b"tfdt"])[4..], 30_000_u64.to_be_bytes());
        let run = inside(&segment, &[b"moof", b"traf", b"trun"]);
        let number = |at: usize| u32::from_be_bytes(run[at..at + 4].try_into().unwrap()) as usize;
        assert_eq!([number(4), number(12), number(16), number(20), number(24)], [2, 1000, 3, 500, 5]);
        assert_eq!(&segment[number(8)..], b"onethree", "the data's offset counts from the moof's first byte");
    }
}

//! The init segment (ISO/IEC 14496-12 §8.2 to §8.8, CMAF header of ISO/IEC 23000-19 §7.3.1).

use super::{protection::sample_entry, sink::Sink};
use crate::{Protection, TrackIndex, TrackKind};

/// The id of the only track, whatever the source file called it.
pub(super) const TRACK_ID: u32 = 1;

pub(super) const IDENTITY_MATRIX: [u32; 9] = [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000];
/// Track enabled and in movie.
pub(super) const TKHD_FLAGS: u32 = 0x3;
/// Data in the same file.
pub(super) const SELF_CONTAINED: u32 = 0x1;

impl TrackIndex {
    /// The init segment: `ftyp` and `moov`, for clear segments or for protected ones. `pssh` are whole boxes, to
    /// stand in the `moov`.
    pub fn init_segment(&self, protection: Option<&Protection>, pssh: &[Vec<u8>]) -> Vec<u8> {
        let mut sink = Sink::default();
        sink.boxed(b"ftyp", |sink| {
            sink.put(b"iso6\0\0\0\0iso6cmfcmp41");
            // Its binding §2.1 wants a brand of its own.
            if self.sample_entry.format == b"av01" {
                sink.put(b"av01");
            }
        });
        sink.boxed(b"moov", |sink| {
            // The track's own timescale, so that an empty edit keeps its exact length.
            mvhd(sink, self.timescale);
            sink.boxed(b"trak", |sink| self.trak(sink, protection));
            self.mvex(sink);
            pssh.iter().for_each(|pssh| sink.put(pssh));
        });
        sink.into_bytes()
    }

    fn trak(&self, sink: &mut Sink, protection: Option<&Protection>) {
        let (width, height, volume) = match self.kind {
            TrackKind::Video(format) => (format.width, format.height, 0),
            TrackKind::Audio(_) => (0, 0, 0x100),
        };
        sink.full_box(b"tkhd", 0, TKHD_FLAGS, |sink| {
            sink.zeros(8);
            sink.u32(TRACK_ID);
            sink.zeros(8 + 12);
            sink.u16(volume);
            sink.u16(0);
            IDENTITY_MATRIX.iter().for_each(|value| sink.u32(*value));
            sink.u32(u32::from(width) << 16);
            sink.u32(u32::from(height) << 16);
        });
        self.edts(sink);
        sink.boxed(b"mdia", |sink| self.mdia(sink, protection));
    }

    /// The edit list, where there is something to skip or to wait for. An edit's duration of 0 is "to the end".
    fn edts(&self, sink: &mut Sink) {
        let edit = self.edit;
        if edit.skip == 0 && edit.delay == 0 {
            return;
        }
        let mut entries = vec![(0, edit.skip)];
        if edit.delay > 0 {
            entries.insert(0, (edit.delay, u64::MAX));
        }
        sink.boxed(b"edts", |sink| {
            sink.full_box(b"elst", 1, 0, |sink| {
                sink.u32(entries.len() as u32);
                for (duration, media_time) in entries {
                    sink.u64(duration);
                    sink.u64(media_time);
                    sink.u32(0x1_0000);
                }
            });
        });
    }

    fn mdia(&self, sink: &mut Sink, protection: Option<&Protection>) {
        sink.full_box(b"mdhd", 0, 0, |sink| {
            sink.zeros(8);
            sink.u32(self.timescale);
            sink.u32(0);
            sink.u16(packed_language(&self.language));
            sink.u16(0);
        });
        let (handler, name) = match self.kind {
            TrackKind::Video(_) => (b"vide", b"VideoHandler\0"),
            TrackKind::Audio(_) => (b"soun", b"SoundHandler\0"),
        };
        sink.full_box(b"hdlr", 0, 0, |sink| {
            sink.u32(0);
            sink.put(handler);
            sink.zeros(12);
            sink.put(name);
        });
        sink.boxed(b"minf", |sink| self.minf(sink, protection));
    }

    fn minf(&self, sink: &mut Sink, protection: Option<&Protection>) {
        match self.kind {
            TrackKind::Video(_) => sink.full_box(b"vmhd", 0, 1, |sink| sink.zeros(8)),
            TrackKind::Audio(_) => sink.full_box(b"smhd", 0, 0, |sink| sink.zeros(4)),
        }
        sink.boxed(b"dinf", |sink| {
            sink.full_box(b"dref", 0, 0, |sink| {
                sink.u32(1);
                sink.full_box(b"url ", 0, SELF_CONTAINED, |_| {});
            });
        });
        sink.boxed(b"stbl", |sink| {
            sink.full_box(b"stsd", 0, 0, |sink| {
                sink.u32(1);
                sample_entry(sink, self, protection);
            });
            // All samples are in fragments.
            sink.full_box(b"stts", 0, 0, |sink| sink.u32(0));
            sink.full_box(b"stsc", 0, 0, |sink| sink.u32(0));
            sink.full_box(b"stsz", 0, 0, |sink| sink.zeros(8));
            sink.full_box(b"stco", 0, 0, |sink| sink.u32(0));
        });
    }

    fn mvex(&self, sink: &mut Sink) {
        sink.boxed(b"mvex", |sink| {
            sink.full_box(b"mehd", 1, 0, |sink| sink.u64(self.duration()));
            sink.full_box(b"trex", 0, 0, |sink| {
                sink.u32(TRACK_ID);
                sink.u32(1);
                sink.zeros(12);
            });
        });
    }
}

pub(super) fn packed_language(language: &str) -> u16 {
    let known = language.len() == 3 && language.bytes().all(|letter| letter.is_ascii_lowercase());
    let letters = if known { language } else { "und" };
    letters.bytes().fold(0, |packed, letter| packed << 5 | u16::from(letter - 0x60))
}

/// `mvhd` of a movie of one track, whose times are in fragments (ISO/IEC 14496-12 §8.2.2).
pub(super) fn mvhd(sink: &mut Sink, timescale: u32) {
    sink.full_box(b"mvhd", 0, 0, |sink| {
        sink.zeros(8);
        sink.u32(timescale);
        sink.u32(0);
        sink.u32(0x1_0000);
        sink.u16(0x100);
        sink.zeros(10);
        IDENTITY_MATRIX.iter().for_each(|value| sink.u32(*value));
        sink.zeros(24);
        sink.u32(TRACK_ID + 1);
    });
}

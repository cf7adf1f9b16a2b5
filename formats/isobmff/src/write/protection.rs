//! The boxes that signal protection (ISO/IEC 14496-12 §8.12, ISO/IEC 23001-7 §7, §8).

use super::sink::{Sink, to_u32};
use crate::{Error, Protection, SampleEntry, Scheme, Segment, Subsample, TrackIndex, TrackKind};

/// `cbcs` video: one block in ten is encrypted (ISO/IEC 23001-7 §10.4.2).
const VIDEO_PATTERN: u8 = 1 << 4 | 9;
/// Anything else under `cbcs`: every whole block.
const FULL_SAMPLE: u8 = 0;
const USE_SUBSAMPLES: u32 = 0x2;

/// `stsd`'s entry: the clear one, or `encv`/`enca` with a `sinf` that names what it was.
pub(super) fn sample_entry(sink: &mut Sink, index: &TrackIndex, protection: Option<&Protection>) {
    let entry = &index.sample_entry;
    let Some(protection) = protection else {
        return sink.boxed(&entry.format.0, |sink| sink.put(&entry.body));
    };
    let (kind, pattern) = match index.kind {
        TrackKind::Video(_) => (b"encv", VIDEO_PATTERN),
        TrackKind::Audio(_) => (b"enca", FULL_SAMPLE),
    };
    sink.boxed(kind, |sink| {
        sink.put(&entry.body);
        sinf(sink, entry, protection, pattern);
    });
}

fn sinf(sink: &mut Sink, entry: &SampleEntry, protection: &Protection, pattern: u8) {
    sink.boxed(b"sinf", |sink| {
        sink.boxed(b"frma", |sink| sink.put(&entry.format.0));
        sink.full_box(b"schm", 0, 0, |sink| {
            sink.put(protection.scheme.code());
            sink.u32(0x0001_0000);
        });
        sink.boxed(b"schi", |sink| tenc(sink, protection, pattern));
    });
}

fn tenc(sink: &mut Sink, protection: &Protection, pattern: u8) {
    match protection.scheme {
        Scheme::Cbcs => sink.full_box(b"tenc", 1, 0, |sink| {
            // Reserved, pattern, protected by default, no IV per sample.
            sink.put(&[0, pattern, 1, 0]);
            sink.put(&protection.key_id);
            sink.put(&[16]);
            sink.put(&protection.iv);
        }),
    }
}

/// `saiz`, `saio` and `senc` of a segment in the `traf` of a `moof` that begins at position 0 of the sink. With a
/// constant IV there is nothing to say of full samples, and nothing is written.
pub(super) fn sample_encryption(sink: &mut Sink, index: &TrackIndex, segment: &Segment) -> Result<(), Error> {
    if !index.kind.is_video() {
        return Ok(());
    }
    let subsamples: Vec<_> = segment.samples(index).map(|sample| sample.subsamples).collect();
    if subsamples.iter().any(|subsamples| subsamples.is_empty()) {
        return Err(Error::invalid(b"senc", "a protected video track needs a subsample map: index it with one"));
    }
    saiz(sink, &subsamples);
    let mut offset_at = 0;
    sink.full_box(b"saio", 0, 0, |sink| {
        sink.u32(1);
        offset_at = sink.position();
        sink.u32(0);
    });
    sink.full_box(b"senc", 0, USE_SUBSAMPLES, |sink| {
        sink.u32(to_u32(subsamples.len()));
        sink.set_u32(offset_at, to_u32(sink.position()));
        subsamples.iter().for_each(|subsamples| senc_entry(sink, subsamples));
    });
    Ok(())
}

fn saiz(sink: &mut Sink, subsamples: &[&[Subsample]]) {
    // At most 42 subsamples (`limits::MAX_SUBSAMPLES`), so that the size fits its byte.
    let size = |subsamples: &[Subsample]| (2 + 6 * subsamples.len()).min(255) as u8;
    let first = subsamples.first().map_or(0, |subsamples| size(subsamples));
    let uniform = subsamples.iter().all(|subsamples| size(subsamples) == first);
    sink.full_box(b"saiz", 0, 0, |sink| {
        sink.put(&[if uniform { first } else { 0 }]);
        sink.u32(to_u32(subsamples.len()));
        if !uniform {
            subsamples.iter().for_each(|subsamples| sink.put(&[size(subsamples)]));
        }
    });
}

fn senc_entry(sink: &mut Sink, subsamples: &[Subsample]) {
    sink.u16(subsamples.len() as u16);
    for Subsample { clear, protected } in subsamples {
        sink.u16(*clear);
        sink.u32(*protected);
    }
}

//! The boxes that signal protection (ISO/IEC 14496-12 §8.12, ISO/IEC 23001-7 §7, §8).

use std::borrow::Cow;

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
        Scheme::Cbcs { iv } => sink.full_box(b"tenc", 1, 0, |sink| {
            // Reserved, pattern, protected by default, no IV per sample.
            sink.put(&[0, pattern, 1, 0]);
            sink.put(&protection.key_id);
            sink.put(&[16]);
            sink.put(&iv);
        }),
        Scheme::Cenc { .. } => sink.full_box(b"tenc", 0, 0, |sink| {
            // Reserved twice, protected by default, 8 bytes of IV per sample.
            sink.put(&[0, 0, 1, 8]);
            sink.put(&protection.key_id);
        }),
    }
}

/// What `senc` says of one sample (ISO/IEC 23001-7 §7.2).
struct Auxiliary<'a> {
    iv: Option<[u8; 8]>,
    /// None for a full sample.
    subsamples: Cow<'a, [Subsample]>,
}

impl Auxiliary<'_> {
    /// Its size, which fits the byte that `saiz` has for it: there are at most 40 subsamples (`limits::MAX_SUBSAMPLES`).
    fn size(&self) -> u8 {
        let iv = self.iv.map_or(0, |iv| iv.len());
        let subsamples = if self.subsamples.is_empty() { 0 } else { 2 + 6 * self.subsamples.len() };
        (iv + subsamples).min(255) as u8
    }

    fn write(&self, sink: &mut Sink) {
        self.iv.iter().for_each(|iv| sink.put(iv));
        if self.subsamples.is_empty() {
            return;
        }
        sink.u16(self.subsamples.len() as u16);
        for Subsample { clear, protected } in self.subsamples.iter() {
            sink.u16(*clear);
            sink.u32(*protected);
        }
    }
}

/// `saiz`, `saio` and `senc` of a segment in the `traf` of a `moof` that begins at position 0 of the sink. With a
/// constant IV there is nothing to say of full samples, and nothing is written.
pub(super) fn sample_encryption(
    sink: &mut Sink,
    index: &TrackIndex,
    segment: &Segment,
    scheme: Scheme,
) -> Result<(), Error> {
    let video = index.kind.is_video();
    if video && segment.samples(index).any(|sample| sample.subsamples.is_empty()) {
        return Err(Error::invalid(b"senc", "a protected video track needs a subsample map: index it with one"));
    }
    let samples: Vec<_> = (segment.first_sample()..)
        .zip(segment.samples(index))
        .map(|(number, sample)| Auxiliary {
            iv: match scheme {
                Scheme::Cbcs { .. } => None,
                Scheme::Cenc { iv_prefix } => Some(iv_prefix.sample_iv(number)),
            },
            subsamples: if video { scheme.subsamples(sample.subsamples) } else { Cow::Borrowed(&[]) },
        })
        .collect();
    if samples.iter().all(|sample| sample.size() == 0) {
        return Ok(());
    }
    saiz(sink, &samples);
    let mut offset_at = 0;
    sink.full_box(b"saio", 0, 0, |sink| {
        sink.u32(1);
        offset_at = sink.position();
        sink.u32(0);
    });
    sink.full_box(b"senc", 0, if video { USE_SUBSAMPLES } else { 0 }, |sink| {
        sink.u32(to_u32(samples.len()));
        sink.set_u32(offset_at, to_u32(sink.position()));
        samples.iter().for_each(|sample| sample.write(sink));
    });
    Ok(())
}

fn saiz(sink: &mut Sink, samples: &[Auxiliary<'_>]) {
    let first = samples.first().map_or(0, Auxiliary::size);
    let uniform = samples.iter().all(|sample| sample.size() == first);
    sink.full_box(b"saiz", 0, 0, |sink| {
        sink.put(&[if uniform { first } else { 0 }]);
        sink.u32(to_u32(samples.len()));
        if !uniform {
            samples.iter().for_each(|sample| sink.put(&[sample.size()]));
        }
    });
}

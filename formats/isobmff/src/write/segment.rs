//! `moof` and the header of `mdat` (ISO/IEC 14496-12 §8.8), within the constraints of CMAF (ISO/IEC 23000-19 §7.3.2.3).

use super::{
    init::TRACK_ID,
    protection::sample_encryption,
    sink::{Sink, to_u32},
};
use crate::{Error, Protection, Sample, Segment, TrackIndex, limits};

pub(super) const DEFAULT_BASE_IS_MOOF: u32 = 0x2_0000;
const TFHD_DURATION: u32 = 0x8;
const TFHD_FLAGS: u32 = 0x20;
const TRUN_DATA_OFFSET: u32 = 0x1;
const TRUN_FIRST_FLAGS: u32 = 0x4;
const TRUN_DURATION: u32 = 0x100;
const TRUN_SIZE: u32 = 0x200;
const TRUN_FLAGS: u32 = 0x400;
const TRUN_COMPOSITION: u32 = 0x800;

impl TrackIndex {
    /// Everything of a media segment before its samples: `moof` and the header of `mdat`. The segment is these bytes and
    /// then its data (encrypted, when `protection` is given). The same index gives the same bytes, always.
    ///
    /// Errors when the segment was planned on another index, exceeds [`limits::MAX_SEGMENT`] or
    /// [`limits::MAX_SEGMENT_SAMPLES`], or is video to be protected without a subsample map.
    pub fn segment_header(&self, segment: &Segment, protection: Option<&Protection>) -> Result<Vec<u8>, Error> {
        Error::check_limit("bytes of samples in a segment", segment.data_size, limits::MAX_SEGMENT)?;
        let (count, limit) = (segment.sample_count().into(), limits::MAX_SEGMENT_SAMPLES.into());
        Error::check_limit("samples in a segment", count, limit)?;
        let samples: Vec<_> = segment.samples(self).collect();
        let data_size: u64 = samples.iter().map(|sample| u64::from(sample.size)).sum();
        if samples.len() != segment.sample_count() as usize || data_size != segment.data_size {
            return Err(Error::SegmentOutOfRange(segment.number));
        }
        let mut sink = Sink::default();
        self.moof(&mut sink, segment, &samples, protection)?;
        sink.u32(to_u32(segment.data_size as usize + 8));
        sink.put(b"mdat");
        Ok(sink.into_bytes())
    }

    /// The size of a whole media segment in bytes, known without its data. Errors as
    /// [`TrackIndex::segment_header`] does.
    pub fn segment_size(&self, segment: &Segment, protection: Option<&Protection>) -> Result<u64, Error> {
        Ok(self.segment_header(segment, protection)?.len() as u64 + segment.data_size)
    }

    fn moof(
        &self,
        sink: &mut Sink,
        segment: &Segment,
        samples: &[Sample<'_>],
        protection: Option<&Protection>,
    ) -> Result<(), Error> {
        let mut offset_at = 0;
        let mut encryption = Ok(());
        sink.boxed(b"moof", |sink| {
            sink.full_box(b"mfhd", 0, 0, |sink| sink.u32(segment.number));
            sink.boxed(b"traf", |sink| {
                let uniform = Uniform::of(samples);
                tfhd(sink, &uniform);
                sink.full_box(b"tfdt", 1, 0, |sink| sink.u64(segment.decode_time));
                offset_at = trun(sink, samples, &uniform);
                if let Some(protection) = protection {
                    encryption = sample_encryption(sink, self, segment, protection.scheme);
                }
            });
        });
        sink.set_u32(offset_at, to_u32(sink.position() + 8));
        encryption
    }
}

/// What is alike in all samples, and so said once.
struct Uniform {
    duration: Option<u32>,
    /// Flags of all samples, the first aside.
    flags: Option<u32>,
    /// Flags of the first sample, where only they differ.
    first_flags: Option<u32>,
}

impl Uniform {
    fn of(samples: &[Sample<'_>]) -> Self {
        let duration = same(samples.iter().map(|sample| sample.duration));
        let first = samples.first().map(|sample| sample.flags);
        let flags = same(samples.iter().skip(1).map(|sample| sample.flags)).or(first.filter(|_| samples.len() == 1));
        Self { duration, flags, first_flags: first.filter(|first| flags.is_some_and(|flags| flags != *first)) }
    }
}

fn same(mut values: impl Iterator<Item = u32>) -> Option<u32> {
    let first = values.next()?;
    values.all(|value| value == first).then_some(first)
}

fn tfhd(sink: &mut Sink, uniform: &Uniform) {
    let present = |value: Option<u32>, flag| if value.is_some() { flag } else { 0 };
    let flags = DEFAULT_BASE_IS_MOOF | present(uniform.duration, TFHD_DURATION) | present(uniform.flags, TFHD_FLAGS);
    sink.full_box(b"tfhd", 0, flags, |sink| {
        sink.u32(TRACK_ID);
        uniform.duration.into_iter().chain(uniform.flags).for_each(|value| sink.u32(value));
    });
}

/// Writes `trun` and returns where its data offset stands, to be filled in.
fn trun(sink: &mut Sink, samples: &[Sample<'_>], uniform: &Uniform) -> usize {
    let reordered = samples.iter().any(|sample| sample.composition_offset != 0);
    let version = u8::from(samples.iter().any(|sample| sample.composition_offset < 0));
    let choose = |condition, flag| if condition { flag } else { 0 };
    let flags = TRUN_DATA_OFFSET
        | TRUN_SIZE
        | choose(uniform.first_flags.is_some(), TRUN_FIRST_FLAGS)
        | choose(uniform.duration.is_none(), TRUN_DURATION)
        | choose(uniform.flags.is_none(), TRUN_FLAGS)
        | choose(reordered, TRUN_COMPOSITION);
    let mut offset_at = 0;
    sink.full_box(b"trun", version, flags, |sink| {
        sink.u32(to_u32(samples.len()));
        offset_at = sink.position();
        sink.u32(0);
        uniform.first_flags.into_iter().for_each(|value| sink.u32(value));
        samples.iter().for_each(|sample| trun_entry(sink, sample, flags));
    });
    offset_at
}

fn trun_entry(sink: &mut Sink, sample: &Sample<'_>, flags: u32) {
    for (flag, value) in [
        (TRUN_DURATION, sample.duration),
        (TRUN_SIZE, sample.size),
        (TRUN_FLAGS, sample.flags),
        (TRUN_COMPOSITION, sample.composition_offset.cast_unsigned()),
    ] {
        if flags & flag != 0 {
            sink.u32(value);
        }
    }
}

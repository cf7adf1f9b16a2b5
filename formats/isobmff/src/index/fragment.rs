//! One fragment of a track file, column by column so that it stays small.

use std::{iter, ops::Range};

use serde::{Deserialize, Serialize};

use super::{Subsample, SubsampleMap};
use crate::{Error, FragmentHeader, limits};

/// The latest time and the largest file position that are accepted, far from where sums overflow.
pub(super) const MAX_TIME: u64 = 1 << 60;

/// Sample flag `sample_is_non_sync_sample` (ISO/IEC 14496-12 §8.8.3.1).
const NON_SYNC: u32 = 0x1_0000;

/// A fragment (`moof` and `mdat`) of the track file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fragment {
    offset: u64,
    size: u64,
    data_offset: u64,
    data_size: u64,
    base_decode_time: u64,
    duration: u64,
    sizes: Vec<u32>,
    durations: Runs,
    flags: Runs,
    /// Empty when all are zero.
    composition_offsets: Vec<i32>,
    subsamples: SubsampleMap,
}

/// One sample of a fragment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample<'a> {
    /// Size in bytes.
    pub size: u32,
    /// Duration in media time.
    pub duration: u32,
    /// Sample flags (ISO/IEC 14496-12 §8.8.3.1).
    pub flags: u32,
    /// Composition time minus decode time.
    pub composition_offset: i32,
    /// Its coded data, which may be encrypted: see [`crate::Scheme::subsamples`]. Empty for a track without a map.
    pub subsamples: &'a [Subsample],
}

/// Values that repeat, as (count, value).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Runs(Vec<(u32, u32)>);

impl Runs {
    fn from_values(values: impl Iterator<Item = u32>) -> Self {
        let mut runs = Vec::<(u32, u32)>::new();
        for value in values {
            match runs.last_mut() {
                Some((count, last)) if *last == value => *count += 1,
                _ => runs.push((1, value)),
            }
        }
        Self(runs)
    }

    fn len(&self) -> u64 {
        self.0.iter().map(|(count, _)| u64::from(*count)).sum()
    }

    fn iter(&self) -> impl Iterator<Item = u32> {
        self.0.iter().flat_map(|(count, value)| iter::repeat_n(*value, *count as usize))
    }
}

impl Fragment {
    /// The fragment that `header` describes, `size` bytes from `offset` on.
    pub(super) fn new(
        header: &FragmentHeader,
        offset: u64,
        size: u64,
        subsamples: SubsampleMap,
    ) -> Result<Self, Error> {
        let samples = &header.samples;
        let reordered = samples.iter().any(|sample| sample.composition_offset != 0);
        let offsets = samples.iter().filter(|_| reordered).map(|sample| sample.composition_offset);
        let fragment = Self {
            offset,
            size,
            data_offset: offset.saturating_add(header.data_offset),
            data_size: header.data_size,
            base_decode_time: header.base_decode_time,
            duration: header.duration(),
            sizes: samples.iter().map(|sample| sample.size).collect(),
            durations: Runs::from_values(samples.iter().map(|sample| sample.duration)),
            flags: Runs::from_values(samples.iter().map(|sample| sample.flags)),
            composition_offsets: offsets.collect(),
            subsamples,
        };
        fragment.check()?;
        Ok(fragment)
    }

    /// Where the `moof` and the `mdat` stand in the file.
    pub fn range(&self) -> Range<u64> {
        self.offset..self.offset.saturating_add(self.size)
    }

    /// Where its samples' bytes stand in the file.
    pub fn data_range(&self) -> Range<u64> {
        self.data_offset..self.data_offset.saturating_add(self.data_size)
    }

    /// Decode time of the first sample.
    pub fn base_decode_time(&self) -> u64 {
        self.base_decode_time
    }

    /// Decode duration of all samples.
    pub fn duration(&self) -> u64 {
        self.duration
    }

    /// Decode time right after the last sample.
    pub fn end_decode_time(&self) -> u64 {
        self.base_decode_time.saturating_add(self.duration)
    }

    /// How many samples it has, at least one.
    pub fn sample_count(&self) -> usize {
        self.sizes.len()
    }

    /// True when it says which bytes of its samples may be encrypted.
    pub fn has_subsamples(&self) -> bool {
        !self.subsamples.is_empty()
    }

    /// Takes the subsamples of its samples.
    pub(super) fn set_subsamples(&mut self, subsamples: SubsampleMap) -> Result<(), Error> {
        subsamples.check(&self.sizes)?;
        self.subsamples = subsamples;
        Ok(())
    }

    /// Its samples in decode order.
    pub fn samples(&self) -> impl Iterator<Item = Sample<'_>> {
        let columns = self.sizes.iter().zip(self.durations.iter()).zip(self.flags.iter());
        let offsets = self.composition_offsets.iter().copied().chain(iter::repeat(0));
        let subsamples = self.subsamples.iter().chain(iter::repeat([].as_slice()));
        columns.zip(offsets).zip(subsamples).map(|((((size, duration), flags), composition_offset), subsamples)| {
            Sample { size: *size, duration, flags, composition_offset, subsamples }
        })
    }

    /// Makes the last sample last until `end`, for it is shown until the next one begins.
    pub(super) fn end_at(&mut self, end: u64) -> Result<(), Error> {
        let invalid = || Error::invalid(b"tfdt", "decode times must increase from fragment to fragment");
        let last = self.durations.iter().last().unwrap_or(0);
        let before = self.end_decode_time() - u64::from(last);
        let duration = end.checked_sub(before).and_then(|d| u32::try_from(d).ok()).ok_or_else(invalid)?;
        let all_but_last = self.sizes.len() - 1;
        self.durations = Runs::from_values(self.durations.iter().take(all_but_last).chain([duration]));
        self.duration = end - self.base_decode_time;
        Ok(())
    }

    /// Its sync samples as fragments of one sample each, without headers and durations: [`Self::end_at`] gives them those.
    pub(super) fn sync_samples(&self) -> Vec<Self> {
        let mut alone = Vec::new();
        let (mut decode_time, mut position) = (self.base_decode_time, self.data_offset);
        for sample in self.samples() {
            if sample.flags & NON_SYNC == 0 {
                alone.push(Self::alone(&sample, decode_time, position));
            }
            decode_time += u64::from(sample.duration);
            position += u64::from(sample.size);
        }
        alone
    }

    fn alone(sample: &Sample<'_>, decode_time: u64, position: u64) -> Self {
        let (size, offset) = (u64::from(sample.size), sample.composition_offset);
        Self {
            offset: position,
            size,
            data_offset: position,
            data_size: size,
            base_decode_time: decode_time,
            duration: 0,
            sizes: vec![sample.size],
            durations: Runs(vec![(1, 0)]),
            flags: Runs(vec![(1, sample.flags)]),
            composition_offsets: if offset == 0 { Vec::new() } else { vec![offset] },
            subsamples: match sample.subsamples {
                [] => SubsampleMap::default(),
                subsamples => SubsampleMap::of(subsamples),
            },
        }
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        let invalid = |rule| Error::invalid(b"moof", rule);
        let count = self.sizes.len() as u64;
        Error::check_limit("samples in a fragment", count, limits::MAX_FRAGMENT_SAMPLES as u64)?;
        for position in [self.offset, self.size, self.data_offset, self.data_size] {
            Error::check_limit("a file position", position, MAX_TIME)?;
        }
        Error::check_limit("a decode time", self.base_decode_time, MAX_TIME)?;
        if count == 0 || self.durations.len() != count || self.flags.len() != count {
            return Err(invalid("a fragment describes each of its samples once"));
        }
        if !self.composition_offsets.is_empty() && self.composition_offsets.len() as u64 != count {
            return Err(invalid("a fragment describes each of its samples once"));
        }
        if self.sizes.iter().map(|size| u64::from(*size)).sum::<u64>() != self.data_size {
            return Err(invalid("sample sizes must add up to the fragment's data"));
        }
        if self.durations.iter().map(u64::from).sum::<u64>() != self.duration {
            return Err(invalid("sample durations must add up to the fragment's duration"));
        }
        self.subsamples.check(&self.sizes)
    }
}

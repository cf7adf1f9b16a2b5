//! The sample tables of a progressive file (ISO/IEC 14496-12 §8.6.1, §8.7), kept as compact as they are stored.

use std::iter;

use super::MovieSample;
use crate::{Boxes, Error, Mp4Box, cursor::Cursor, limits};

/// Where the samples stand and when they are decoded. Each table covers every sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SampleTables {
    sizes: Sizes,
    /// (samples, duration) of `stts`.
    durations: Vec<(u32, u32)>,
    /// (samples, offset) of `ctts`; `None` when all are zero.
    composition_offsets: Option<Vec<(u32, u32)>>,
    /// Sample numbers from 1, ascending; `None` when all are sync samples.
    sync: Option<Vec<u32>>,
    /// (first chunk, samples in each) of `stsc`, ascending from 1.
    chunks: Vec<(u32, u32)>,
    chunk_offsets: Vec<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Sizes {
    Uniform { size: u32, count: u32 },
    Each(Vec<u32>),
}

impl SampleTables {
    pub(crate) fn parse(stbl: &Boxes<'_>) -> Result<Self, Error> {
        let sizes = match stbl.optional(b"stsz")? {
            Some(stsz) => Sizes::parse(&stsz)?,
            None => Sizes::parse_compact(&stbl.only(b"stz2")?)?,
        };
        let tables = Self {
            sizes,
            durations: pairs(&stbl.only(b"stts")?)?,
            composition_offsets: stbl.optional(b"ctts")?.map(|ctts| pairs(&ctts)).transpose()?,
            sync: stbl.optional(b"stss")?.map(|stss| numbers(&stss)).transpose()?,
            chunks: chunks(&stbl.only(b"stsc")?)?,
            chunk_offsets: chunk_offsets(stbl)?,
        };
        tables.check()?;
        Ok(tables)
    }

    pub(crate) fn sample_count(&self) -> u32 {
        match &self.sizes {
            Sizes::Uniform { count, .. } => *count,
            Sizes::Each(sizes) => sizes.len() as u32,
        }
    }

    /// The samples in decode order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = MovieSample> {
        let composition_offsets = self.composition_offsets.iter().flatten();
        let composition_offsets = expanded(composition_offsets).chain(iter::repeat(0));
        let columns = self.sizes.iter().zip(expanded(self.durations.iter())).zip(composition_offsets);
        let mut sync = self.sync.iter().flatten().copied().peekable();
        let (mut offset, mut decode_time) = (0, 0u64);
        columns.zip(self.chunk_starts()).zip(1..).map(move |((((size, duration), composition), start), number)| {
            offset = start.unwrap_or(offset);
            let sample = MovieSample {
                offset,
                size,
                decode_time,
                duration,
                // Unsigned in version 0; an offset of over 2^31 would be a day at any timescale in use.
                composition_offset: composition.cast_signed(),
                sync: self.sync.is_none() || sync.next_if_eq(&number).is_some(),
            };
            offset = offset.saturating_add(u64::from(size));
            decode_time = decode_time.saturating_add(u64::from(duration));
            sample
        })
    }

    /// For each sample its position in the file where it begins a chunk.
    fn chunk_starts(&self) -> impl Iterator<Item = Option<u64>> {
        let chunks = self.samples_of_chunks().zip(&self.chunk_offsets);
        chunks.flat_map(|(count, offset)| iter::once(Some(*offset)).chain(iter::repeat_n(None, count as usize - 1)))
    }

    /// How many samples each chunk has, without end.
    fn samples_of_chunks(&self) -> impl Iterator<Item = u32> {
        let ends = self.chunks.iter().skip(1).map(|(first, _)| *first).chain([u32::MAX]);
        self.chunks.iter().zip(ends).flat_map(|((first, count), end)| iter::repeat_n(*count, (end - first) as usize))
    }

    fn check(&self) -> Result<(), Error> {
        let count = u64::from(self.sample_count());
        Error::check_limit("samples in a movie", count, limits::MAX_MOVIE_SAMPLES)?;
        if covered(&self.durations) < count {
            return Err(Error::invalid(b"stts", "every sample needs a duration"));
        }
        if self.composition_offsets.as_ref().is_some_and(|runs| covered(runs) < count) {
            return Err(Error::invalid(b"ctts", "every sample needs a composition offset"));
        }
        if self.sync.as_ref().is_some_and(|numbers| numbers.first() == Some(&0) || !numbers.is_sorted_by(|a, b| a < b))
        {
            return Err(Error::invalid(b"stss", "numbers of sync samples must ascend from 1"));
        }
        let ascending = self.chunks.is_sorted_by(|(a, _), (b, _)| a < b);
        let begins = self.chunks.first().is_none_or(|(first, _)| *first == 1);
        if !ascending || !begins || self.chunks.iter().any(|(_, count)| *count == 0) {
            return Err(Error::invalid(b"stsc", "runs of chunks must ascend from 1 and have samples"));
        }
        let held: u64 = self.samples_of_chunks().zip(&self.chunk_offsets).map(|(count, _)| u64::from(count)).sum();
        if held < count { Err(Error::invalid(b"stsc", "every sample needs a place in a chunk")) } else { Ok(()) }
    }
}

impl Sizes {
    fn parse(stsz: &Mp4Box<'_>) -> Result<Self, Error> {
        let mut cursor = stsz.cursor();
        cursor.version_flags()?;
        match (cursor.u32()?, cursor.u32()?) {
            (0, count) => Ok(Self::Each(words(&mut cursor, count)?)),
            (size, count) => Ok(Self::Uniform { size, count }),
        }
    }

    /// `stz2`, with sizes of 4, 8 or 16 bits.
    fn parse_compact(stz2: &Mp4Box<'_>) -> Result<Self, Error> {
        let mut cursor = stz2.cursor();
        cursor.version_flags()?;
        let (field, count) = (cursor.u32()?, cursor.u32()?);
        let sizes = match field & 0xff {
            4 => {
                let nibbles = table(&mut cursor, count.div_ceil(2), 1)?.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
                nibbles.take(count as usize).map(u32::from).collect()
            }
            8 => table(&mut cursor, count, 1)?.iter().copied().map(u32::from).collect(),
            16 => {
                let (halves, _) = table(&mut cursor, count, 2)?.as_chunks::<2>();
                halves.iter().map(|half| u32::from(u16::from_be_bytes(*half))).collect()
            }
            _ => return Err(Error::invalid(b"stz2", "sizes have 4, 8 or 16 bits")),
        };
        Ok(Self::Each(sizes))
    }

    fn iter(&self) -> impl Iterator<Item = u32> {
        let (each, uniform) = match self {
            Self::Each(sizes) => (sizes.as_slice(), iter::repeat_n(0, 0)),
            Self::Uniform { size, count } => ([].as_slice(), iter::repeat_n(*size, *count as usize)),
        };
        each.iter().copied().chain(uniform)
    }
}

/// The bytes of `count` entries, after checking that they are there: memory is taken for what exists only.
fn table<'a>(cursor: &mut Cursor<'a>, count: u32, width: usize) -> Result<&'a [u8], Error> {
    cursor.take((count as usize).saturating_mul(width))
}

fn words(cursor: &mut Cursor<'_>, count: u32) -> Result<Vec<u32>, Error> {
    let (words, _) = table(cursor, count, 4)?.as_chunks::<4>();
    Ok(words.iter().map(|word| u32::from_be_bytes(*word)).collect())
}

/// A full box of a count and so many numbers, as `stss` is.
fn numbers(found: &Mp4Box<'_>) -> Result<Vec<u32>, Error> {
    let mut cursor = found.cursor();
    cursor.version_flags()?;
    let count = cursor.u32()?;
    words(&mut cursor, count)
}

/// A full box of a count and so many pairs, as `stts` and `ctts` are.
fn pairs(found: &Mp4Box<'_>) -> Result<Vec<(u32, u32)>, Error> {
    let mut cursor = found.cursor();
    cursor.version_flags()?;
    let count = cursor.u32()?;
    let (words, _) = table(&mut cursor, count, 8)?.as_chunks::<4>();
    let word = |index: usize| u32::from_be_bytes(words[index]);
    Ok((0..count as usize).map(|index| (word(2 * index), word(2 * index + 1))).collect())
}

/// `stsc`, whose third column names the sample entry: the only one.
fn chunks(stsc: &Mp4Box<'_>) -> Result<Vec<(u32, u32)>, Error> {
    let mut cursor = stsc.cursor();
    cursor.version_flags()?;
    let count = cursor.u32()?;
    let (words, _) = table(&mut cursor, count, 12)?.as_chunks::<4>();
    let (entries, _) = words.as_chunks::<3>();
    let entry = |[first, count, description]: &[[u8; 4]; 3]| match u32::from_be_bytes(*description) {
        1 => Ok((u32::from_be_bytes(*first), u32::from_be_bytes(*count))),
        _ => Err(Error::invalid(b"stsc", "it must use the only sample entry")),
    };
    entries.iter().map(entry).collect()
}

fn chunk_offsets(stbl: &Boxes<'_>) -> Result<Vec<u64>, Error> {
    if let Some(stco) = stbl.optional(b"stco")? {
        return Ok(numbers(&stco)?.into_iter().map(u64::from).collect());
    }
    let mut cursor = stbl.only(b"co64")?.cursor();
    cursor.version_flags()?;
    let count = cursor.u32()?;
    let (offsets, _) = table(&mut cursor, count, 8)?.as_chunks::<8>();
    Ok(offsets.iter().map(|offset| u64::from_be_bytes(*offset)).collect())
}

/// How many samples runs describe.
fn covered(runs: &[(u32, u32)]) -> u64 {
    runs.iter().map(|(count, _)| u64::from(*count)).sum()
}

fn expanded<'a>(runs: impl Iterator<Item = &'a (u32, u32)>) -> impl Iterator<Item = u32> {
    runs.flat_map(|(count, value)| iter::repeat_n(*value, *count as usize))
}

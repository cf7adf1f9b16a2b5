//! Which bytes of each sample may be encrypted (ISO/IEC 23001-7 §9.5).

use serde::{Deserialize, Serialize};

use crate::{Error, limits};

/// The unit of AES, in bytes.
const BLOCK: u32 = 16;

/// A run of clear bytes and the run of protected bytes after it, as `senc` stores them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subsample {
    /// Bytes that stay clear.
    pub clear: u16,
    /// Bytes the scheme applies to.
    pub protected: u32,
}

/// The subsamples of one sample, put together from its runs of bytes in order.
#[derive(Debug, Clone, Default)]
pub struct SubsampleRuns {
    subsamples: Vec<Subsample>,
    /// Clear bytes since the last protected one.
    clear: u64,
}

impl SubsampleRuns {
    /// Adds clear bytes.
    pub fn clear(&mut self, bytes: u64) {
        self.clear = self.clear.saturating_add(bytes);
    }

    /// Adds protected bytes.
    pub fn protected(&mut self, bytes: u32) {
        if bytes > 0 {
            self.push(bytes);
        }
    }

    /// All of them. Even an empty sample has an entry, so that "no entry" means "no map".
    pub fn finish(mut self) -> Vec<Subsample> {
        if self.clear > 0 || self.subsamples.is_empty() {
            self.push(0);
        }
        self.subsamples
    }

    /// More clear bytes than 16 bits count go into entries of their own.
    fn push(&mut self, protected: u32) {
        while self.clear > u64::from(u16::MAX) {
            self.subsamples.push(Subsample { clear: u16::MAX, protected: 0 });
            self.clear -= u64::from(u16::MAX);
        }
        self.subsamples.push(Subsample { clear: self.clear as u16, protected });
        self.clear = 0;
    }
}

/// Coded data cut to whole blocks at its end, as counter mode needs them (ISO/IEC 23001-7 §9.5.2).
pub(crate) fn whole_blocks(coded: &[Subsample]) -> Vec<Subsample> {
    let mut runs = SubsampleRuns::default();
    for subsample in coded {
        let over = subsample.protected % BLOCK;
        runs.clear(u64::from(subsample.clear) + u64::from(over));
        runs.protected(subsample.protected - over);
    }
    runs.finish()
}

/// The coded data of consecutive samples, whatever scheme protects it: see [`crate::Scheme::subsamples`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubsampleMap {
    /// Subsamples of each sample.
    counts: Vec<u8>,
    pairs: Vec<Subsample>,
}

impl SubsampleMap {
    /// Adds the next sample. Errors when it has more subsamples, under any scheme, than a `saiz` box can count.
    pub fn push(&mut self, coded: &[Subsample]) -> Result<(), Error> {
        check_count(coded)?;
        self.counts.push(coded.len() as u8);
        self.pairs.extend_from_slice(coded);
        Ok(())
    }

    /// The map of one sample that another map divides so.
    pub(super) fn of(coded: &[Subsample]) -> Self {
        Self { counts: vec![coded.len() as u8], pairs: coded.to_vec() }
    }

    /// True when no sample was added: the track is protected as full samples, if at all.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// The subsamples of each sample.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[Subsample]> {
        let mut rest = self.pairs.as_slice();
        self.counts.iter().map(move |count| {
            let (sample, after) = rest.split_at(usize::from(*count).min(rest.len()));
            rest = after;
            sample
        })
    }

    /// Checks that the map, unless empty, divides samples of exactly these sizes.
    pub(crate) fn check(&self, sizes: &[u32]) -> Result<(), Error> {
        let mismatch = || Error::invalid(b"senc", "subsamples must add up to their sample's size");
        if self.is_empty() && self.pairs.is_empty() {
            return Ok(());
        }
        let total: usize = self.counts.iter().map(|count| usize::from(*count)).sum();
        if self.counts.len() != sizes.len() || self.pairs.len() != total {
            return Err(mismatch());
        }
        self.iter().zip(sizes).try_for_each(|(subsamples, size)| {
            check_count(subsamples)?;
            let sum: u64 = subsamples.iter().map(|s| u64::from(s.clear) + u64::from(s.protected)).sum();
            if sum == u64::from(*size) { Ok(()) } else { Err(mismatch()) }
        })
    }
}

fn check_count(coded: &[Subsample]) -> Result<(), Error> {
    let limit = |count: usize| {
        Error::check_limit("subsamples (slices or tiles) in a sample", count as u64, limits::MAX_SUBSAMPLES as u64)
    };
    limit(coded.len())?;
    // Only clear runs that grow past 16 bits can make them more.
    limit(whole_blocks(coded).len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(clear: u16, protected: u32) -> Subsample {
        Subsample { clear, protected }
    }

    #[test]
    fn long_clear_runs_are_split() {
        let mut runs = SubsampleRuns::default();
        runs.clear(140_004);
        assert_eq!(runs.finish(), [pair(65_535, 0), pair(65_535, 0), pair(8_934, 0)]);
    }

    #[test]
    fn whole_blocks_end_where_the_coded_data_ends() {
        for (coded, aligned) in [
            (vec![pair(10, 32)], vec![pair(10, 32)]),
            (vec![pair(10, 47), pair(5, 16)], vec![pair(25, 32), pair(5, 16)]),
            (vec![pair(10, 15), pair(5, 17)], vec![pair(31, 16)]),
            (vec![pair(10, 17), pair(5, 3)], vec![pair(11, 16), pair(8, 0)]),
            (vec![pair(65_530, 31)], vec![pair(65_535, 0), pair(10, 16)]),
            (vec![pair(65_535, 0), pair(9, 16)], vec![pair(65_535, 0), pair(9, 16)]),
            (vec![pair(0, 0)], vec![pair(0, 0)]),
        ] {
            assert_eq!(whole_blocks(&coded), aligned, "{coded:?}");
        }
    }
}

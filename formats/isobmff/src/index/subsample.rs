//! Which bytes of each sample may be encrypted (ISO/IEC 23001-7 §9.5).

use serde::{Deserialize, Serialize};

use crate::{Error, limits};

/// A run of clear bytes and the run of protected bytes after it, as `senc` stores them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subsample {
    /// Bytes that stay clear.
    pub clear: u16,
    /// Bytes the scheme applies to.
    pub protected: u32,
}

/// The subsamples of consecutive samples.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubsampleMap {
    /// Subsamples of each sample.
    counts: Vec<u8>,
    pairs: Vec<Subsample>,
}

impl SubsampleMap {
    /// Adds the next sample. Errors when it has more subsamples than a `saiz` box can count.
    pub fn push(&mut self, subsamples: &[Subsample]) -> Result<(), Error> {
        let count = subsamples.len();
        Error::check_limit("subsamples (slices) in a sample", count as u64, limits::MAX_SUBSAMPLES as u64)?;
        self.counts.push(count as u8);
        self.pairs.extend_from_slice(subsamples);
        Ok(())
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
            Error::check_limit("subsamples in a sample", subsamples.len() as u64, limits::MAX_SUBSAMPLES as u64)?;
            let sum: u64 = subsamples.iter().map(|s| u64::from(s.clear) + u64::from(s.protected)).sum();
            if sum == u64::from(*size) { Ok(()) } else { Err(mismatch()) }
        })
    }
}

//! A `senc` box, read for comparison.

use tessera_isobmff::Subsample;

/// What the box says of one sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Empty where the IV is constant.
    pub(crate) iv: Vec<u8>,
    /// Empty for a full sample.
    pub(crate) subsamples: Vec<Subsample>,
}

/// The entries of a box with IVs of `iv_size` bytes; none when it says nothing.
pub(crate) fn entries(senc: &[u8], iv_size: usize) -> Vec<Entry> {
    const USE_SUBSAMPLES: u8 = 2;
    let with_subsamples = senc[3] & USE_SUBSAMPLES != 0;
    if !with_subsamples && iv_size == 0 {
        return Vec::new();
    }
    let mut rest = &senc[8..];
    let mut take = |count: usize| {
        let (taken, after) = rest.split_at(count);
        rest = after;
        taken.to_vec()
    };
    let mut entries = Vec::new();
    for _ in 0..number(&senc[4..8]) {
        let iv = take(iv_size);
        let count = if with_subsamples { number(&take(2)) as usize } else { 0 };
        let pair = |p: &[u8]| Subsample { clear: number(&p[..2]) as u16, protected: number(&p[2..]) };
        entries.push(Entry { iv, subsamples: take(6 * count).chunks(6).map(pair).collect() });
    }
    assert!(rest.is_empty(), "senc ends with its last entry");
    entries
}

/// A big-endian number of up to four bytes.
pub(crate) fn number(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |value, byte| value << 8 | u32::from(*byte))
}

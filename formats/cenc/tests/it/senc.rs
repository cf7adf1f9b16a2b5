//! A `senc` box, read for comparison.

use tessera_isobmff::Subsample;

/// The subsamples of each sample; none when the box says that it has none. For tracks with a constant IV.
pub(crate) fn entries(senc: &[u8]) -> Vec<Vec<Subsample>> {
    const USE_SUBSAMPLES: u8 = 2;
    if senc[3] & USE_SUBSAMPLES == 0 {
        return Vec::new();
    }
    let mut rest = &senc[8..];
    let mut samples = Vec::new();
    for _ in 0..number(&senc[4..8]) {
        let count = number(&rest[..2]) as usize;
        let pairs = rest[2..2 + 6 * count].chunks(6);
        let pair = |p: &[u8]| Subsample { clear: number(&p[..2]) as u16, protected: number(&p[2..]) };
        samples.push(pairs.map(pair).collect());
        rest = &rest[2 + 6 * count..];
    }
    assert!(rest.is_empty(), "senc ends with its last entry");
    samples
}

/// A big-endian number of up to four bytes.
pub(crate) fn number(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |value, byte| value << 8 | u32::from(*byte))
}

//! Which bytes of a sample are protected. A file of these kinds is the payload of the codec's configuration box and then
//! samples, each behind a length of 32 bits.

use tessera_cenc::{Av1Subsampler, AvcSubsampler, HevcSubsampler, Subsampler, Vp9Subsampler};
use tessera_isobmff::{Av1Config, AvcConfig, HevcConfig, SubsampleMap};

/// Headers of NAL units of AVC and HEVC.
pub(super) const NAL_WORDS: &[&[u8]] = &[
    b"\0\0\0\x01\x67",
    b"\x68",
    b"\x65",
    b"\x41",
    b"\x42\x01",
    b"\x44\x01",
    b"\x26\x01",
    b"\x02\x01",
    b"\0\0\x03",
    b"\0\0\0",
];

/// Headers of OBUs.
pub(super) const OBU_WORDS: &[&[u8]] = &[
    b"\x12\0",
    b"\x0a\x0b",
    b"\x1a\x02",
    b"\x22\x10",
    b"\x32\x20",
    b"\x36\x48\x10",
    b"\x3a\x03",
    b"\x80\x80\x01",
    b"\xff\xff\xff\xff\x0f",
];

/// Headers of VP9 frames, and ends of superframes.
pub(super) const FRAME_WORDS: &[&[u8]] =
    &[b"\x82\x49\x83\x42", b"\x86\0", b"\x88", b"\xa2\x49\x83\x42", b"\xc1", b"\xc9", b"\xdf", b"\xff\xff"];

pub(super) fn avc(bytes: &[u8]) -> bool {
    let config = |config: &[u8]| AvcSubsampler::new(&AvcConfig::parse(config).ok()?).ok();
    divide(bytes, config)
}

pub(super) fn hevc(bytes: &[u8]) -> bool {
    let config = |config: &[u8]| HevcSubsampler::new(&HevcConfig::parse(config).ok()?).ok();
    divide(bytes, config)
}

pub(super) fn av1(bytes: &[u8]) -> bool {
    let config = |config: &[u8]| Av1Subsampler::new(&Av1Config::parse(config).ok()?).ok();
    divide(bytes, config)
}

pub(super) fn vp9(bytes: &[u8]) -> bool {
    divide(bytes, |_| Some(Vp9Subsampler::new()))
}

/// Subsamples add up to their sample, and a map takes or refuses them. True when all samples could be divided.
fn divide<S: Subsampler>(bytes: &[u8], open: impl FnOnce(&[u8]) -> Option<S>) -> bool {
    let Some((config, mut rest)) = split(bytes) else { return false };
    let Some(mut subsampler) = open(config) else { return false };
    let mut all = true;
    while let Some((sample, after)) = split(rest) {
        rest = after;
        let Ok(found) = subsampler.subsamples(sample) else {
            all = false;
            continue;
        };
        let sum: u64 = found.iter().map(|s| u64::from(s.clear) + u64::from(s.protected)).sum();
        assert_eq!(sum, sample.len() as u64, "subsamples add up to their sample");
        let _ = SubsampleMap::default().push(&found);
    }
    all
}

/// What stands behind a length, as much of it as there is.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    Some(rest.split_at((u32::from_be_bytes(*length) as usize).min(rest.len())))
}

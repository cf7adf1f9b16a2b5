//! From an HEVC sample to its subsamples.

use std::collections::BTreeMap;

use tessera_isobmff::{HevcConfig, Subsample};

use super::{
    pps::Pps,
    slice::{ParameterSets, header_length},
    sps::Sps,
};
use crate::{CodecError, nal};

const LAST_TRAILING_SLICE: u8 = 9;
const FIRST_IRAP_SLICE: u8 = 16;
const LAST_IRAP_SLICE: u8 = 21;
const LAST_RESERVED_SLICE: u8 = 31;
const SPS: u8 = 33;
const PPS: u8 = 34;

/// Divides the samples of one HEVC track, in decode order, into subsamples.
///
/// Everything up to the first byte after each slice segment header stays clear, and the rest of the slice segment's NAL
/// unit is protected. Parameter sets in band replace those of `hvcC`.
#[derive(Debug, Clone)]
pub struct HevcSubsampler {
    nal_length_size: usize,
    sets: Sets,
}

#[derive(Debug, Clone, Default)]
struct Sets {
    sps: BTreeMap<u32, Sps>,
    pps: BTreeMap<u32, Pps>,
}

impl HevcSubsampler {
    /// Begins with the parameter sets of `hvcC`. Errors when one of them cannot be read.
    pub fn new(config: &HevcConfig) -> Result<Self, CodecError> {
        let mut sets = Sets::default();
        for nal in &config.nals {
            sets.update(nal)?;
        }
        Ok(Self { nal_length_size: config.nal_length_size, sets })
    }

    /// The coded data of the next sample as subsamples, which add up to its size.
    pub fn subsamples(&mut self, sample: &[u8]) -> Result<Vec<Subsample>, CodecError> {
        nal::divide(sample, self.nal_length_size, |nal| clear_length(nal, &mut self.sets))
    }
}

/// How many bytes of a NAL unit stay clear.
fn clear_length(nal: &[u8], sets: &mut Sets) -> Result<usize, CodecError> {
    let Some((header, payload)) = nal.split_first_chunk::<2>() else { return Ok(nal.len()) };
    match kind(*header) {
        kind @ (..=LAST_TRAILING_SLICE | FIRST_IRAP_SLICE..=LAST_IRAP_SLICE) if layer(*header) == 0 => {
            header_length(payload, kind, sets).map(|length| 2 + length)
        }
        kind @ ..=LAST_RESERVED_SLICE => Err(CodecError::NalType(kind)),
        _ => sets.update(nal).map(|()| nal.len()),
    }
}

fn kind([first, _]: [u8; 2]) -> u8 {
    first >> 1 & 0x3f
}

/// `nuh_layer_id`, 0 in a stream of one layer.
fn layer([first, second]: [u8; 2]) -> u8 {
    (first & 1) << 5 | second >> 3
}

impl Sets {
    /// Remembers a parameter set of the base layer; other NAL units are none of its business.
    fn update(&mut self, nal: &[u8]) -> Result<(), CodecError> {
        match nal.split_first_chunk::<2>() {
            Some((header, payload)) if kind(*header) == SPS && layer(*header) == 0 => {
                let sps = Sps::parse(payload)?;
                self.sps.insert(sps.id, sps);
            }
            Some((header, payload)) if kind(*header) == PPS && layer(*header) == 0 => {
                let pps = Pps::parse(payload)?;
                self.pps.insert(pps.id, pps);
            }
            _ => {}
        }
        Ok(())
    }
}

impl ParameterSets for Sets {
    fn activate(&self, pps_id: u32) -> Result<(&Pps, &Sps), CodecError> {
        let missing = |kind, id| CodecError::NoParameterSet { kind, id };
        let pps = self.pps.get(&pps_id).ok_or(missing("picture", pps_id))?;
        let sps = self.sps.get(&pps.sps_id).ok_or(missing("sequence", pps.sps_id))?;
        Ok((pps, sps))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn subsampler(nals: Vec<Vec<u8>>) -> Result<HevcSubsampler, CodecError> {
        HevcSubsampler::new(&HevcConfig {
            profile_space: 0,
            high_tier: false,
            profile: 1,
            compatibility: 0,
            constraints: [0; 6],
            level: 93,
            nal_length_size: 1,
            nals,
        })
    }

    #[test]
    fn refuses_what_it_cannot_divide() {
        let bytes = |nal: &[u8]| [&[nal.len() as u8], nal].concat();
        for (sample, error) in [
            (bytes(&[0x26, 1, 0xaf]), CodecError::NoParameterSet { kind: "picture", id: 0 }),
            (bytes(&[0x02, 9, 0xd0]), CodecError::NalType(1)),
            (bytes(&[22 << 1, 1, 0xd0]), CodecError::NalType(22)),
            (bytes(&[0x14, 1, 0xd0]), CodecError::NalType(10)),
            (bytes(&[0x42, 1, 1]), CodecError::Truncated("a sequence parameter set")),
            (vec![9, 0x26], CodecError::NalLength { length: 9, left: 2 }),
        ] {
            assert_eq!(subsampler(Vec::new()).unwrap().subsamples(&sample), Err(error), "{sample:02x?}");
        }
        let clear = bytes(&[0x4e, 1, 5]);
        let found = subsampler(Vec::new()).unwrap().subsamples(&clear);
        assert_eq!(found, Ok(vec![Subsample { clear: 4, protected: 0 }]));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_fail_otherwise_than_by_an_error(
            nals in prop::collection::vec((prop::sample::select(vec![2u8, 0x26, 0x2a, 0x42, 0x44]),
                prop::collection::vec(any::<u8>(), 0..100)), 1..6),
        ) {
            let sample: Vec<u8> = nals.into_iter().flat_map(|(kind, nal)| {
                [vec![(nal.len() + 2) as u8, kind, 1], nal].concat()
            }).collect();
            if let Ok(found) = subsampler(Vec::new()).unwrap().subsamples(&sample) {
                let total: usize = found.iter().map(|s| usize::from(s.clear) + s.protected as usize).sum();
                prop_assert_eq!(total, sample.len());
            }
        }
    }
}

//! From an AVC sample to its subsamples.

use std::collections::BTreeMap;

use tessera_isobmff::{AvcConfig, Subsample};

use super::{
    parameter_sets::{Pps, Sps},
    slice::{ParameterSets, SliceNal, header_length},
};
use crate::{CodecError, nal};

const SLICE: u8 = 1;
const PARTITION_A: u8 = 2;
const PARTITION_C: u8 = 4;
const IDR_SLICE: u8 = 5;
const SPS: u8 = 7;
const PPS: u8 = 8;
const AUXILIARY_SLICE: u8 = 19;
const EXTENSION_SLICE_3D: u8 = 21;

/// Divides the samples of one AVC track, in decode order, into subsamples.
///
/// Everything up to the first byte after each slice header stays clear: NAL unit lengths, headers, parameter sets, SEI.
/// From there to the end of the slice's NAL unit is protected. Parameter sets in band replace those of `avcC`.
#[derive(Debug, Clone)]
pub struct AvcSubsampler {
    nal_length_size: usize,
    sets: Sets,
}

#[derive(Debug, Clone, Default)]
struct Sets {
    sps: BTreeMap<u32, Sps>,
    pps: BTreeMap<u32, Pps>,
}

impl AvcSubsampler {
    /// Begins with the parameter sets of `avcC`. Errors when one of them cannot be read.
    pub fn new(config: &AvcConfig) -> Result<Self, CodecError> {
        let mut sets = Sets::default();
        for nal in config.sps.iter().chain(&config.pps) {
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
    let Some((header, payload)) = nal.split_first() else { return Ok(0) };
    match header & 0x1f {
        kind @ (SLICE | IDR_SLICE) => {
            let slice = SliceNal { reference: header & 0x60 != 0, idr: kind == IDR_SLICE };
            header_length(payload, slice, sets).map(|length| 1 + length)
        }
        kind @ (PARTITION_A..=PARTITION_C | AUXILIARY_SLICE..=EXTENSION_SLICE_3D) => Err(CodecError::NalType(kind)),
        _ => sets.update(nal).map(|()| nal.len()),
    }
}

impl Sets {
    /// Remembers a parameter set; other NAL units are none of its business.
    fn update(&mut self, nal: &[u8]) -> Result<(), CodecError> {
        match nal.split_first() {
            Some((header, payload)) if header & 0x1f == SPS => {
                let sps = Sps::parse(payload)?;
                self.sps.insert(sps.id, sps);
            }
            Some((header, payload)) if header & 0x1f == PPS => {
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
    use super::*;

    fn subsampler() -> AvcSubsampler {
        let (sps, pps) = (Vec::new(), Vec::new());
        AvcSubsampler::new(&AvcConfig { profile: 66, compatibility: 0, level: 30, nal_length_size: 4, sps, pps })
            .unwrap()
    }

    fn sample(nals: &[&[u8]]) -> Vec<u8> {
        nals.iter().flat_map(|nal| [&(nal.len() as u32).to_be_bytes(), *nal].concat()).collect()
    }

    #[test]
    fn long_clear_runs_are_split() {
        let sei = vec![6; 140_000];
        let found = subsampler().subsamples(&sample(&[&sei])).unwrap();
        let pair = |clear, protected| Subsample { clear, protected };
        assert_eq!(found, [pair(65_535, 0), pair(65_535, 0), pair(8_934, 0)]);
    }

    #[test]
    fn even_an_empty_sample_has_an_entry() {
        assert_eq!(subsampler().subsamples(&[]), Ok(vec![Subsample { clear: 0, protected: 0 }]));
    }

    #[test]
    fn refuses_what_it_cannot_divide() {
        for (bytes, error) in [
            (sample(&[&[0x65, 0xb8, 0xff]]), CodecError::NoParameterSet { kind: "picture", id: 0 }),
            (sample(&[&[0x02, 0xb8]]), CodecError::NalType(2)),
            (sample(&[&[0x14, 0xb8]]), CodecError::NalType(20)),
            (vec![0, 0, 0, 9, 0x65], CodecError::NalLength { length: 9, left: 5 }),
            (vec![0, 0, 0], CodecError::NalLength { length: 0, left: 3 }),
            (sample(&[&[0x67, 66]]), CodecError::Truncated("a sequence parameter set")),
        ] {
            assert_eq!(subsampler().subsamples(&bytes), Err(error), "{bytes:02x?}");
        }
    }
}

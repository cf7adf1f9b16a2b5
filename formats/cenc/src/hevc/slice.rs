//! The slice segment header, read for its length alone (ITU-T H.265 §7.3.6).

use super::{
    pps::Pps,
    reference_set::ReferenceSet,
    sps::{Sps, index_bits},
};
use crate::{CodecError, nal::BitReader};

const FIRST_IRAP: u8 = 16;
const IDR_W_RADL: u8 = 19;
const IDR_N_LP: u8 = 20;

/// What kind of slice it is (table 7-7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SliceType {
    B,
    P,
    I,
}

/// Parameter sets by id.
pub(super) trait ParameterSets {
    /// The picture parameter set of an id, and the sequence parameter set that it refers to.
    fn activate(&self, pps_id: u32) -> Result<(&Pps, &Sps), CodecError>;
}

struct Header<'a, 'b> {
    bits: &'b mut BitReader<'a>,
    idr: bool,
    sps: &'b Sps,
    pps: &'b Pps,
    slice_type: SliceType,
    /// `NumPicTotalCurr`.
    pictures: u32,
    temporal_motion_vectors: bool,
    sample_adaptive_offset: bool,
}

/// The bytes of the header that follow the NAL unit header, byte alignment and emulation prevention bytes included.
pub(super) fn header_length(payload: &[u8], nal_type: u8, sets: &dyn ParameterSets) -> Result<usize, CodecError> {
    let mut bits = BitReader::new("a slice segment header", payload);
    let first = bits.flag()?;
    if nal_type >= FIRST_IRAP {
        bits.flag()?;
    }
    let (pps, sps) = sets.activate(bits.ue()?)?;
    let dependent = !first && pps.dependent_slices && bits.flag()?;
    if !first {
        bits.bits(sps.address_bits)?;
    }
    if !dependent {
        bits.bits(pps.extra_header_bits)?;
        let slice_type = match bits.ue_up_to("slice_type", 2)? {
            0 => SliceType::B,
            1 => SliceType::P,
            _ => SliceType::I,
        };
        let idr = matches!(nal_type, IDR_W_RADL | IDR_N_LP);
        let (temporal_motion_vectors, sample_adaptive_offset) = (false, false);
        let bits = &mut bits;
        Header { bits, idr, sps, pps, slice_type, pictures: 0, temporal_motion_vectors, sample_adaptive_offset }
            .skip()?;
    }
    skip_end(&mut bits, pps)?;
    Ok(bits.bytes_read())
}

/// Entry points, extension and byte alignment, which dependent slice segments have too.
fn skip_end(bits: &mut BitReader<'_>, pps: &Pps) -> Result<(), CodecError> {
    if pps.entry_points {
        let count = bits.ue()?;
        if count > 0 {
            let width = 1 + bits.ue_up_to("offset_len_minus1", 31)?;
            // Every entry point costs bits, so the loop ends with the data.
            (0..count).try_for_each(|_| bits.bits(width).map(|_| ()))?;
        }
    }
    if pps.header_extension {
        let length = bits.ue_up_to("slice_segment_header_extension_length", 256)?;
        (0..length).try_for_each(|_| bits.bits(8).map(|_| ()))?;
    }
    // A one, then zeros to the end of the byte (§7.3.2.12).
    bits.flag().map(|_| ())
}

impl Header<'_, '_> {
    fn skip(mut self) -> Result<(), CodecError> {
        if self.pps.output_flag {
            self.bits.flag()?;
        }
        if self.sps.separate_colour_planes {
            self.bits.bits(2)?;
        }
        if !self.idr {
            self.references()?;
        }
        if self.sps.sample_adaptive_offset {
            let luma = self.bits.flag()?;
            let chroma = self.sps.chroma_array_type != 0 && self.bits.flag()?;
            self.sample_adaptive_offset = luma || chroma;
        }
        if self.slice_type != SliceType::I {
            self.prediction()?;
        }
        self.quantisation_and_filters()
    }

    /// Picture order count and the reference picture sets.
    fn references(&mut self) -> Result<(), CodecError> {
        self.bits.bits(self.sps.picture_order_bits)?;
        let sets = &self.sps.reference_sets;
        if self.bits.flag()? {
            let index = self.bits.bits(index_bits(sets.len() as u32))?;
            let missing = CodecError::OutOfRange { element: "short_term_ref_pic_set_idx", value: index };
            self.pictures = sets.get(index as usize).ok_or(missing)?.used();
        } else {
            self.pictures = ReferenceSet::parse(self.bits, sets, true)?.used();
        }
        if let Some(candidates) = &self.sps.long_term {
            self.long_term(candidates)?;
        }
        self.temporal_motion_vectors = self.sps.temporal_motion_vectors && self.bits.flag()?;
        Ok(())
    }

    fn long_term(&mut self, candidates: &[bool]) -> Result<(), CodecError> {
        let limit = candidates.len() as u32;
        let listed = if limit > 0 { self.bits.ue_up_to("num_long_term_sps", limit)? } else { 0 };
        let others = self.bits.ue_up_to("num_long_term_pics", 32)?;
        for number in 0..listed + others {
            let used = if number < listed {
                let index = self.bits.bits(index_bits(limit))?;
                let missing = CodecError::OutOfRange { element: "lt_idx_sps", value: index };
                *candidates.get(index as usize).ok_or(missing)?
            } else {
                self.bits.bits(self.sps.picture_order_bits)?;
                self.bits.flag()?
            };
            self.pictures += u32::from(used);
            if self.bits.flag()? {
                self.bits.ue()?;
            }
        }
        Ok(())
    }

    fn prediction(&mut self) -> Result<(), CodecError> {
        let bidirectional = self.slice_type == SliceType::B;
        let lists = if bidirectional { 2 } else { 1 };
        let mut references = self.pps.references;
        if self.bits.flag()? {
            for count in &mut references[..lists] {
                *count = 1 + self.bits.ue_up_to("num_ref_idx_active_minus1", 14)?;
            }
        }
        if self.pps.list_modifications && self.pictures > 1 {
            self.list_modifications(&references[..lists])?;
        }
        if bidirectional {
            self.bits.flag()?;
        }
        if self.pps.cabac_init {
            self.bits.flag()?;
        }
        if self.temporal_motion_vectors {
            let from_list_1 = bidirectional && !self.bits.flag()?;
            if references[usize::from(from_list_1)] > 1 {
                self.bits.ue()?;
            }
        }
        let weighted = if bidirectional { self.pps.weighted_biprediction } else { self.pps.weighted_prediction };
        if weighted {
            self.prediction_weights(&references[..lists])?;
        }
        self.bits.ue().map(|_| ())
    }

    /// §7.3.6.2.
    fn list_modifications(&mut self, references: &[u32]) -> Result<(), CodecError> {
        let width = index_bits(self.pictures);
        for count in references {
            if self.bits.flag()? {
                (0..*count).try_for_each(|_| self.bits.bits(width).map(|_| ()))?;
            }
        }
        Ok(())
    }

    /// §7.3.6.3. In one layer, and without the current picture as its own reference, every entry has its flags.
    fn prediction_weights(&mut self, references: &[u32]) -> Result<(), CodecError> {
        let chroma = self.sps.chroma_array_type != 0;
        self.bits.ue()?;
        if chroma {
            self.bits.se()?;
        }
        for count in references {
            let count = *count;
            let luma_weights = (0..count).map(|_| self.bits.flag()).collect::<Result<Vec<_>, _>>()?;
            let chroma_weights = (0..count).map(|_| Ok(chroma && self.bits.flag()?));
            let chroma_weights = chroma_weights.collect::<Result<Vec<_>, CodecError>>()?;
            for (luma, chroma) in luma_weights.into_iter().zip(chroma_weights) {
                self.bits.skip_se(if luma { 2 } else { 0 } + if chroma { 4 } else { 0 })?;
            }
        }
        Ok(())
    }

    fn quantisation_and_filters(&mut self) -> Result<(), CodecError> {
        self.bits.se()?;
        if self.pps.chroma_offsets {
            self.bits.skip_se(2)?;
        }
        if self.pps.chroma_offset_lists {
            self.bits.flag()?;
        }
        let mut deblocking = !self.pps.deblocking_disabled;
        if self.pps.deblocking_override && self.bits.flag()? {
            deblocking = !self.bits.flag()?;
            self.bits.skip_se(if deblocking { 2 } else { 0 })?;
        }
        if self.pps.filter_across_slices && (self.sample_adaptive_offset || deblocking) {
            self.bits.flag()?;
        }
        Ok(())
    }
}

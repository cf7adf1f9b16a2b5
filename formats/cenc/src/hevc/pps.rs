//! The picture parameter set, as far as a slice header depends on it (ITU-T H.265 §7.3.2.3).

use super::sps::{skip_scaling_lists, skip_ue};
use crate::{CodecError, nal::BitReader};

/// A picture parameter set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Pps {
    pub(super) id: u32,
    pub(super) sps_id: u32,
    pub(super) dependent_slices: bool,
    pub(super) output_flag: bool,
    pub(super) extra_header_bits: u32,
    pub(super) cabac_init: bool,
    /// Default active references of lists 0 and 1.
    pub(super) references: [u32; 2],
    pub(super) chroma_offsets: bool,
    pub(super) weighted_prediction: bool,
    pub(super) weighted_biprediction: bool,
    /// Tiles or wavefronts, whose entry points stand in the slice header.
    pub(super) entry_points: bool,
    pub(super) filter_across_slices: bool,
    pub(super) deblocking_override: bool,
    pub(super) deblocking_disabled: bool,
    pub(super) list_modifications: bool,
    pub(super) header_extension: bool,
    pub(super) chroma_offset_lists: bool,
}

impl Pps {
    /// Reads what follows the NAL unit header.
    pub(super) fn parse(payload: &[u8]) -> Result<Self, CodecError> {
        let mut bits = BitReader::new("a picture parameter set", payload);
        let bits = &mut bits;
        let mut pps = Self {
            id: bits.ue_up_to("pps_pic_parameter_set_id", 63)?,
            sps_id: bits.ue_up_to("pps_seq_parameter_set_id", 15)?,
            dependent_slices: bits.flag()?,
            output_flag: bits.flag()?,
            extra_header_bits: bits.bits(3)?,
            ..Self::default()
        };
        bits.flag()?;
        pps.cabac_init = bits.flag()?;
        for count in &mut pps.references {
            *count = 1 + bits.ue_up_to("num_ref_idx_default_active_minus1", 14)?;
        }
        bits.se()?;
        bits.flag()?;
        let transform_skip = bits.flag()?;
        if bits.flag()? {
            bits.ue()?;
        }
        bits.skip_se(2)?;
        pps.chroma_offsets = bits.flag()?;
        pps.weighted_prediction = bits.flag()?;
        pps.weighted_biprediction = bits.flag()?;
        bits.flag()?;
        let (tiles, wavefronts) = (bits.flag()?, bits.flag()?);
        pps.entry_points = tiles || wavefronts;
        if tiles {
            skip_tiles(bits)?;
        }
        pps.filter_across_slices = bits.flag()?;
        pps.deblocking(bits)?;
        if bits.flag()? {
            skip_scaling_lists(bits)?;
        }
        pps.list_modifications = bits.flag()?;
        bits.ue()?;
        pps.header_extension = bits.flag()?;
        pps.extensions(bits, transform_skip)?;
        Ok(pps)
    }

    fn deblocking(&mut self, bits: &mut BitReader<'_>) -> Result<(), CodecError> {
        if !bits.flag()? {
            return Ok(());
        }
        self.deblocking_override = bits.flag()?;
        self.deblocking_disabled = bits.flag()?;
        bits.skip_se(if self.deblocking_disabled { 0 } else { 2 })
    }

    fn extensions(&mut self, bits: &mut BitReader<'_>, transform_skip: bool) -> Result<(), CodecError> {
        if !bits.flag()? {
            return Ok(());
        }
        let range = bits.flag()?;
        if bits.bits(3)? != 0 {
            return Err(CodecError::Tool("a multilayer, 3D or screen content extension"));
        }
        bits.bits(4)?;
        if !range {
            return Ok(());
        }
        if transform_skip {
            bits.ue()?;
        }
        bits.flag()?;
        self.chroma_offset_lists = bits.flag()?;
        Ok(())
    }
}

fn skip_tiles(bits: &mut BitReader<'_>) -> Result<(), CodecError> {
    let columns = bits.ue_up_to("num_tile_columns_minus1", 63)?;
    let rows = bits.ue_up_to("num_tile_rows_minus1", 63)?;
    if !bits.flag()? {
        skip_ue(bits, columns + rows)?;
    }
    bits.flag().map(|_| ())
}

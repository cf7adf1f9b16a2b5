//! The sequence parameter set, as far as a slice header depends on it (ITU-T H.265 §7.3.2.2).

use super::reference_set::ReferenceSet;
use crate::{CodecError, nal::BitReader};

/// Profiles up to High Throughput. Those above are of several layers or of screen content, whose slice headers have more
/// in them.
const LAST_PROFILE: u32 = 5;
/// The largest width or height, above level 6.2.
const MAX_DIMENSION: u32 = 1 << 16;

/// A sequence parameter set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sps {
    pub(super) id: u32,
    /// `ChromaArrayType`, 0 for separate planes too.
    pub(super) chroma_array_type: u32,
    pub(super) separate_colour_planes: bool,
    /// Bits of `slice_pic_order_cnt_lsb`.
    pub(super) picture_order_bits: u32,
    /// Bits of `slice_segment_address`.
    pub(super) address_bits: u32,
    pub(super) sample_adaptive_offset: bool,
    pub(super) reference_sets: Vec<ReferenceSet>,
    /// `used_by_curr_pic_lt_sps_flag` of each candidate, where there are long-term references.
    pub(super) long_term: Option<Vec<bool>>,
    pub(super) temporal_motion_vectors: bool,
}

impl Sps {
    /// Reads what follows the NAL unit header.
    pub(super) fn parse(payload: &[u8]) -> Result<Self, CodecError> {
        let mut bits = BitReader::new("a sequence parameter set", payload);
        bits.bits(4)?;
        let sub_layers = bits.bits(3)?;
        bits.flag()?;
        profile_tier_level(&mut bits, sub_layers)?;
        let id = bits.ue_up_to("sps_seq_parameter_set_id", 15)?;
        let chroma_format = bits.ue_up_to("chroma_format_idc", 3)?;
        let separate_colour_planes = chroma_format == 3 && bits.flag()?;
        let width = bits.ue_up_to("pic_width_in_luma_samples", MAX_DIMENSION)?;
        let height = bits.ue_up_to("pic_height_in_luma_samples", MAX_DIMENSION)?;
        if bits.flag()? {
            skip_ue(&mut bits, 4)?;
        }
        skip_ue(&mut bits, 2)?;
        let picture_order_bits = 4 + bits.ue_up_to("log2_max_pic_order_cnt_lsb_minus4", 12)?;
        let ordered_layers = if bits.flag()? { sub_layers + 1 } else { 1 };
        skip_ue(&mut bits, 3 * ordered_layers)?;
        let block = 3 + bits.ue_up_to("log2_min_luma_coding_block_size_minus3", 3)?;
        let block = block + bits.ue_up_to("log2_diff_max_min_luma_coding_block_size", 3)?;
        let blocks = |length: u32| length.div_ceil(1 << block);
        skip_ue(&mut bits, 4)?;
        if bits.flag()? && bits.flag()? {
            skip_scaling_lists(&mut bits)?;
        }
        bits.flag()?;
        let sample_adaptive_offset = bits.flag()?;
        if bits.flag()? {
            bits.bits(8)?;
            skip_ue(&mut bits, 2)?;
            bits.flag()?;
        }
        Ok(Self {
            id,
            chroma_array_type: if separate_colour_planes { 0 } else { chroma_format },
            separate_colour_planes,
            picture_order_bits,
            address_bits: index_bits(blocks(width).saturating_mul(blocks(height))),
            sample_adaptive_offset,
            reference_sets: reference_sets(&mut bits)?,
            long_term: long_term(&mut bits, picture_order_bits)?,
            temporal_motion_vectors: bits.flag()?,
        })
    }
}

/// `Ceil(Log2(count))`: the bits of an index into so many.
pub(super) fn index_bits(count: u32) -> u32 {
    count.max(1).next_power_of_two().ilog2()
}

pub(super) fn skip_ue(bits: &mut BitReader<'_>, count: u32) -> Result<(), CodecError> {
    (0..count).try_for_each(|_| bits.ue().map(|_| ()))
}

/// §7.3.3.
fn profile_tier_level(bits: &mut BitReader<'_>, sub_layers: u32) -> Result<(), CodecError> {
    bits.bits(3)?;
    let profile = bits.bits(5)?;
    if profile > LAST_PROFILE {
        return Err(CodecError::OutOfRange { element: "general_profile_idc", value: profile });
    }
    (0..5).try_for_each(|_| bits.bits(16).map(|_| ()))?;
    bits.bits(8)?;
    let present: Vec<_> =
        (0..sub_layers).map(|_| Ok((bits.flag()?, bits.flag()?))).collect::<Result<_, CodecError>>()?;
    if sub_layers > 0 {
        bits.bits(2 * (8 - sub_layers))?;
    }
    for (profile, level) in present {
        (0..if profile { 11 } else { 0 } + u32::from(level)).try_for_each(|_| bits.bits(8).map(|_| ()))?;
    }
    Ok(())
}

/// §7.3.4.
pub(super) fn skip_scaling_lists(bits: &mut BitReader<'_>) -> Result<(), CodecError> {
    for size in 0..4 {
        for _ in 0..if size == 3 { 2 } else { 6 } {
            if bits.flag()? {
                let coefficients = 64.min(1 << (4 + 2 * size));
                bits.skip_se(coefficients + u32::from(size > 1))?;
            } else {
                bits.ue()?;
            }
        }
    }
    Ok(())
}

fn reference_sets(bits: &mut BitReader<'_>) -> Result<Vec<ReferenceSet>, CodecError> {
    let mut sets = Vec::new();
    for _ in 0..bits.ue_up_to("num_short_term_ref_pic_sets", 64)? {
        sets.push(ReferenceSet::parse(bits, &sets, false)?);
    }
    Ok(sets)
}

fn long_term(bits: &mut BitReader<'_>, picture_order_bits: u32) -> Result<Option<Vec<bool>>, CodecError> {
    if !bits.flag()? {
        return Ok(None);
    }
    let count = bits.ue_up_to("num_long_term_ref_pics_sps", 32)?;
    let used = (0..count).map(|_| bits.bits(picture_order_bits).and_then(|_| bits.flag()));
    used.collect::<Result<_, _>>().map(Some)
}

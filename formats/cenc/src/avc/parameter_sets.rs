//! Sequence and picture parameter sets, as far as a slice header depends on them (ITU-T H.264 §7.3.2.1, §7.3.2.2).

use crate::{CodecError, nal::BitReader};

/// Profiles whose parameter sets say the chroma format (§7.3.2.1.1).
const CHROMA_PROFILES: [u32; 13] = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];
/// The most macroblocks in a picture's width or height, far above level 6.2.
const MAX_DIMENSION: u32 = 1 << 13;

/// How picture order count is coded (§8.2.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PictureOrder {
    /// Type 0: so many bits of `pic_order_cnt_lsb`.
    Lsb(u32),
    /// Type 1, and whether its deltas are always zero.
    Delta { always_zero: bool },
    /// Type 2: not at all.
    Implied,
}

/// A sequence parameter set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sps {
    pub(super) id: u32,
    /// `ChromaArrayType`, 0 for separate planes too.
    pub(super) chroma_array_type: u32,
    pub(super) separate_colour_planes: bool,
    pub(super) frame_num_bits: u32,
    pub(super) picture_order: PictureOrder,
    pub(super) frame_mbs_only: bool,
    /// `PicSizeInMapUnits`.
    pub(super) map_units: u32,
}

/// A picture parameter set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pps {
    pub(super) id: u32,
    pub(super) sps_id: u32,
    pub(super) cabac: bool,
    pub(super) bottom_field_order: bool,
    /// `SliceGroupChangeRate`, where slice groups evolve.
    pub(super) slice_group_change_rate: Option<u32>,
    /// Default active references of lists 0 and 1.
    pub(super) references: [u32; 2],
    pub(super) weighted_prediction: bool,
    pub(super) weighted_bipred_idc: u32,
    pub(super) deblocking_control: bool,
    pub(super) redundant_pictures: bool,
}

impl Sps {
    /// Reads what follows the NAL unit header.
    pub(super) fn parse(payload: &[u8]) -> Result<Self, CodecError> {
        let mut bits = BitReader::new("a sequence parameter set", payload);
        let profile = bits.bits(8)?;
        bits.bits(16)?;
        let id = bits.ue_up_to("seq_parameter_set_id", 31)?;
        let (chroma_format, separate_colour_planes) =
            if CHROMA_PROFILES.contains(&profile) { chroma(&mut bits)? } else { (1, false) };
        let frame_num_bits = 4 + bits.ue_up_to("log2_max_frame_num_minus4", 12)?;
        let picture_order = PictureOrder::parse(&mut bits)?;
        bits.ue()?;
        bits.flag()?;
        let width = 1 + bits.ue_up_to("pic_width_in_mbs_minus1", MAX_DIMENSION)?;
        let height = 1 + bits.ue_up_to("pic_height_in_map_units_minus1", MAX_DIMENSION)?;
        Ok(Self {
            id,
            chroma_array_type: if separate_colour_planes { 0 } else { chroma_format },
            separate_colour_planes,
            frame_num_bits,
            picture_order,
            frame_mbs_only: bits.flag()?,
            map_units: width * height,
        })
    }
}

/// Chroma format and separate planes; passes over bit depths and scaling lists.
fn chroma(bits: &mut BitReader<'_>) -> Result<(u32, bool), CodecError> {
    let format = bits.ue_up_to("chroma_format_idc", 3)?;
    let separate = format == 3 && bits.flag()?;
    bits.ue()?;
    bits.ue()?;
    bits.flag()?;
    if bits.flag()? {
        for list in 0..if format == 3 { 12 } else { 8 } {
            if bits.flag()? {
                skip_scaling_list(bits, if list < 6 { 16 } else { 64 })?;
            }
        }
    }
    Ok((format, separate))
}

/// §7.3.2.1.1.1.
fn skip_scaling_list(bits: &mut BitReader<'_>, size: u32) -> Result<(), CodecError> {
    let mut last = 8;
    for _ in 0..size {
        last = (last + bits.se()?).rem_euclid(256);
        if last == 0 {
            break;
        }
    }
    Ok(())
}

impl PictureOrder {
    fn parse(bits: &mut BitReader<'_>) -> Result<Self, CodecError> {
        match bits.ue_up_to("pic_order_cnt_type", 2)? {
            0 => Ok(Self::Lsb(4 + bits.ue_up_to("log2_max_pic_order_cnt_lsb_minus4", 12)?)),
            1 => {
                let always_zero = bits.flag()?;
                bits.skip_se(2)?;
                let cycle = bits.ue_up_to("num_ref_frames_in_pic_order_cnt_cycle", 255)?;
                bits.skip_se(cycle)?;
                Ok(Self::Delta { always_zero })
            }
            _ => Ok(Self::Implied),
        }
    }
}

impl Pps {
    /// Reads what follows the NAL unit header.
    pub(super) fn parse(payload: &[u8]) -> Result<Self, CodecError> {
        let mut bits = BitReader::new("a picture parameter set", payload);
        let id = bits.ue_up_to("pic_parameter_set_id", 255)?;
        let sps_id = bits.ue_up_to("seq_parameter_set_id", 31)?;
        let (cabac, bottom_field_order) = (bits.flag()?, bits.flag()?);
        let slice_group_change_rate = slice_groups(&mut bits)?;
        let mut references = || bits.ue_up_to("num_ref_idx_default_active_minus1", 31).map(|minus_one| minus_one + 1);
        let references = [references()?, references()?];
        let (weighted_prediction, weighted_bipred_idc) = (bits.flag()?, bits.bits(2)?);
        bits.skip_se(3)?;
        let deblocking_control = bits.flag()?;
        bits.flag()?;
        Ok(Self {
            id,
            sps_id,
            cabac,
            bottom_field_order,
            slice_group_change_rate,
            references,
            weighted_prediction,
            weighted_bipred_idc,
            deblocking_control,
            redundant_pictures: bits.flag()?,
        })
    }
}

/// Passes over the slice groups; their change rate where they have one.
fn slice_groups(bits: &mut BitReader<'_>) -> Result<Option<u32>, CodecError> {
    let others = bits.ue_up_to("num_slice_groups_minus1", 7)?;
    if others == 0 {
        return Ok(None);
    }
    match bits.ue_up_to("slice_group_map_type", 6)? {
        0 => (0..=others).try_for_each(|_| bits.ue().map(|_| ()))?,
        2 => (0..2 * others).try_for_each(|_| bits.ue().map(|_| ()))?,
        3..=5 => {
            bits.flag()?;
            return bits.ue_up_to("slice_group_change_rate_minus1", u32::MAX - 1).map(|rate| Some(rate + 1));
        }
        6 => {
            // Every map unit costs bits, so the loop ends with the data.
            let units = bits.ue()?;
            let width = u32::BITS - others.leading_zeros();
            (0..=units).try_for_each(|_| bits.bits(width).map(|_| ()))?;
        }
        _ => {}
    }
    Ok(None)
}

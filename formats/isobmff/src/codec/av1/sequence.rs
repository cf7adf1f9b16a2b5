//! The sequence header (AV1 Bitstream & Decoding Process Specification §5.5).

use crate::{Error, codec::bits::Bits};

/// What all frames of a sequence share, as far as frame headers and codec strings depend on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Av1SequenceHeader {
    /// `seq_profile`, 0 to 2.
    pub profile: u8,
    /// `reduced_still_picture_header`: one key frame, whose header leaves most out.
    pub reduced_still_picture: bool,
    /// `equal_picture_interval`.
    pub equal_picture_interval: bool,
    /// Lengths of decoder model fields in frame headers, where there are any.
    pub decoder_model: Option<Av1DecoderModel>,
    /// Operating points, at least one.
    pub operating_points: Vec<Av1OperatingPoint>,
    /// Bits of a width and of a height in frame headers, 1 to 16.
    pub size_bits: (u8, u8),
    /// Width in pixels of frames that do not say their own.
    pub max_width: u32,
    /// Height in pixels of frames that do not say their own.
    pub max_height: u32,
    /// Lengths of frame ids, where frames have ids.
    pub frame_ids: Option<Av1FrameIds>,
    /// `use_128x128_superblock`.
    pub superblocks_of_128: bool,
    /// `enable_warped_motion`.
    pub warped_motion: bool,
    /// `OrderHintBits`, 0 to 8: 0 when `enable_order_hint` is 0.
    pub order_hint_bits: u8,
    /// `enable_ref_frame_mvs`.
    pub ref_frame_mvs: bool,
    /// `seq_force_screen_content_tools`; `None` when each frame chooses.
    pub screen_content_tools: Option<bool>,
    /// `seq_force_integer_mv`; `None` when each frame chooses.
    pub integer_mv: Option<bool>,
    /// `enable_superres`.
    pub superres: bool,
    /// `enable_cdef`.
    pub cdef: bool,
    /// `enable_restoration`.
    pub restoration: bool,
    /// How pictures are coded.
    pub color: Av1ColorConfig,
    /// `film_grain_params_present`.
    pub film_grain: bool,
}

/// Lengths of decoder model fields, in bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Av1DecoderModel {
    /// Of `decoder_buffer_delay` and `encoder_buffer_delay`.
    buffer_delay_bits: u32,
    /// Of `buffer_removal_time`, 1 to 32.
    pub removal_time_bits: u32,
    /// Of `frame_presentation_time`, 1 to 32.
    pub presentation_time_bits: u32,
}

/// One operating point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Av1OperatingPoint {
    /// `operating_point_idc`: temporal layers in the lowest 8 bits, then spatial ones; 0 for all.
    pub idc: u16,
    /// `decoder_model_present_for_this_op`.
    pub decoder_model: bool,
}

/// Lengths of frame ids, in bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Av1FrameIds {
    /// Of an id, 3 to 24.
    pub bits: u32,
    /// Of the distance to a reference's id, 2 to 17.
    pub delta_bits: u32,
}

/// How pictures are coded (§5.5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Av1ColorConfig {
    /// Bits of a sample: 8, 10 or 12.
    pub bit_depth: u8,
    /// No chroma.
    pub monochrome: bool,
    /// Primaries, transfer characteristics and matrix coefficients, when they are said.
    pub description: Option<[u16; 3]>,
    /// `color_range`: the full range of values.
    pub full_range: bool,
    /// `subsampling_x` and `subsampling_y`.
    pub subsampling: (bool, bool),
    /// `separate_uv_delta_q`.
    pub separate_uv_delta_q: bool,
}

impl Av1SequenceHeader {
    /// Reads the payload of a sequence header OBU.
    pub fn parse(payload: &[u8]) -> Result<Self, Error> {
        let mut bits = Bits::new(b"av01", payload);
        let profile = bits.read(3)? as u8;
        if profile > 2 {
            return Err(Error::unsupported(b"av01", format!("the reserved profile {profile}")));
        }
        bits.flag()?;
        let reduced_still_picture = bits.flag()?;
        let timing = if reduced_still_picture { Timing::still(&mut bits)? } else { Timing::parse(&mut bits)? };
        let size_bits = (bits.read(4)? as u8 + 1, bits.read(4)? as u8 + 1);
        let max_width = bits.read(size_bits.0.into())? + 1;
        let max_height = bits.read(size_bits.1.into())? + 1;
        let frame_ids = if !reduced_still_picture && bits.flag()? { Some(frame_ids(&mut bits)?) } else { None };
        let superblocks_of_128 = bits.flag()?;
        // Filter intra and intra edge filter.
        bits.read(2)?;
        let tools = if reduced_still_picture { Tools::default() } else { Tools::parse(&mut bits)? };
        Ok(Self {
            profile,
            reduced_still_picture,
            equal_picture_interval: timing.equal_picture_interval,
            decoder_model: timing.decoder_model,
            operating_points: timing.operating_points,
            size_bits,
            max_width,
            max_height,
            frame_ids,
            superblocks_of_128,
            warped_motion: tools.warped_motion,
            order_hint_bits: tools.order_hint_bits,
            ref_frame_mvs: tools.ref_frame_mvs,
            screen_content_tools: tools.screen_content_tools,
            integer_mv: tools.integer_mv,
            superres: bits.flag()?,
            cdef: bits.flag()?,
            restoration: bits.flag()?,
            color: color_config(&mut bits, profile)?,
            film_grain: bits.flag()?,
        })
    }
}

struct Timing {
    equal_picture_interval: bool,
    decoder_model: Option<Av1DecoderModel>,
    operating_points: Vec<Av1OperatingPoint>,
}

impl Timing {
    /// A reduced still picture has a level and nothing else.
    fn still(bits: &mut Bits<'_>) -> Result<Self, Error> {
        bits.read(5)?;
        let only = Av1OperatingPoint { idc: 0, decoder_model: false };
        Ok(Self { equal_picture_interval: false, decoder_model: None, operating_points: vec![only] })
    }

    fn parse(bits: &mut Bits<'_>) -> Result<Self, Error> {
        let (mut equal_picture_interval, mut decoder_model) = (false, None);
        if bits.flag()? {
            bits.read(32)?;
            bits.read(32)?;
            equal_picture_interval = bits.flag()?;
            if equal_picture_interval {
                skip_uvlc(bits)?;
            }
            decoder_model = if bits.flag()? { Some(Av1DecoderModel::parse(bits)?) } else { None };
        }
        let display_delays = bits.flag()?;
        let count = bits.read(5)? + 1;
        let operating_points = (0..count).map(|_| operating_point(bits, decoder_model, display_delays));
        Ok(Self {
            equal_picture_interval,
            decoder_model,
            operating_points: operating_points.collect::<Result<_, _>>()?,
        })
    }
}

impl Av1DecoderModel {
    fn parse(bits: &mut Bits<'_>) -> Result<Self, Error> {
        let buffer_delay_bits = bits.read(5)? + 1;
        bits.read(32)?;
        Ok(Self { buffer_delay_bits, removal_time_bits: bits.read(5)? + 1, presentation_time_bits: bits.read(5)? + 1 })
    }
}

fn operating_point(
    bits: &mut Bits<'_>,
    model: Option<Av1DecoderModel>,
    display_delays: bool,
) -> Result<Av1OperatingPoint, Error> {
    let idc = bits.read(12)? as u16;
    if bits.read(5)? > 7 {
        bits.flag()?;
    }
    let mut decoder_model = false;
    if let Some(model) = model {
        decoder_model = bits.flag()?;
        if decoder_model {
            bits.read(model.buffer_delay_bits as usize)?;
            bits.read(model.buffer_delay_bits as usize)?;
            bits.flag()?;
        }
    }
    if display_delays && bits.flag()? {
        bits.read(4)?;
    }
    Ok(Av1OperatingPoint { idc, decoder_model })
}

/// A variable length code (§4.10.3), whose value does not matter.
fn skip_uvlc(bits: &mut Bits<'_>) -> Result<(), Error> {
    let mut zeros = 0;
    while !bits.flag()? {
        zeros += 1;
    }
    if zeros < 32 {
        bits.read(zeros)?;
    }
    Ok(())
}

fn frame_ids(bits: &mut Bits<'_>) -> Result<Av1FrameIds, Error> {
    let delta_bits = bits.read(4)? + 2;
    Ok(Av1FrameIds { delta_bits, bits: delta_bits + bits.read(3)? + 1 })
}

#[derive(Default)]
struct Tools {
    warped_motion: bool,
    order_hint_bits: u8,
    ref_frame_mvs: bool,
    screen_content_tools: Option<bool>,
    integer_mv: Option<bool>,
}

impl Tools {
    fn parse(bits: &mut Bits<'_>) -> Result<Self, Error> {
        // Interintra and masked compounds.
        bits.read(2)?;
        let warped_motion = bits.flag()?;
        // Dual filter.
        bits.flag()?;
        let order_hints = bits.flag()?;
        let mut ref_frame_mvs = false;
        if order_hints {
            // Compounds weighted by distance.
            bits.flag()?;
            ref_frame_mvs = bits.flag()?;
        }
        let screen_content_tools = chosen(bits)?;
        let integer_mv = if screen_content_tools == Some(false) { None } else { chosen(bits)? };
        let order_hint_bits = if order_hints { bits.read(3)? as u8 + 1 } else { 0 };
        Ok(Self { warped_motion, order_hint_bits, ref_frame_mvs, screen_content_tools, integer_mv })
    }
}

/// What is forced for all frames; `None` when each frame chooses.
fn chosen(bits: &mut Bits<'_>) -> Result<Option<bool>, Error> {
    if bits.flag()? { Ok(None) } else { bits.flag().map(Some) }
}

fn color_config(bits: &mut Bits<'_>, profile: u8) -> Result<Av1ColorConfig, Error> {
    /// BT.709 primaries, the sRGB transfer and the identity matrix: RGB.
    const RGB: [u16; 3] = [1, 13, 0];
    let high = bits.flag()?;
    let bit_depth = match (high, profile) {
        (false, _) => 8,
        (true, 2) if bits.flag()? => 12,
        (true, _) => 10,
    };
    let monochrome = profile != 1 && bits.flag()?;
    let mut description = None;
    if bits.flag()? {
        description = Some([bits.read(8)? as u16, bits.read(8)? as u16, bits.read(8)? as u16]);
    }
    let color = Av1ColorConfig {
        bit_depth,
        monochrome,
        description,
        full_range: true,
        subsampling: (true, true),
        separate_uv_delta_q: false,
    };
    if monochrome {
        return Ok(Av1ColorConfig { full_range: bits.flag()?, ..color });
    }
    if description == Some(RGB) {
        return Ok(Av1ColorConfig { subsampling: (false, false), separate_uv_delta_q: bits.flag()?, ..color });
    }
    let full_range = bits.flag()?;
    let subsampling = match (profile, bit_depth) {
        (0, _) => (true, true),
        (1, _) => (false, false),
        (_, 12) => {
            let x = bits.flag()?;
            (x, x && bits.flag()?)
        }
        _ => (true, false),
    };
    if subsampling == (true, true) {
        // `chroma_sample_position`.
        bits.read(2)?;
    }
    Ok(Av1ColorConfig { full_range, subsampling, separate_uv_delta_q: bits.flag()?, ..color })
}

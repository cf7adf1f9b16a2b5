//! The uncompressed header, read for its length (VP9 Bitstream & Decoding Process Specification §6.2).

use crate::{CodecError, bits::BitReader};

const MARKER: u32 = 2;
const SYNC_CODE: u32 = 0x49_8342;
/// `CS_RGB`.
const RGB: u32 = 7;
/// Bits of each segmentation feature, and whether it has a sign.
const FEATURES: [(u32, bool); 4] = [(8, true), (6, true), (2, false), (0, false)];

/// Width and height in pixels of the frames that are kept; zero where there is none.
#[derive(Debug, Clone, Default)]
pub(super) struct Sizes([(u32, u32); 8]);

impl Sizes {
    fn keep(&mut self, size: (u32, u32), refresh: u32) {
        let slots = self.0.iter_mut().enumerate();
        slots.filter(|(slot, _)| refresh >> slot & 1 == 1).for_each(|(_, kept)| *kept = size);
    }
}

/// The bytes of the header at the front of a frame, the alignment after it included. Keeps the frame's size in the slots
/// that it refreshes.
pub(super) fn header_length(frame: &[u8], sizes: &mut Sizes) -> Result<usize, CodecError> {
    let mut bits = BitReader::new("an uncompressed header", frame);
    expect(&mut bits, 2, MARKER, "frame_marker")?;
    let profile = bits.bits(1)? | bits.bits(1)? << 1;
    if profile == 3 {
        bits.flag()?;
    }
    if bits.flag()? {
        // A frame that came before is shown.
        bits.skip(3)?;
        return Ok(bits.bytes_read());
    }
    let key = !bits.flag()?;
    let (shown, error_resilient) = (bits.flag()?, bits.flag()?);
    let width = match key {
        true => {
            intra(&mut bits, profile, true)?;
            let size = frame_size(&mut bits)?;
            sizes.keep(size, 0xff);
            size.0
        }
        false => dependent(&mut bits, profile, (shown, error_resilient), sizes)?,
    };
    if !error_resilient {
        bits.skip(2)?;
    }
    bits.skip(2)?;
    loop_filter(&mut bits)?;
    bits.skip(8)?;
    for _ in 0..3 {
        let coded = bits.flag()?;
        bits.skip(if coded { 5 } else { 0 })?;
    }
    segmentation(&mut bits)?;
    tiles(&mut bits, width)?;
    // The size of the compressed header.
    bits.skip(16)?;
    Ok(bits.bytes_read())
}

fn expect(bits: &mut BitReader<'_>, width: u32, expected: u32, element: &'static str) -> Result<(), CodecError> {
    match bits.bits(width)? {
        value if value == expected => Ok(()),
        value => Err(CodecError::OutOfRange { element, value }),
    }
}

/// The sync code, and how pictures are coded when that is said.
fn intra(bits: &mut BitReader<'_>, profile: u32, colors: bool) -> Result<(), CodecError> {
    expect(bits, 24, SYNC_CODE, "frame_sync_code")?;
    if !colors {
        return Ok(());
    }
    if profile >= 2 {
        bits.flag()?;
    }
    let subsampled = profile == 1 || profile == 3;
    match bits.bits(3)? == RGB {
        true => bits.skip(if subsampled { 1 } else { 0 }),
        false => bits.skip(if subsampled { 4 } else { 1 }),
    }
}

/// A frame that is no key frame, up to its interpolation filter. Returns its width.
fn dependent(
    bits: &mut BitReader<'_>,
    profile: u32,
    (shown, error_resilient): (bool, bool),
    sizes: &mut Sizes,
) -> Result<u32, CodecError> {
    let intra_only = !shown && bits.flag()?;
    bits.skip(if error_resilient { 0 } else { 2 })?;
    if intra_only {
        intra(bits, profile, profile > 0)?;
        let refresh = bits.bits(8)?;
        let size = frame_size(bits)?;
        sizes.keep(size, refresh);
        return Ok(size.0);
    }
    let refresh = bits.bits(8)?;
    let mut references = [0; 3];
    for slot in &mut references {
        // Three bits and a sign.
        *slot = bits.bits(3)? as usize;
        bits.flag()?;
    }
    let size = size_of_references(bits, references, sizes)?;
    sizes.keep(size, refresh);
    bits.flag()?;
    if !bits.flag()? {
        bits.skip(2)?;
    }
    Ok(size.0)
}

fn size_of_references(
    bits: &mut BitReader<'_>,
    references: [usize; 3],
    sizes: &Sizes,
) -> Result<(u32, u32), CodecError> {
    for slot in references {
        if bits.flag()? {
            let size = sizes.0[slot];
            if size.0 == 0 {
                return Err(CodecError::OutOfRange { element: "ref_frame_idx", value: slot as u32 });
            }
            render_size(bits)?;
            return Ok(size);
        }
    }
    frame_size(bits)
}

/// `frame_size` and `render_size`.
fn frame_size(bits: &mut BitReader<'_>) -> Result<(u32, u32), CodecError> {
    let size = (bits.bits(16)? + 1, bits.bits(16)? + 1);
    render_size(bits)?;
    Ok(size)
}

fn render_size(bits: &mut BitReader<'_>) -> Result<(), CodecError> {
    let differs = bits.flag()?;
    bits.skip(if differs { 32 } else { 0 })
}

fn loop_filter(bits: &mut BitReader<'_>) -> Result<(), CodecError> {
    bits.skip(6 + 3)?;
    if bits.flag()? && bits.flag()? {
        for _ in 0..4 + 2 {
            let updated = bits.flag()?;
            bits.skip(if updated { 7 } else { 0 })?;
        }
    }
    Ok(())
}

fn segmentation(bits: &mut BitReader<'_>) -> Result<(), CodecError> {
    if !bits.flag()? {
        return Ok(());
    }
    if bits.flag()? {
        probabilities(bits, 7)?;
        if bits.flag()? {
            probabilities(bits, 3)?;
        }
    }
    if bits.flag()? {
        bits.flag()?;
        for (width, signed) in [FEATURES; 8].into_iter().flatten() {
            if bits.flag()? {
                bits.skip(width + u32::from(signed))?;
            }
        }
    }
    Ok(())
}

fn probabilities(bits: &mut BitReader<'_>, count: u32) -> Result<(), CodecError> {
    for _ in 0..count {
        let coded = bits.flag()?;
        bits.skip(if coded { 8 } else { 0 })?;
    }
    Ok(())
}

/// `tile_info`: tiles are 4 to 64 superblocks of 64 pixels wide.
fn tiles(bits: &mut BitReader<'_>, width: u32) -> Result<(), CodecError> {
    let superblocks = width.div_ceil(64);
    let mut columns = superblocks.div_ceil(64).next_power_of_two().trailing_zeros();
    let most = (superblocks / 4).max(1).ilog2();
    while columns < most && bits.flag()? {
        columns += 1;
    }
    if bits.flag()? {
        bits.flag()?;
    }
    Ok(())
}

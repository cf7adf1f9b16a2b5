//! The `moof` of a single-track file (ISO/IEC 14496-12 §8.8).

use crate::{Boxes, Error, Mp4Box, SampleDefaults, TrackInit, cursor::Cursor, limits};

pub(crate) const BASE_DATA_OFFSET: u32 = 0x1;
pub(crate) const SAMPLE_DESCRIPTION: u32 = 0x2;
const DEFAULT_DURATION: u32 = 0x8;
const DEFAULT_SIZE: u32 = 0x10;
const DEFAULT_FLAGS: u32 = 0x20;

pub(crate) const DATA_OFFSET: u32 = 0x1;
pub(crate) const FIRST_SAMPLE_FLAGS: u32 = 0x4;
const DURATION: u32 = 0x100;
const SIZE: u32 = 0x200;
const FLAGS: u32 = 0x400;
const COMPOSITION: u32 = 0x800;

/// One sample as its fragment describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampleInfo {
    /// Size in bytes.
    pub size: u32,
    /// Duration in media time.
    pub duration: u32,
    /// Sample flags (ISO/IEC 14496-12 §8.8.3.1).
    pub flags: u32,
    /// Composition time minus decode time.
    pub composition_offset: i32,
}

/// What a `moof` says of the samples in the `mdat` after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FragmentHeader {
    /// Decode time of the first sample.
    pub base_decode_time: u64,
    /// The samples in decode order, one right after the other.
    pub samples: Vec<SampleInfo>,
    /// Where the first sample begins, counted from the first byte of the `moof`.
    pub data_offset: u64,
    /// Bytes of all samples together.
    pub data_size: u64,
}

impl FragmentHeader {
    /// Reads a `moof` that stands at `position` in its file. Its samples must lie in one piece.
    pub(crate) fn parse(moof: &Mp4Box<'_>, position: u64, init: &TrackInit) -> Result<Self, Error> {
        Self::parse_traf(&moof.children().only(b"traf")?.children(), position, init)
    }

    /// Reads one `traf` of a `moof` at `position`, of the track that `init` describes.
    pub(super) fn parse_traf(traf: &Boxes<'_>, position: u64, init: &TrackInit) -> Result<Self, Error> {
        if traf.optional(b"senc")?.is_some() {
            return Err(Error::unsupported(b"traf", "a fragment that is encrypted already"));
        }
        let track = TrackFragment::parse(&traf.only(b"tfhd")?, position, init)?;
        let mut header =
            Self { base_decode_time: base_decode_time(traf)?, samples: Vec::new(), data_offset: 0, data_size: 0 };
        for child in traf.clone() {
            let child = child?;
            if child.kind == b"trun" {
                header.append(&child, &track)?;
            }
        }
        match header.samples.is_empty() {
            true => Err(Error::Missing { parent: b"traf".into(), child: b"trun".into() }),
            false => Ok(header),
        }
    }

    /// Decode duration of all samples.
    pub fn duration(&self) -> u64 {
        self.samples.iter().map(|sample| u64::from(sample.duration)).sum()
    }

    fn append(&mut self, trun: &Mp4Box<'_>, track: &TrackFragment) -> Result<(), Error> {
        let mut cursor = trun.cursor();
        let (_, flags) = cursor.version_flags()?;
        let count = cursor.u32()?;
        let total = self.samples.len() as u64 + u64::from(count);
        Error::check_limit("samples in a fragment", total, limits::MAX_FRAGMENT_SAMPLES as u64)?;
        // Otherwise a few bytes would be any number of samples.
        if flags & (DURATION | SIZE | FLAGS | COMPOSITION) == 0 && track.defaults.size == 0 && count > 1 {
            return Err(Error::invalid(b"trun", "samples without a size need an entry each"));
        }
        self.place(track, flags, &mut cursor)?;
        let first = if flags & FIRST_SAMPLE_FLAGS != 0 { Some(cursor.u32()?) } else { None };
        for index in 0..count {
            let mut sample = run_sample(&mut cursor, flags, &track.defaults)?;
            if let (0, Some(first)) = (index, first) {
                sample.flags = first;
            }
            self.data_size += u64::from(sample.size);
            self.samples.push(sample);
        }
        Ok(())
    }

    /// Checks that this run begins where the last one ended.
    fn place(&mut self, track: &TrackFragment, flags: u32, cursor: &mut Cursor<'_>) -> Result<(), Error> {
        let offset = if flags & DATA_OFFSET != 0 { Some(cursor.u32()?.cast_signed()) } else { None };
        let start = offset.map(|offset| track.base.saturating_add(i64::from(offset)));
        match (self.samples.is_empty(), start.map(u64::try_from)) {
            (true, Some(Ok(start))) => self.data_offset = start,
            (false, None) => {}
            (false, Some(Ok(start))) if start == self.data_offset + self.data_size => {}
            (true, None) => return Err(Error::unsupported(b"trun", "a first run without a data offset")),
            _ => return Err(Error::invalid(b"trun", "samples must follow the moof in one piece")),
        }
        Ok(())
    }
}

/// What `tfhd` sets for the runs after it.
struct TrackFragment {
    /// What data offsets count from, relative to the `moof`.
    base: i64,
    defaults: SampleDefaults,
}

impl TrackFragment {
    fn parse(tfhd: &Mp4Box<'_>, position: u64, init: &TrackInit) -> Result<Self, Error> {
        let mut cursor = tfhd.cursor();
        let (_, flags) = cursor.version_flags()?;
        if cursor.u32()? != init.track_id {
            return Err(Error::invalid(b"tfhd", "it must name the only track"));
        }
        // Without a base offset, data counts from the moof: by default-base-is-moof, and for a first track without it.
        let base = if flags & BASE_DATA_OFFSET != 0 { cursor.u64()?.wrapping_sub(position).cast_signed() } else { 0 };
        if flags & SAMPLE_DESCRIPTION != 0 && cursor.u32()? != 1 {
            return Err(Error::invalid(b"tfhd", "it must use the only sample entry"));
        }
        Ok(Self { base, defaults: init.defaults.overridden(flags, &mut cursor)? })
    }
}

impl SampleDefaults {
    /// These with what a `tfhd` of such flags sets anew, its last fields.
    pub(crate) fn overridden(self, flags: u32, cursor: &mut Cursor<'_>) -> Result<Self, Error> {
        let mut field = |flag, default| if flags & flag != 0 { cursor.u32() } else { Ok(default) };
        Ok(Self {
            duration: field(DEFAULT_DURATION, self.duration)?,
            size: field(DEFAULT_SIZE, self.size)?,
            flags: field(DEFAULT_FLAGS, self.flags)?,
        })
    }
}

fn base_decode_time(traf: &Boxes<'_>) -> Result<u64, Error> {
    let mut cursor = traf.only(b"tfdt")?.cursor();
    let (version, _) = cursor.version_flags()?;
    cursor.u32_or_u64(version)
}

/// The next sample of a `trun` of such flags.
pub(crate) fn run_sample(cursor: &mut Cursor<'_>, flags: u32, defaults: &SampleDefaults) -> Result<SampleInfo, Error> {
    let mut field = |flag, default| if flags & flag != 0 { cursor.u32() } else { Ok(default) };
    Ok(SampleInfo {
        duration: field(DURATION, defaults.duration)?,
        size: field(SIZE, defaults.size)?,
        flags: field(FLAGS, defaults.flags)?,
        // Unsigned in version 0; an offset of over 2^31 would be a day at any timescale in use, so both read as signed.
        composition_offset: field(COMPOSITION, 0)?.cast_signed(),
    })
}

//! The `moov` of a single-track fragmented file.

use crate::{Boxes, Edit, Error, Mp4Box, SampleEntry, TrackKind, codec::Described};

/// What `ftyp` and `moov` say of the only track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackInit {
    /// The track's id, which fragments repeat.
    pub track_id: u32,
    /// Video or audio, and its format.
    pub kind: TrackKind,
    /// Codec string of RFC 6381, such as `avc1.64001f`, `hvc1.1.6.L93.B0`, `mp4a.40.2`, `ec-3`.
    pub codec: String,
    /// Units of media time in a second.
    pub timescale: u32,
    /// ISO 639-2/T language code, `und` when not said.
    pub language: String,
    /// Priming and late start.
    pub edit: Edit,
    /// The sample entry, codec configuration included.
    pub sample_entry: SampleEntry,
    /// Defaults of the track's samples.
    pub defaults: SampleDefaults,
}

/// Defaults of `trex` (ISO/IEC 14496-12 §8.8.3).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SampleDefaults {
    /// Duration of a sample in media time.
    pub duration: u32,
    /// Size of a sample in bytes.
    pub size: u32,
    /// Sample flags (§8.8.3.1).
    pub flags: u32,
}

impl TrackInit {
    /// Reads an init segment: `ftyp`, `moov` and nothing after it that matters.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        Self::parse_moov(&Boxes::new(b"file", bytes).only(b"moov")?)
    }

    pub(crate) fn parse_moov(moov: &Mp4Box<'_>) -> Result<Self, Error> {
        let children = moov.children();
        let movie_timescale = timescale(&children.only(b"mvhd")?)?;
        let trak = children.only(b"trak")?;
        let mdia = trak.children().only(b"mdia")?.children();
        let mdhd = mdia.only(b"mdhd")?;
        let stbl = mdia.only(b"minf")?.children().only(b"stbl")?.children();
        let described = described(&mdia.only(b"hdlr")?, &stbl)?;
        let timescale = timescale(&mdhd)?;
        let edts = trak.children().optional(b"edts")?;
        let track_id = track_id(&trak.children().only(b"tkhd")?)?;
        Ok(Self {
            track_id,
            kind: described.kind,
            codec: described.codec,
            timescale,
            language: language(&mdhd)?,
            edit: edts.map(|edts| Edit::parse(&edts, movie_timescale, timescale)).transpose()?.unwrap_or_default(),
            sample_entry: described.entry,
            defaults: SampleDefaults::parse(&children.only(b"mvex")?, track_id)?,
        })
    }
}

impl SampleDefaults {
    fn parse(mvex: &Mp4Box<'_>, expected_track: u32) -> Result<Self, Error> {
        let mut cursor = mvex.children().only(b"trex")?.cursor();
        cursor.version_flags()?;
        if cursor.u32()? != expected_track {
            return Err(Error::invalid(b"trex", "it must name the only track"));
        }
        cursor.u32()?;
        Ok(Self { duration: cursor.u32()?, size: cursor.u32()?, flags: cursor.u32()? })
    }
}

/// The sample entry, after checking that the handler agrees and that no samples stand outside fragments.
fn described(hdlr: &Mp4Box<'_>, stbl: &Boxes<'_>) -> Result<Described, Error> {
    let described = Described::parse(&stbl.only(b"stsd")?)?;
    let mut cursor = hdlr.cursor();
    cursor.take(8)?;
    let expected = if described.kind.is_video() { b"vide" } else { b"soun" };
    if &cursor.array()? != expected {
        return Err(Error::invalid(b"hdlr", "the handler does not fit the sample entry"));
    }
    let mut sizes = stbl.only(b"stsz")?.cursor();
    sizes.take(8)?;
    if sizes.u32()? != 0 {
        return Err(Error::unsupported(b"stsz", "a file with samples outside fragments"));
    }
    Ok(described)
}

/// The timescale of `mvhd` or `mdhd`, which begin alike.
pub(crate) fn timescale(header: &Mp4Box<'_>) -> Result<u32, Error> {
    let mut cursor = header.cursor();
    let (version, _) = cursor.version_flags()?;
    cursor.take(if version == 0 { 8 } else { 16 })?;
    match cursor.u32()? {
        0 => Err(Error::invalid(header.kind, "the timescale must not be zero")),
        timescale => Ok(timescale),
    }
}

pub(crate) fn track_id(tkhd: &Mp4Box<'_>) -> Result<u32, Error> {
    let mut cursor = tkhd.cursor();
    let (version, _) = cursor.version_flags()?;
    cursor.take(if version == 0 { 8 } else { 16 })?;
    cursor.u32()
}

/// Three letters of five bits each, offset by 0x60 (ISO/IEC 14496-12 §8.4.2.3).
pub(crate) fn language(mdhd: &Mp4Box<'_>) -> Result<String, Error> {
    let mut cursor = mdhd.cursor();
    let (version, _) = cursor.version_flags()?;
    cursor.take(if version == 0 { 16 } else { 28 })?;
    let packed = cursor.u16()?;
    let letters = [10, 5, 0].map(|shift| (packed >> shift & 0x1f) as u8 + 0x60);
    let named = letters.iter().all(u8::is_ascii_lowercase);
    Ok(if named { letters.map(char::from).iter().collect() } else { "und".to_owned() })
}

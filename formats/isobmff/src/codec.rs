//! Sample entries: what a track's samples are coded with (ISO/IEC 14496-12 §8.5.2, 14496-14 §5.6, 14496-15 §5.4).

mod aac;
mod avc;

pub use avc::AvcConfig;
use serde::{Deserialize, Serialize};

use crate::{Boxes, Error, FourCc, Mp4Box, cursor::Cursor, limits};

/// Bytes of a sample entry before its boxes (ISO/IEC 14496-12 §12.1.3, §12.2.3).
const VISUAL_FIELDS: usize = 78;
const AUDIO_FIELDS: usize = 28;

/// What a track carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TrackKind {
    /// Moving pictures.
    Video(VideoFormat),
    /// Sound.
    Audio(AudioFormat),
}

/// The pictures of a video track.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VideoFormat {
    /// Width in pixels.
    pub width: u16,
    /// Height in pixels.
    pub height: u16,
}

/// The sound of an audio track.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudioFormat {
    /// Samples a second, after any spectral band replication.
    pub sample_rate: u32,
    /// Channels, the low-frequency one included: 6 for 5.1.
    pub channels: u16,
}

/// A sample entry, kept as it was read: format and body, the box header aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleEntry {
    /// The coding: `avc1` or `mp4a`.
    pub format: FourCc,
    /// Fields and boxes, codec configuration among them.
    pub body: Vec<u8>,
}

/// A sample entry with what it says of the track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Described {
    pub(crate) entry: SampleEntry,
    pub(crate) kind: TrackKind,
    pub(crate) codec: String,
}

impl Described {
    /// Reads `stsd`, which must hold one entry of a supported coding.
    pub(crate) fn parse(stsd: &Mp4Box<'_>) -> Result<Self, Error> {
        let mut cursor = stsd.cursor();
        cursor.version_flags()?;
        let count = cursor.u32()?;
        let entries: Vec<_> = Boxes::new(stsd.kind, cursor.rest()).take(2).collect::<Result<_, _>>()?;
        let [entry] = entries.as_slice() else {
            return Err(Error::unsupported(stsd.kind, format!("{count} sample entries, not one,")));
        };
        Error::check_limit("bytes of a sample entry", entry.bytes.len() as u64, limits::MAX_SAMPLE_ENTRY as u64)?;
        let entry = SampleEntry { format: entry.kind, body: entry.payload.to_vec() };
        let (kind, codec) = entry.describe()?;
        Ok(Self { entry, kind, codec })
    }
}

impl SampleEntry {
    /// The AVC configuration of an `avc1` entry: parameter sets and the size of NAL unit lengths.
    pub fn avc_config(&self) -> Result<AvcConfig, Error> {
        let avcc = self.boxes(VISUAL_FIELDS)?.only(b"avcC")?;
        AvcConfig::parse(avcc.payload)
    }

    fn describe(&self) -> Result<(TrackKind, String), Error> {
        match &self.format.0 {
            b"avc1" => Ok((TrackKind::Video(self.video_format()?), self.avc_config()?.codec())),
            b"mp4a" => self.audio(),
            b"encv" | b"enca" => Err(Error::unsupported(self.format, "a track that is encrypted already")),
            _ => Err(Error::unsupported(b"stsd", format!("the coding '{}'", self.format))),
        }
    }

    fn boxes(&self, fields: usize) -> Result<Boxes<'_>, Error> {
        let mut cursor = Cursor::new(self.format, &self.body);
        cursor.take(fields)?;
        Ok(Boxes::new(self.format, cursor.rest()))
    }

    fn video_format(&self) -> Result<VideoFormat, Error> {
        let mut cursor = Cursor::new(self.format, &self.body);
        cursor.take(24)?;
        let format = VideoFormat { width: cursor.u16()?, height: cursor.u16()? };
        match format {
            VideoFormat { width: 0, .. } | VideoFormat { height: 0, .. } => {
                Err(Error::invalid(self.format, "width and height must not be zero"))
            }
            format => Ok(format),
        }
    }

    fn audio(&self) -> Result<(TrackKind, String), Error> {
        let mut cursor = Cursor::new(self.format, &self.body);
        cursor.take(8)?;
        if cursor.u16()? != 0 {
            return Err(Error::unsupported(self.format, "a QuickTime sound description"));
        }
        cursor.take(6)?;
        let channels = cursor.u16()?;
        let aac = aac::parse_esds(&self.boxes(AUDIO_FIELDS)?.only(b"esds")?)?;
        let format = AudioFormat { sample_rate: aac.sample_rate, channels: aac.channels.unwrap_or(channels) };
        if format.channels == 0 {
            return Err(Error::invalid(self.format, "the channel count must not be zero"));
        }
        Ok((TrackKind::Audio(format), format!("mp4a.40.{}", aac.object_type)))
    }
}

impl TrackKind {
    /// True for video.
    pub fn is_video(&self) -> bool {
        matches!(self, Self::Video(_))
    }
}

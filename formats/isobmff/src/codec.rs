//! Sample entries: what a track's samples are coded with (ISO/IEC 14496-12 §8.5.2), a codec a file.

mod aac;
mod ac3;
mod av1;
mod avc;
mod bits;
mod hevc;
mod nclx;
mod opus;
mod vp9;

pub use av1::{Av1ColorConfig, Av1Config, Av1DecoderModel, Av1FrameIds, Av1Obu, Av1OperatingPoint, Av1SequenceHeader};
pub use avc::AvcConfig;
pub use hevc::HevcConfig;
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
    /// The coding, such as `avc1` or `mp4a`.
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

/// What the configuration of a sound's codec says.
#[derive(Debug, PartialEq, Eq)]
struct Sound {
    /// Codec string of RFC 6381.
    codec: String,
    sample_rate: u32,
    /// `None` where only the sample entry says how many.
    channels: Option<u16>,
}

impl SampleEntry {
    /// What it says of the track. Errors for a coding that is not supported, and one that is encrypted.
    pub(crate) fn describe(&self) -> Result<(TrackKind, String), Error> {
        match &self.format.0 {
            b"avc1" => Ok((self.video()?, self.avc_config()?.codec())),
            b"hvc1" => Ok((self.video()?, self.hevc_config()?.codec())),
            b"av01" => Ok((self.video()?, self.av1_codec()?)),
            b"vp09" => Ok((self.video()?, self.vp9_codec()?)),
            b"mp4a" => self.audio(b"esds", aac::aac),
            b"ac-3" => self.audio(b"dac3", ac3::ac3),
            b"ec-3" => self.audio(b"dec3", ac3::eac3),
            b"Opus" => self.audio(b"dOps", opus::opus),
            b"encv" | b"enca" => Err(Error::unsupported(self.format, "a track that is encrypted already")),
            b"avc3" | b"hev1" => Err(Error::unsupported(
                self.format,
                "a track with its parameter sets in the samples, which Apple's players do not play (write 'avc1' or 'hvc1'),",
            )),
            _ => Err(Error::unsupported(b"stsd", format!("the coding '{}'", self.format))),
        }
    }

    /// The box of this type in a video entry.
    fn visual_box(&self, kind: &[u8; 4]) -> Result<Mp4Box<'_>, Error> {
        self.visual_boxes()?.only(kind)
    }

    /// The boxes of a video entry.
    fn visual_boxes(&self) -> Result<Boxes<'_>, Error> {
        self.boxes(VISUAL_FIELDS)
    }

    fn boxes(&self, fields: usize) -> Result<Boxes<'_>, Error> {
        let mut cursor = Cursor::new(self.format, &self.body);
        cursor.take(fields)?;
        Ok(Boxes::new(self.format, cursor.rest()))
    }

    fn video(&self) -> Result<TrackKind, Error> {
        let mut cursor = Cursor::new(self.format, &self.body);
        cursor.take(24)?;
        let format = VideoFormat { width: cursor.u16()?, height: cursor.u16()? };
        match format {
            VideoFormat { width: 0, .. } | VideoFormat { height: 0, .. } => {
                Err(Error::invalid(self.format, "width and height must not be zero"))
            }
            format => Ok(TrackKind::Video(format)),
        }
    }

    /// The sound that the box of this type describes.
    fn audio(
        &self,
        kind: &[u8; 4],
        read: impl FnOnce(&Mp4Box<'_>) -> Result<Sound, Error>,
    ) -> Result<(TrackKind, String), Error> {
        let mut cursor = Cursor::new(self.format, &self.body);
        cursor.take(8)?;
        if cursor.u16()? != 0 {
            return Err(Error::unsupported(self.format, "a QuickTime sound description"));
        }
        cursor.take(6)?;
        let channels = cursor.u16()?;
        let sound = read(&self.boxes(AUDIO_FIELDS)?.only(kind)?)?;
        let format = AudioFormat { sample_rate: sound.sample_rate, channels: sound.channels.unwrap_or(channels) };
        if format.channels == 0 {
            return Err(Error::invalid(self.format, "the channel count must not be zero"));
        }
        Ok((TrackKind::Audio(format), sound.codec))
    }
}

impl TrackKind {
    /// True for video.
    pub fn is_video(&self) -> bool {
        matches!(self, Self::Video(_))
    }
}

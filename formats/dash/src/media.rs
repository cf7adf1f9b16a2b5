//! What a representation carries, and the attributes that say so (ISO/IEC 23009-1 §5.3.7).

use crate::{
    Colour, Error,
    descriptor::{ESSENTIAL, descriptor},
    xml::{Tag, Xml},
};

/// What a representation carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Media {
    /// Moving pictures.
    Video(Video),
    /// Sound.
    Audio {
        /// Samples a second.
        sample_rate: u32,
        /// Channels: 6 for 5.1.
        channels: u16,
    },
    /// Subtitles as samples of MP4: codec string `wvtt`.
    Text,
    /// Subtitles as a file of WebVTT.
    SideCar,
    /// Pictures of equal tiles in rows, each tile a thumbnail (DASH-IF IOP §6.2.6).
    Thumbnails {
        /// Width and height of a whole picture in pixels.
        size: (u32, u32),
        /// Tiles in a row, and rows.
        tiles: (u32, u32),
        /// Its coding.
        coding: ImageCoding,
    },
}

/// Moving pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Video {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Frames a second as a fraction.
    pub frame_rate: Option<(u64, u64)>,
    /// Width and height of a pixel: (1, 1) where they are square.
    pub sample_aspect_ratio: (u32, u32),
    /// Its colours, where they are known.
    pub colour: Option<Colour>,
}

/// How thumbnails are coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageCoding {
    /// JPEG.
    Jpeg,
    /// PNG.
    Png,
    /// WebP.
    WebP,
}

impl Media {
    pub(crate) fn is_video(&self) -> bool {
        matches!(self, Self::Video(_))
    }

    /// Whether its segments are of MP4, and begin with stream access points.
    pub(crate) fn is_mp4(&self) -> bool {
        matches!(self, Self::Video(_) | Self::Audio { .. } | Self::Text)
    }

    pub(crate) fn colour(&self) -> Option<Colour> {
        match self {
            Self::Video(video) => video.colour,
            _ => None,
        }
    }

    /// `contentType` and `mimeType`.
    pub(crate) fn types(&self) -> (&'static str, &'static str) {
        match self {
            Self::Video(_) => ("video", "video/mp4"),
            Self::Audio { .. } => ("audio", "audio/mp4"),
            Self::Text => ("text", "application/mp4"),
            Self::SideCar => ("text", "text/vtt"),
            Self::Thumbnails { coding: ImageCoding::Jpeg, .. } => ("image", "image/jpeg"),
            Self::Thumbnails { coding: ImageCoding::Png, .. } => ("image", "image/png"),
            Self::Thumbnails { coding: ImageCoding::WebP, .. } => ("image", "image/webp"),
        }
    }

    /// A representation's attributes.
    pub(crate) fn attributes(&self, tag: Tag) -> Result<Tag, Error> {
        match self {
            Self::Video(video) => video.attributes(tag),
            Self::Audio { sample_rate, .. } => Ok(tag.plain("audioSamplingRate", sample_rate)),
            Self::Text | Self::SideCar => Ok(tag),
            Self::Thumbnails { size: (width, height), .. } => Ok(tag.plain("width", width).plain("height", height)),
        }
    }

    /// A representation's descriptors. `codecs` tells which scheme describes channels.
    pub(crate) fn descriptors(&self, xml: &mut Xml, codecs: Option<&str>) -> Result<(), Error> {
        match self {
            Self::Audio { channels, .. } => channel_configuration(xml, *channels, codecs.unwrap_or_default()),
            Self::Thumbnails { tiles: (0, _) | (_, 0), .. } => return Err(Error::Zero("the number of tiles")),
            Self::Thumbnails { tiles: (columns, rows), .. } => {
                let scheme = "http://dashif.org/guidelines/thumbnail_tile";
                descriptor(xml, ESSENTIAL, scheme, &format!("{columns}x{rows}"));
            }
            Self::Video(_) | Self::Text | Self::SideCar => {}
        }
        Ok(())
    }
}

impl Video {
    fn attributes(&self, tag: Tag) -> Result<Tag, Error> {
        let (width, height) = self.sample_aspect_ratio;
        if width == 0 || height == 0 {
            return Err(Error::Zero("a part of a sample aspect ratio"));
        }
        let rate = match self.frame_rate {
            Some((_, 0)) => return Err(Error::Zero("the denominator of a frame rate")),
            Some((frames, 1)) => Some(frames.to_string()),
            Some((frames, seconds)) => Some(format!("{frames}/{seconds}")),
            None => None,
        };
        let tag = tag.plain("width", self.width).plain("height", self.height);
        Ok(tag.plain("sar", format_args!("{width}:{height}")).optional("frameRate", rate))
    }
}

/// The layout of so many channels: as AAC numbers it (ISO/IEC 23001-8 §8), or for AC-3 and E-AC-3 as a mask of speakers
/// (ETSI TS 102 366 annex I). Counts without a usual layout are not written.
fn channel_configuration(xml: &mut Xml, channels: u16, codecs: &str) {
    let (scheme, configuration) = match codecs {
        "ac-3" | "ec-3" => ("tag:dolby.com,2014:dash:audio_channel_configuration:2011", dolby_layout(channels)),
        _ => ("urn:mpeg:dash:23003:3:audio_channel_configuration:2011", mpeg_layout(channels)),
    };
    if let Some(configuration) = configuration {
        descriptor(xml, "AudioChannelConfiguration", scheme, &configuration);
    }
}

fn mpeg_layout(channels: u16) -> Option<String> {
    let configuration = match channels {
        1..=6 => channels,
        7 => 11,
        8 => 7,
        _ => return None,
    };
    Some(configuration.to_string())
}

/// From the highest bit: left, centre, right, both surrounds, pairs at the rear; the lowest is low frequencies.
fn dolby_layout(channels: u16) -> Option<String> {
    let mask = match channels {
        1 => 0x4000,
        2 => 0xa000,
        3 => 0xe000,
        4 => 0xb800,
        5 => 0xf800,
        6 => 0xf801,
        8 => 0xfa01,
        _ => return None,
    };
    Some(format!("{mask:04X}"))
}

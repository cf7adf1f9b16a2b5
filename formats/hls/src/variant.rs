//! Variant streams, `EXT-X-STREAM-INF` and `EXT-X-I-FRAME-STREAM-INF` (RFC 8216bis §4.4.6.2, §4.4.6.3).

use crate::{
    Error,
    attributes::{Attributes, checked_uri, decimal},
};

/// One variant stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variant {
    /// Its media playlist.
    pub uri: String,
    /// Peak bits a second, its largest audio rendition included.
    pub bandwidth: u64,
    /// Average bits a second, likewise.
    pub average_bandwidth: u64,
    /// Codec strings of RFC 6381, of its audio group too.
    pub codecs: Vec<String>,
    /// What else a decoder may make of it: a codec string and compatibility brands, `dvh1.08.07/db4h`.
    pub supplemental_codecs: Vec<String>,
    /// Width and height; `None` for audio alone.
    pub resolution: Option<(u32, u32)>,
    /// Frames a second as a fraction; `None` for audio alone.
    pub frame_rate: Option<(u64, u64)>,
    /// How light is coded; `None` for audio alone, or when nothing is known.
    pub video_range: Option<VideoRange>,
    /// The group of its audio renditions.
    pub audio: Option<String>,
    /// The group of its subtitle renditions.
    pub subtitles: Option<String>,
}

/// The I-frames of a variant, by a playlist with [`i_frames_only`](crate::MediaPlaylist::i_frames_only).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IFrameVariant {
    /// Its media playlist.
    pub uri: String,
    /// Peak bits a second at normal speed.
    pub bandwidth: u64,
    /// Average bits a second, likewise.
    pub average_bandwidth: u64,
    /// Codec strings of RFC 6381.
    pub codecs: Vec<String>,
    /// As in [`Variant`].
    pub supplemental_codecs: Vec<String>,
    /// Width and height.
    pub resolution: Option<(u32, u32)>,
    /// How light is coded.
    pub video_range: Option<VideoRange>,
}

/// `VIDEO-RANGE`: the transfer characteristics of all video in a variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VideoRange {
    /// Standard dynamic range.
    Sdr,
    /// Hybrid log-gamma.
    Hlg,
    /// SMPTE ST 2084, as HDR10 and Dolby Vision use it.
    Pq,
}

impl VideoRange {
    pub(crate) const ALL: [Self; 3] = [Self::Sdr, Self::Hlg, Self::Pq];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sdr => "SDR",
            Self::Hlg => "HLG",
            Self::Pq => "PQ",
        }
    }
}

impl Variant {
    pub(crate) fn lines(&self, no_closed_captions: bool) -> Result<String, Error> {
        let mut line = Described {
            bandwidth: (self.bandwidth, self.average_bandwidth),
            codecs: (&self.codecs, &self.supplemental_codecs),
            resolution: self.resolution,
            video_range: self.video_range,
        }
        .begin("EXT-X-STREAM-INF")?;
        if let Some((frames, seconds)) = self.frame_rate {
            if seconds == 0 {
                return Err(Error::Zero("the denominator of a frame rate"));
            }
            line = line.plain("FRAME-RATE", decimal(frames, seconds, 3));
        }
        for (name, group) in [("AUDIO", &self.audio), ("SUBTITLES", &self.subtitles)] {
            if let Some(group) = group {
                line = line.quoted(name, group)?;
            }
        }
        if no_closed_captions {
            line = line.plain("CLOSED-CAPTIONS", "NONE");
        }
        Ok(format!("{}{}\n", line.line(), checked_uri(&self.uri)?))
    }
}

impl IFrameVariant {
    pub(crate) fn line(&self) -> Result<String, Error> {
        let described = Described {
            bandwidth: (self.bandwidth, self.average_bandwidth),
            codecs: (&self.codecs, &self.supplemental_codecs),
            resolution: self.resolution,
            video_range: self.video_range,
        };
        Ok(described.begin("EXT-X-I-FRAME-STREAM-INF")?.uri(&self.uri)?.line())
    }
}

/// What both kinds of variants say.
struct Described<'a> {
    /// Peak and average.
    bandwidth: (u64, u64),
    /// Codecs, and supplemental ones.
    codecs: (&'a [String], &'a [String]),
    resolution: Option<(u32, u32)>,
    video_range: Option<VideoRange>,
}

impl Described<'_> {
    fn begin(&self, tag: &str) -> Result<Attributes, Error> {
        let line =
            Attributes::of(tag).plain("BANDWIDTH", self.bandwidth.0).plain("AVERAGE-BANDWIDTH", self.bandwidth.1);
        let mut line = line.quoted("CODECS", &codecs(self.codecs.0, b".-")?)?;
        if !self.codecs.1.is_empty() {
            line = line.quoted("SUPPLEMENTAL-CODECS", &codecs(self.codecs.1, b".-/")?)?;
        }
        if let Some((width, height)) = self.resolution {
            line = line.plain("RESOLUTION", format_args!("{width}x{height}"));
        }
        if let Some(range) = self.video_range {
            line = line.plain("VIDEO-RANGE", range.name());
        }
        Ok(line)
    }
}

/// The codecs, each of them once; besides letters and digits they hold `punctuation`.
fn codecs(texts: &[String], punctuation: &[u8]) -> Result<String, Error> {
    let mut codecs = Vec::<&str>::new();
    for codec in texts {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || punctuation.contains(&b);
        if codec.is_empty() || !codec.bytes().all(allowed) {
            return Err(Error::NotCodec(codec.clone()));
        }
        if !codecs.contains(&codec.as_str()) {
            codecs.push(codec);
        }
    }
    Ok(codecs.join(","))
}

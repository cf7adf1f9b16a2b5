//! Adaptation sets and representations (ISO/IEC 23009-1 §5.3.3, §5.3.5).

use crate::{
    ContentProtection, Error, SegmentTemplate,
    xml::{Tag, Xml},
};

/// Interchangeable representations, between which a player switches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdaptationSet {
    /// BCP 47 language tag.
    pub language: Option<String>,
    /// Role `main`, or `alternate`.
    pub main: bool,
    /// Protection of all representations.
    pub protection: Option<ContentProtection>,
    /// All of one kind of media.
    pub representations: Vec<Representation>,
}

/// One encoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Representation {
    /// Its id, for `$RepresentationID$`.
    pub id: String,
    /// Peak bits a second.
    pub bandwidth: u64,
    /// Codec string of RFC 6381.
    pub codecs: String,
    /// Video or audio, and its format.
    pub media: Media,
    /// Its segments. Equal templates in a set are written once.
    pub segments: SegmentTemplate,
}

/// What a representation carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Media {
    /// Moving pictures of square pixels.
    Video {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// Frames a second as a fraction.
        frame_rate: Option<(u64, u64)>,
    },
    /// Sound.
    Audio {
        /// Samples a second.
        sample_rate: u32,
        /// Channels: 6 for 5.1.
        channels: u16,
    },
}

impl AdaptationSet {
    pub(crate) fn write(&self, xml: &mut Xml, id: usize) -> Result<(), Error> {
        let first = self.representations.first().ok_or(Error::Empty("representation"))?;
        let mut tag = Tag::new("AdaptationSet").plain("id", id);
        tag = match first.media {
            Media::Video { .. } => tag.plain("contentType", "video").plain("mimeType", "video/mp4"),
            Media::Audio { .. } => tag.plain("contentType", "audio").plain("mimeType", "audio/mp4"),
        };
        if let Some(language) = &self.language {
            tag = tag.text("lang", language)?;
        }
        let shared = self.representations.iter().all(|other| other.segments == first.segments);
        xml.element(tag.plain("segmentAlignment", "true").plain("startWithSAP", 1), |xml| {
            if let Some(protection) = &self.protection {
                protection.write(xml)?;
            }
            let role = Tag::new("Role").plain("schemeIdUri", "urn:mpeg:dash:role:2011");
            xml.empty(role.plain("value", if self.main { "main" } else { "alternate" }));
            if shared {
                first.segments.write(xml)?;
            }
            self.representations.iter().try_for_each(|representation| representation.write(xml, !shared))
        })
    }
}

impl Representation {
    fn write(&self, xml: &mut Xml, own_segments: bool) -> Result<(), Error> {
        if self.id.is_empty() || self.id.contains(char::is_whitespace) {
            return Err(Error::NotId(self.id.clone()));
        }
        let tag = Tag::new("Representation").text("id", &self.id)?.plain("bandwidth", self.bandwidth);
        let tag = self.media.attributes(tag.text("codecs", &self.codecs)?)?;
        xml.element(tag, |xml| {
            if let Media::Audio { channels, .. } = self.media {
                channel_configuration(xml, channels);
            }
            if own_segments { self.segments.write(xml) } else { Ok(()) }
        })
    }
}

impl Media {
    fn attributes(&self, tag: Tag) -> Result<Tag, Error> {
        match *self {
            Self::Video { frame_rate: Some((_, 0)), .. } => Err(Error::Zero("the denominator of a frame rate")),
            Self::Video { width, height, frame_rate } => {
                let rate = frame_rate.map(|(frames, seconds)| match seconds {
                    1 => frames.to_string(),
                    seconds => format!("{frames}/{seconds}"),
                });
                let tag = tag.plain("width", width).plain("height", height).plain("sar", "1:1");
                Ok(tag.optional("frameRate", rate))
            }
            Self::Audio { sample_rate, .. } => Ok(tag.plain("audioSamplingRate", sample_rate)),
        }
    }
}

/// The layout of so many channels as AAC numbers it (ISO/IEC 23003-3 table 73); counts without one are not written.
fn channel_configuration(xml: &mut Xml, channels: u16) {
    let configuration = match channels {
        1..=6 => channels,
        7 => 11,
        8 => 7,
        _ => return,
    };
    let scheme = "urn:mpeg:dash:23003:3:audio_channel_configuration:2011";
    let tag = Tag::new("AudioChannelConfiguration").plain("schemeIdUri", scheme);
    xml.empty(tag.plain("value", configuration));
}

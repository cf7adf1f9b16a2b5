//! Multivariant playlists, read.

use super::{Place, ReadError, checked};
use crate::{
    AudioRendition, IFrameVariant, MultivariantPlaylist, SubtitleRendition, Variant, VideoRange,
    lines::{Item, lines},
    values::{AttributeList, integer, millionths, resolution},
};

impl MultivariantPlaylist {
    /// Reads a playlist: the inverse of [`Self::write`], frame rates being thousandths. An average bandwidth that is not
    /// said is the peak. Errors when the text is no multivariant playlist, or a tag that the data holds is malformed.
    pub fn read(text: &str) -> Result<Self, ReadError> {
        let mut playlist = Self::default();
        let mut stream = None;
        for line in lines(checked(text)?) {
            match line.item {
                Item::Tag { name: "EXT-X-STREAM-INF", value } => {
                    let at = Place { line: line.number, tag: "EXT-X-STREAM-INF" };
                    stream = Some((at, at.list(value)?));
                }
                Item::Tag { name: "EXT-X-TARGETDURATION" | "EXTINF", .. } => {
                    return Err(ReadError::NotKind("multivariant playlist"));
                }
                Item::Tag { name, value } => playlist.tag(line.number, name, value)?,
                Item::Uri(uri) => {
                    let at = Place { line: line.number, tag: "EXT-X-STREAM-INF" };
                    let (at, list) = at.value(stream.take(), "a URI stands without it")?;
                    playlist.no_closed_captions |= list.get("CLOSED-CAPTIONS") == Some("NONE");
                    playlist.variants.push(at.variant(&list, uri)?);
                }
                Item::Ignored => {}
            }
        }
        if playlist.variants.is_empty() { Err(ReadError::NotKind("multivariant playlist")) } else { Ok(playlist) }
    }

    fn tag(&mut self, line: usize, name: &str, value: Option<&str>) -> Result<(), ReadError> {
        let at = |tag| Place { line, tag };
        match name {
            "EXT-X-START" => self.start = Some(at("EXT-X-START").start(value)?),
            "EXT-X-SESSION-KEY" => self.session_keys.extend(at("EXT-X-SESSION-KEY").key(value)?),
            "EXT-X-MEDIA" => {
                let at = at("EXT-X-MEDIA");
                let list = at.list(value)?;
                match list.get("TYPE") {
                    Some("AUDIO") => self.audio.push(at.audio(&list)?),
                    Some("SUBTITLES") => self.subtitles.push(at.subtitles(&list)?),
                    _ => {}
                }
            }
            "EXT-X-I-FRAME-STREAM-INF" => {
                let at = at("EXT-X-I-FRAME-STREAM-INF");
                self.i_frame_variants.push(at.i_frames(&at.list(value)?)?);
            }
            _ => {}
        }
        Ok(())
    }
}

impl Place {
    fn variant(self, list: &AttributeList<'_>, uri: &str) -> Result<Variant, ReadError> {
        let bandwidth = self.bandwidth(list, "BANDWIDTH")?;
        let frame_rate = list.get("FRAME-RATE").map(|rate| self.value(millionths(rate), "FRAME-RATE is a number"));
        Ok(Variant {
            uri: uri.to_owned(),
            bandwidth,
            average_bandwidth: self.average(list, bandwidth)?,
            codecs: texts(list, "CODECS"),
            supplemental_codecs: texts(list, "SUPPLEMENTAL-CODECS"),
            resolution: self.resolution(list)?,
            frame_rate: frame_rate.transpose()?.map(|rate| (rate / 1_000, 1_000)),
            video_range: video_range(list),
            audio: text(list, "AUDIO"),
            subtitles: text(list, "SUBTITLES"),
        })
    }

    fn i_frames(self, list: &AttributeList<'_>) -> Result<IFrameVariant, ReadError> {
        let bandwidth = self.bandwidth(list, "BANDWIDTH")?;
        Ok(IFrameVariant {
            uri: self.wanted(list, "URI", "URI is missing")?.to_owned(),
            bandwidth,
            average_bandwidth: self.average(list, bandwidth)?,
            codecs: texts(list, "CODECS"),
            supplemental_codecs: texts(list, "SUPPLEMENTAL-CODECS"),
            resolution: self.resolution(list)?,
            video_range: video_range(list),
        })
    }

    fn audio(self, list: &AttributeList<'_>) -> Result<AudioRendition, ReadError> {
        // What stands behind a slash says more about spatial audio.
        let channels = list.get("CHANNELS").map(|text| text.split('/').next().unwrap_or(text));
        let channels = channels.map(|text| self.value(text.parse().ok(), "CHANNELS begins with a number"));
        Ok(AudioRendition {
            group: self.wanted(list, "GROUP-ID", "GROUP-ID is missing")?.to_owned(),
            name: self.wanted(list, "NAME", "NAME is missing")?.to_owned(),
            language: text(list, "LANGUAGE"),
            default: list.is_yes("DEFAULT"),
            characteristics: texts(list, "CHARACTERISTICS"),
            channels: channels.transpose()?.unwrap_or(0),
            uri: self.wanted(list, "URI", "audio inside a variant's own playlist is not read")?.to_owned(),
        })
    }

    fn subtitles(self, list: &AttributeList<'_>) -> Result<SubtitleRendition, ReadError> {
        Ok(SubtitleRendition {
            group: self.wanted(list, "GROUP-ID", "GROUP-ID is missing")?.to_owned(),
            name: self.wanted(list, "NAME", "NAME is missing")?.to_owned(),
            language: text(list, "LANGUAGE"),
            default: list.is_yes("DEFAULT"),
            forced: list.is_yes("FORCED"),
            characteristics: texts(list, "CHARACTERISTICS"),
            uri: self.wanted(list, "URI", "URI is missing")?.to_owned(),
        })
    }

    fn bandwidth(self, list: &AttributeList<'_>, name: &str) -> Result<u64, ReadError> {
        self.value(list.get(name).and_then(integer), "BANDWIDTH is a number of bits a second")
    }

    fn average(self, list: &AttributeList<'_>, peak: u64) -> Result<u64, ReadError> {
        let said = list.get("AVERAGE-BANDWIDTH").is_some();
        if said { self.bandwidth(list, "AVERAGE-BANDWIDTH") } else { Ok(peak) }
    }

    fn resolution(self, list: &AttributeList<'_>) -> Result<Option<(u32, u32)>, ReadError> {
        list.get("RESOLUTION").map(|text| self.value(resolution(text), "RESOLUTION is width x height")).transpose()
    }
}

fn text(list: &AttributeList<'_>, name: &str) -> Option<String> {
    list.get(name).map(str::to_owned)
}

/// The parts of a text between commas; none of an empty or absent one.
fn texts(list: &AttributeList<'_>, name: &str) -> Vec<String> {
    list.get(name).unwrap_or_default().split(',').filter(|text| !text.is_empty()).map(str::to_owned).collect()
}

fn video_range(list: &AttributeList<'_>) -> Option<VideoRange> {
    list.get("VIDEO-RANGE").and_then(|text| VideoRange::ALL.into_iter().find(|range| range.name() == text))
}

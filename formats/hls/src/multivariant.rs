//! Multivariant playlists (RFC 8216bis §4.4.6).

use crate::{AudioRendition, Error, IFrameVariant, Key, Start, SubtitleRendition, Variant, rendition::check_groups};

/// The renditions of a presentation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MultivariantPlaylist {
    /// The variant streams; a player begins with the first.
    pub variants: Vec<Variant>,
    /// I-frame playlists for trick play.
    pub i_frame_variants: Vec<IFrameVariant>,
    /// Audio renditions, in groups that variants name.
    pub audio: Vec<AudioRendition>,
    /// Subtitle renditions, in groups that variants name.
    pub subtitles: Vec<SubtitleRendition>,
    /// No variant has closed captions, and players need not look for any: `CLOSED-CAPTIONS=NONE`.
    pub no_closed_captions: bool,
    /// Where playback starts, when it is not the beginning.
    pub start: Option<Start>,
    /// Keys that players may prepare before a media playlist is read.
    pub session_keys: Vec<Key>,
}

impl MultivariantPlaylist {
    /// The playlist as text. Errors when a text cannot stand in its place, a group has no rendition, renditions of a
    /// group share a name or default, or there are no variants.
    pub fn write(&self) -> Result<String, Error> {
        if self.variants.is_empty() {
            return Err(Error::Empty("variant"));
        }
        self.check_groups()?;
        let mut text = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n".to_owned();
        text.push_str(&self.start.map(Start::line).unwrap_or_default());
        for key in &self.session_keys {
            text.push_str(&key.line("EXT-X-SESSION-KEY")?);
        }
        for rendition in &self.audio {
            text.push_str(&rendition.line()?);
        }
        for rendition in &self.subtitles {
            text.push_str(&rendition.line()?);
        }
        for variant in &self.variants {
            text.push_str(&variant.lines(self.no_closed_captions)?);
        }
        for variant in &self.i_frame_variants {
            text.push_str(&variant.line()?);
        }
        Ok(text)
    }

    fn check_groups(&self) -> Result<(), Error> {
        check_groups(self.audio.iter().map(AudioRendition::place))?;
        check_groups(self.subtitles.iter().map(SubtitleRendition::place))?;
        for variant in &self.variants {
            let audio = variant.audio.as_ref().filter(|group| self.audio.iter().all(|audio| audio.group != **group));
            let subtitles = variant.subtitles.as_ref();
            let subtitles = subtitles.filter(|group| self.subtitles.iter().all(|text| text.group != **group));
            if let Some(group) = audio.or(subtitles) {
                return Err(Error::NoSuchGroup(group.clone()));
            }
        }
        Ok(())
    }
}

//! Multivariant playlists (RFC 8216bis §4.4.6).

use crate::{
    Error, Key,
    attributes::{Attributes, checked_uri, decimal},
};

/// The renditions of a presentation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MultivariantPlaylist {
    /// The variant streams; a player begins with the first.
    pub variants: Vec<Variant>,
    /// Audio renditions, in groups that variants name.
    pub audio: Vec<AudioRendition>,
    /// Keys that players may prepare before a media playlist is read.
    pub session_keys: Vec<Key>,
}

/// One variant stream, `EXT-X-STREAM-INF`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// Its media playlist.
    pub uri: String,
    /// Peak bits a second, its largest audio rendition included.
    pub bandwidth: u64,
    /// Average bits a second, likewise.
    pub average_bandwidth: u64,
    /// Codec strings of RFC 6381, of its audio group too.
    pub codecs: Vec<String>,
    /// Width and height; `None` for audio alone.
    pub resolution: Option<(u32, u32)>,
    /// Frames a second as a fraction; `None` for audio alone.
    pub frame_rate: Option<(u64, u64)>,
    /// The group of its audio renditions.
    pub audio: Option<String>,
}

/// One audio rendition, `EXT-X-MEDIA` of TYPE=AUDIO.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioRendition {
    /// Its group.
    pub group: String,
    /// How a menu calls it.
    pub name: String,
    /// BCP 47 language tag.
    pub language: Option<String>,
    /// Played unless the viewer chooses another.
    pub default: bool,
    /// Channels: `6` for 5.1.
    pub channels: u16,
    /// Its media playlist.
    pub uri: String,
}

impl MultivariantPlaylist {
    /// The playlist as text. Errors when a text cannot stand in its place, a group has no rendition, or there are no
    /// variants.
    pub fn write(&self) -> Result<String, Error> {
        if self.variants.is_empty() {
            return Err(Error::Empty("variant"));
        }
        let mut text = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n".to_owned();
        for key in &self.session_keys {
            text.push_str(&key.line("EXT-X-SESSION-KEY")?);
        }
        for rendition in &self.audio {
            text.push_str(&rendition.line()?);
        }
        for variant in &self.variants {
            if let Some(group) = variant.audio.as_ref().filter(|group| !self.has_group(group)) {
                return Err(Error::NoSuchGroup(group.clone()));
            }
            text.push_str(&variant.lines()?);
        }
        Ok(text)
    }

    fn has_group(&self, group: &str) -> bool {
        self.audio.iter().any(|rendition| rendition.group == group)
    }
}

impl AudioRendition {
    fn line(&self) -> Result<String, Error> {
        let mut line = Attributes::of("EXT-X-MEDIA")
            .plain("TYPE", "AUDIO")
            .quoted("GROUP-ID", &self.group)?
            .quoted("NAME", &self.name)?;
        if let Some(language) = &self.language {
            line = line.quoted("LANGUAGE", language)?;
        }
        let default = if self.default { "YES" } else { "NO" };
        let line = line.plain("DEFAULT", default).plain("AUTOSELECT", "YES");
        Ok(line.quoted("CHANNELS", &self.channels.to_string())?.uri(&self.uri)?.line())
    }
}

impl Variant {
    fn lines(&self) -> Result<String, Error> {
        let mut line = Attributes::of("EXT-X-STREAM-INF")
            .plain("BANDWIDTH", self.bandwidth)
            .plain("AVERAGE-BANDWIDTH", self.average_bandwidth)
            .quoted("CODECS", &self.codecs()?)?;
        if let Some((width, height)) = self.resolution {
            line = line.plain("RESOLUTION", format_args!("{width}x{height}"));
        }
        if let Some((frames, seconds)) = self.frame_rate {
            if seconds == 0 {
                return Err(Error::Zero("the denominator of a frame rate"));
            }
            line = line.plain("FRAME-RATE", decimal(frames, seconds, 3));
        }
        if let Some(group) = &self.audio {
            line = line.quoted("AUDIO", group)?;
        }
        Ok(format!("{}{}\n", line.line(), checked_uri(&self.uri)?))
    }

    /// The codecs, each of them once.
    fn codecs(&self) -> Result<String, Error> {
        let mut codecs = Vec::<&str>::new();
        for codec in &self.codecs {
            let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'.' || b == b'-';
            if codec.is_empty() || !codec.bytes().all(allowed) {
                return Err(Error::NotCodec(codec.clone()));
            }
            if !codecs.contains(&codec.as_str()) {
                codecs.push(codec);
            }
        }
        Ok(codecs.join(","))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn playlist() -> MultivariantPlaylist {
        MultivariantPlaylist {
            variants: vec![Variant {
                uri: "v720/index.m3u8".to_owned(),
                bandwidth: 3_200_000,
                average_bandwidth: 2_100_000,
                codecs: ["avc1.64001f", "mp4a.40.2", "mp4a.40.2"].map(str::to_owned).to_vec(),
                resolution: Some((1280, 720)),
                frame_rate: Some((30_000, 1_001)),
                audio: Some("aac".to_owned()),
            }],
            audio: vec![AudioRendition {
                group: "aac".to_owned(),
                name: "Français".to_owned(),
                language: Some("fr".to_owned()),
                default: true,
                channels: 2,
                uri: "a/index.m3u8".to_owned(),
            }],
            session_keys: Vec::new(),
        }
    }

    #[test]
    fn writes_variants_and_their_audio() {
        assert_eq!(
            playlist().write().unwrap(),
            "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n\
             #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"aac\",NAME=\"Français\",LANGUAGE=\"fr\",DEFAULT=YES,AUTOSELECT=YES,\
             CHANNELS=\"2\",URI=\"a/index.m3u8\"\n\
             #EXT-X-STREAM-INF:BANDWIDTH=3200000,AVERAGE-BANDWIDTH=2100000,CODECS=\"avc1.64001f,mp4a.40.2\",\
             RESOLUTION=1280x720,FRAME-RATE=29.970,AUDIO=\"aac\"\nv720/index.m3u8\n"
        );
    }

    #[test]
    fn refuses_text_that_would_break_out() {
        type Change = fn(&mut MultivariantPlaylist);
        let changes: [(&str, Change); 6] = [
            ("name", |p| p.audio[0].name = "x\",URI=\"https://evil.example".to_owned()),
            ("language", |p| p.audio[0].language = Some("fr\n#EXT-X-ENDLIST".to_owned())),
            ("codec", |p| p.variants[0].codecs[0] = "avc1\",X=\"".to_owned()),
            ("uri", |p| p.variants[0].uri = "#EXT-X-ENDLIST".to_owned()),
            ("group", |p| p.variants[0].audio = Some("none".to_owned())),
            ("frame rate", |p| p.variants[0].frame_rate = Some((25, 0))),
        ];
        for (what, change) in changes {
            let mut changed = playlist();
            change(&mut changed);
            assert!(changed.write().is_err(), "{what}");
        }
    }

    proptest! {
        #[test]
        fn no_text_adds_a_line_or_an_attribute(text in "[ -~\\n\\r\\u{85}\\u{2028}é,=\"#]{0,30}") {
            let mut changed = playlist();
            changed.audio[0].name = text.clone();
            changed.variants[0].uri = text.clone();
            changed.audio[0].uri = text;
            if let Ok(written) = changed.write() {
                prop_assert_eq!(written.lines().count(), playlist().write().unwrap().lines().count());
                let quotes = |text: &str| text.matches('"').count();
                prop_assert_eq!(quotes(&written), quotes(&playlist().write().unwrap()));
            }
        }
    }
}

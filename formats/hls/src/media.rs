//! Media playlists (RFC 8216bis §4.4.3, §4.4.4).

use crate::{
    Error, Key,
    attributes::{Attributes, checked_uri, decimal},
};

/// The segments of one rendition, complete from start to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaPlaylist {
    /// Units of [`MediaSegment::duration`] in a second.
    pub timescale: u32,
    /// URI of the init segment.
    pub init: String,
    /// Keys of all segments, one a format; none when they are clear.
    pub keys: Vec<Key>,
    /// The segments, numbered from 1 as in a DASH template with `$Number$`.
    pub segments: Vec<MediaSegment>,
}

/// One segment of a media playlist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaSegment {
    /// Where it is.
    pub uri: String,
    /// How long it plays, in the playlist's timescale.
    pub duration: u64,
}

impl MediaPlaylist {
    /// The playlist as text. Errors when a URI is none, there are no segments, or the timescale is zero.
    pub fn write(&self) -> Result<String, Error> {
        if self.timescale == 0 {
            return Err(Error::Zero("the timescale"));
        }
        let mut text = format!(
            "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:{}\n#EXT-X-MEDIA-SEQUENCE:1\n#EXT-X-PLAYLIST-TYPE:VOD\n\
             #EXT-X-INDEPENDENT-SEGMENTS\n",
            self.target_duration()?
        );
        for key in &self.keys {
            text.push_str(&key.line("EXT-X-KEY")?);
        }
        text.push_str(&Attributes::of("EXT-X-MAP").uri(&self.init)?.line());
        for segment in &self.segments {
            let duration = decimal(segment.duration, u64::from(self.timescale), 6);
            text.push_str(&format!("#EXTINF:{duration},\n{}\n", checked_uri(&segment.uri)?));
        }
        text.push_str("#EXT-X-ENDLIST\n");
        Ok(text)
    }

    /// The longest duration, rounded to the nearest second as §4.4.3.1 compares it, and at least 1.
    fn target_duration(&self) -> Result<u64, Error> {
        let longest = self.segments.iter().map(|segment| segment.duration).max().ok_or(Error::Empty("segment"))?;
        let timescale = u64::from(self.timescale);
        let rounded = longest / timescale + u64::from(longest % timescale >= timescale.div_ceil(2));
        Ok(rounded.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KeyFormat;

    fn playlist(timescale: u32, durations: &[u64]) -> MediaPlaylist {
        let segment = |(number, duration): (usize, &u64)| MediaSegment {
            uri: format!("{}.m4s", number + 1),
            duration: *duration,
        };
        MediaPlaylist {
            timescale,
            init: "init.mp4".to_owned(),
            keys: Vec::new(),
            segments: durations.iter().enumerate().map(segment).collect(),
        }
    }

    #[test]
    fn writes_a_clear_playlist() {
        assert_eq!(
            playlist(48_000, &[95_232, 96_256, 512]).write().unwrap(),
            "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:1\n#EXT-X-PLAYLIST-TYPE:VOD\n\
             #EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-MAP:URI=\"init.mp4\"\n#EXTINF:1.984000,\n1.m4s\n#EXTINF:2.005333,\n2.m4s\n\
             #EXTINF:0.010667,\n3.m4s\n#EXT-X-ENDLIST\n"
        );
    }

    #[test]
    fn names_keys_before_the_map() {
        let mut playlist = playlist(1, &[4]);
        let key = |format, uri: &str| Key { format, uri: uri.to_owned(), key_id: Some([0xab; 16]), iv: None };
        playlist.keys =
            vec![key(KeyFormat::Identity, "k?a=1"), key(KeyFormat::ClearKey, "https://drm.example/clearkey")];
        let text = playlist.write().unwrap();
        let keys: Vec<_> = text.lines().skip_while(|line| !line.starts_with("#EXT-X-KEY")).take(3).collect();
        let id = "KEYID=0xABABABABABABABABABABABABABABABAB";
        assert_eq!(
            keys,
            [
                format!(
                    "#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"k?a=1\",{id},KEYFORMAT=\"identity\",KEYFORMATVERSIONS=\"1\""
                ),
                format!(
                    "#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"https://drm.example/clearkey\",{id},KEYFORMAT=\"org.w3.clearkey\",\
                 KEYFORMATVERSIONS=\"1\""
                ),
                "#EXT-X-MAP:URI=\"init.mp4\"".to_owned(),
            ]
        );
    }

    #[test]
    fn every_duration_rounds_to_at_most_the_target() {
        for (timescale, durations, target) in [
            (1_000, vec![2_499], 2),
            (1_000, vec![2_500], 3),
            (3, vec![5, 4], 2),
            (48_000, vec![1], 1),
            (1, vec![u64::MAX], u64::MAX),
        ] {
            assert_eq!(playlist(timescale, &durations).target_duration(), Ok(target), "{durations:?} / {timescale}");
        }
    }

    #[test]
    fn refuses_what_is_no_playlist() {
        assert_eq!(playlist(0, &[1]).write(), Err(Error::Zero("the timescale")));
        assert_eq!(playlist(1, &[]).write(), Err(Error::Empty("segment")));
        let mut injected = playlist(1, &[1]);
        injected.init = "a\"\n#EXT-X-ENDLIST".to_owned();
        assert!(matches!(injected.write(), Err(Error::NotUri(_))));
    }
}

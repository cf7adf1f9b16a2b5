//! What a path below a signed prefix names. Each thing has one name, and a name with an edition in it never has other
//! bytes.
//!
//! | path | what |
//! | --- | --- |
//! | `master[-SCHEME][-ranges][-clearkey].m3u8` | HLS multivariant playlist |
//! | `manifest[-SCHEME][-ranges][-wvtt].mpd` | DASH description; with subtitles in MP4 |
//! | `EDITION/TRACK/media[-clearkey].m3u8` | media playlist of segments |
//! | `EDITION/TRACK/ranges[-clearkey].m3u8` | media playlist of ranges of the whole track |
//! | `EDITION/TRACK/i-frames[-clearkey].m3u8` | I-frame playlist |
//! | `EDITION/TRACK/init.mp4`, `EDITION/TRACK/NUMBER.m4s` | init segment and media segments |
//! | `EDITION/TRACK/track.mp4` | the whole track, with its segment index |

use crate::{signalling::Encryption, subtitles::Carriage};

/// How segments are addressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Addressing {
    /// Each has a name.
    Segments,
    /// They are ranges of the whole track.
    Ranges,
}

/// Which key formats protected playlists name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keys {
    /// All that are configured, and for ClearKey both `identity`, by which a player fetches the bare key (Shaka Player knows
    /// no other for ClearKey), and `org.w3.clearkey`.
    All,
    /// `org.w3.clearkey` alone, for hls.js: it licenses through Encrypted Media Extensions unless `identity` is there,
    /// which it does not take with fragmented MP4.
    ClearKeyAlone,
}

/// A media playlist's segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Playlist {
    /// All of the track.
    Media(Addressing),
    /// The I-frame that each segment begins with.
    IFrames,
}

/// Something below a signed prefix and asset.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Place<'p> {
    Multivariant { scheme: Option<Encryption>, addressing: Addressing, keys: Keys },
    Description { scheme: Option<Encryption>, addressing: Addressing, carriage: Carriage },
    OfTrack { edition: &'p str, track: &'p str, file: TrackFile },
}

/// A file of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TrackFile {
    Playlist(Playlist, Keys),
    Init,
    Segment(u32),
    Whole,
}

impl<'p> Place<'p> {
    /// What `path` names.
    pub(crate) fn parse(path: &'p str) -> Option<Self> {
        let parts: Vec<&str> = path.split('/').collect();
        match parts[..] {
            [name] => manifest(name),
            [edition, track, file] => Some(Self::OfTrack { edition, track, file: TrackFile::parse(file)? }),
            _ => None,
        }
    }
}

fn manifest(name: &str) -> Option<Place<'_>> {
    let (words, is_hls) = match name.strip_suffix(".m3u8") {
        Some(words) => (words.strip_prefix("master")?, true),
        None => (name.strip_suffix(".mpd")?.strip_prefix("manifest")?, false),
    };
    let mut words = words.split('-').peekable();
    words.next().filter(|before| before.is_empty())?;
    let scheme = words.peek().and_then(|word| Encryption::named(word));
    if scheme.is_some() {
        words.next();
    }
    let addressing = if words.next_if_eq(&"ranges").is_some() { Addressing::Ranges } else { Addressing::Segments };
    let alone = is_hls && words.next_if_eq(&"clearkey").is_some();
    let samples = !is_hls && words.next_if_eq(&"wvtt").is_some();
    if words.next().is_some() {
        return None;
    }
    let carriage = if samples { Carriage::Samples } else { Carriage::SideCar };
    let keys = if alone { Keys::ClearKeyAlone } else { Keys::All };
    Some(match is_hls {
        true => Place::Multivariant { scheme, addressing, keys },
        false => Place::Description { scheme, addressing, carriage },
    })
}

impl TrackFile {
    /// The name of the whole track.
    pub(crate) const WHOLE: &'static str = "track.mp4";

    fn parse(name: &str) -> Option<Self> {
        match name {
            "init.mp4" => return Some(Self::Init),
            Self::WHOLE => return Some(Self::Whole),
            _ => {}
        }
        if let Some(words) = name.strip_suffix(".m3u8") {
            let alone = words.strip_suffix("-clearkey");
            let keys = if alone.is_some() { Keys::ClearKeyAlone } else { Keys::All };
            return Some(Self::Playlist(Playlist::named(alone.unwrap_or(words))?, keys));
        }
        let digits = name.strip_suffix(".m4s")?;
        // One name a segment: no sign, no leading zero.
        let plain = digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
        plain.then(|| digits.parse().ok())?.map(Self::Segment)
    }
}

impl Playlist {
    const ALL: [Self; 3] = [Self::Media(Addressing::Segments), Self::Media(Addressing::Ranges), Self::IFrames];

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|playlist| playlist.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Media(Addressing::Segments) => "media",
            Self::Media(Addressing::Ranges) => "ranges",
            Self::IFrames => "i-frames",
        }
    }

    /// Its file's name, beside the segments.
    pub(crate) fn file(self, keys: Keys) -> String {
        let alone = if keys == Keys::ClearKeyAlone { "-clearkey" } else { "" };
        format!("{}{alone}.m3u8", self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hls(scheme: Option<Encryption>, addressing: Addressing, keys: Keys) -> Option<Place<'static>> {
        Some(Place::Multivariant { scheme, addressing, keys })
    }

    #[test]
    fn every_manifest_has_one_name() {
        use Addressing::{Ranges, Segments};
        let dash = |scheme, addressing, carriage| Some(Place::Description { scheme, addressing, carriage });
        let (beside, samples) = (Carriage::SideCar, Carriage::Samples);
        let (cbcs, cenc) = (Some(Encryption::Cbcs), Some(Encryption::Cenc));
        for (path, place) in [
            ("master.m3u8", hls(None, Segments, Keys::All)),
            ("master-clearkey.m3u8", hls(None, Segments, Keys::ClearKeyAlone)),
            ("master-cenc.m3u8", hls(cenc, Segments, Keys::All)),
            ("master-cbcs-ranges-clearkey.m3u8", hls(cbcs, Ranges, Keys::ClearKeyAlone)),
            ("manifest.mpd", dash(None, Segments, beside)),
            ("manifest-cenc-ranges.mpd", dash(cenc, Ranges, beside)),
            ("manifest-cbcs-wvtt.mpd", dash(cbcs, Segments, samples)),
            ("master-wvtt.m3u8", None),
            ("manifest-clearkey.mpd", None),
            ("master-ranges-cenc.m3u8", None),
            ("master-clear.m3u8", None),
            ("master-.m3u8", None),
            ("masterx.m3u8", None),
            ("master", None),
            ("manifest.m3u8", None),
        ] {
            assert_eq!(Place::parse(path), place, "{path}");
        }
    }

    #[test]
    fn every_file_of_a_track_has_one_name() {
        for (name, file) in [
            ("init.mp4", Some(TrackFile::Init)),
            ("track.mp4", Some(TrackFile::Whole)),
            ("1.m4s", Some(TrackFile::Segment(1))),
            ("0.m4s", None),
            ("01.m4s", None),
            ("+1.m4s", None),
            (".m4s", None),
            ("99999999999.m4s", None),
            ("media-clearkey-clearkey.m3u8", None),
            ("master.m3u8", None),
        ] {
            let path = format!("e1s4/v1/{name}");
            let place = file.map(|file| Place::OfTrack { edition: "e1s4", track: "v1", file });
            assert_eq!(Place::parse(&path), place, "{name}");
        }
        for playlist in Playlist::ALL {
            for keys in [Keys::All, Keys::ClearKeyAlone] {
                assert_eq!(TrackFile::parse(&playlist.file(keys)), Some(TrackFile::Playlist(playlist, keys)));
            }
        }
    }
}

//! The DASH description of track files, on-demand profile: `SegmentBase` leads to the `sidx` (ISO/IEC 23009-1 §8.3).

use base64::{Engine, engine::general_purpose::STANDARD};
use tessera_isobmff::{TrackKind, common_pssh};

use crate::{Encryption, track::TrackFile};

pub(crate) const MANIFEST: &str = "manifest.mpd";
const MPD: &str = "<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" xmlns:cenc=\"urn:mpeg:cenc:2013\" \
    xmlns:dashif=\"https://dashif.org/CPS\" profiles=\"urn:mpeg:dash:profile:isoff-on-demand:2011\" type=\"static\"";
const CHANNELS: &str = "urn:mpeg:dash:23003:3:audio_channel_configuration:2011";

/// The description. Video tracks are one adaptation set, audio tracks one a language and codec.
pub(crate) fn manifest(tracks: &[TrackFile], encryption: Option<&Encryption>) -> String {
    let duration = tracks.iter().map(TrackFile::end_micros).max().unwrap_or(0);
    let buffer = tracks.iter().map(TrackFile::longest_micros).max().unwrap_or(0);
    let protection = encryption.map(content_protection).unwrap_or_default();
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{MPD} mediaPresentationDuration=\"{}\" minBufferTime=\"{}\">\n  \
         <Period id=\"0\" start=\"PT0S\">\n",
        seconds(duration),
        seconds(buffer)
    );
    let mut sets = Vec::<Vec<&TrackFile>>::new();
    for track in tracks {
        match sets.iter_mut().find(|set| set.first().is_some_and(|first| belong_together(first, track))) {
            Some(set) => set.push(track),
            None => sets.push(vec![track]),
        }
    }
    let mut audio_sets = 0;
    for (id, set) in sets.iter().enumerate() {
        let video = set.iter().any(|track| track.index.kind.is_video());
        let main = video || audio_sets == 0;
        audio_sets += usize::from(!video);
        text.push_str(&adaptation_set(id, set, if main { "main" } else { "alternate" }, &protection));
    }
    text.push_str("  </Period>\n</MPD>\n");
    text
}

fn belong_together(a: &TrackFile, b: &TrackFile) -> bool {
    match (a.index.kind, b.index.kind) {
        (TrackKind::Video(_), TrackKind::Video(_)) => a.index.sample_entry.format == b.index.sample_entry.format,
        (TrackKind::Audio(a_format), TrackKind::Audio(b_format)) => {
            (&a.index.language, &a.index.codec, a_format) == (&b.index.language, &b.index.codec, b_format)
        }
        _ => false,
    }
}

fn adaptation_set(id: usize, set: &[&TrackFile], role: &str, protection: &str) -> String {
    let first = set.first().copied();
    let kind = if first.is_some_and(|track| track.index.kind.is_video()) { "video" } else { "audio" };
    let language = first.and_then(TrackFile::language).map(|code| format!(" lang=\"{code}\"")).unwrap_or_default();
    let aligned = set.windows(2).all(|pair| pair[0].starts_micros().eq(pair[1].starts_micros()));
    let representations: String = set.iter().map(|track| representation(track)).collect();
    format!(
        "    <AdaptationSet id=\"{id}\" contentType=\"{kind}\" mimeType=\"{kind}/mp4\"{language} \
         subsegmentAlignment=\"{aligned}\" subsegmentStartsWithSAP=\"1\">\n{protection}      \
         <Role schemeIdUri=\"urn:mpeg:dash:role:2011\" value=\"{role}\"/>\n{representations}    </AdaptationSet>\n"
    )
}

fn representation(track: &TrackFile) -> String {
    let (format, channels) = match track.index.kind {
        TrackKind::Video(format) => {
            let rate = track.index.frame_rate().map(|(frames, seconds)| match seconds {
                1 => format!(" frameRate=\"{frames}\""),
                seconds => format!(" frameRate=\"{frames}/{seconds}\""),
            });
            let size = format!("width=\"{}\" height=\"{}\" sar=\"1:1\"", format.width, format.height);
            (format!("{size}{}", rate.unwrap_or_default()), String::new())
        }
        TrackKind::Audio(format) => {
            (format!("audioSamplingRate=\"{}\"", format.sample_rate), channel_configuration(format.channels))
        }
    };
    let (name, index_at) = (&track.name, track.init_size);
    format!(
        "      <Representation id=\"{name}\" bandwidth=\"{}\" codecs=\"{}\" {format}>\n{channels}        \
         <BaseURL>{}</BaseURL>\n        <SegmentBase timescale=\"{}\" indexRange=\"{index_at}-{}\">\n          \
         <Initialization range=\"0-{}\"/>\n        </SegmentBase>\n      </Representation>\n",
        track.bandwidth().peak,
        track.index.codec,
        crate::track_file_name(name),
        track.index.timescale,
        // Ranges are inclusive.
        index_at + track.segment_index_size - 1,
        index_at - 1,
    )
}

/// The layout of so many channels (ISO/IEC 23003-3 table 73); counts without one are not written.
fn channel_configuration(channels: u16) -> String {
    let configuration = match channels {
        1..=6 => channels,
        7 => 11,
        8 => 7,
        _ => return String::new(),
    };
    format!("        <AudioChannelConfiguration schemeIdUri=\"{CHANNELS}\" value=\"{configuration}\"/>\n")
}

/// ISO/IEC 23001-7 §11.2, and ClearKey as DASH-IF IOP part 6 has it.
fn content_protection(encryption: &Encryption) -> String {
    let hex = format!("{:032x}", u128::from_be_bytes(encryption.key_id));
    let uuid = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-");
    let pssh = STANDARD.encode(common_pssh(&[encryption.key_id]));
    let scheme = encryption.scheme.code().escape_ascii();
    let license = encryption
        .license_url
        .as_deref()
        .map(|url| format!("        <dashif:Laurl licenseType=\"EME-1.0\">{}</dashif:Laurl>\n", escaped(url)));
    format!(
        "      <ContentProtection schemeIdUri=\"urn:mpeg:dash:mp4protection:2011\" value=\"{scheme}\" \
         cenc:default_KID=\"{uuid}\"/>\n      \
         <ContentProtection schemeIdUri=\"urn:uuid:1077efec-c0b2-4d02-ace3-3c1e52e2fb4b\" value=\"ClearKey1.0\">\n        \
         <cenc:pssh>{pssh}</cenc:pssh>\n{}      </ContentProtection>\n",
        license.unwrap_or_default()
    )
}

/// A URL, which the HLS playlists have checked, as XML text.
fn escaped(url: &str) -> String {
    url.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// An XML Schema duration.
fn seconds(micros: u64) -> String {
    format!("PT{}.{:06}S", micros / 1_000_000, micros % 1_000_000)
}

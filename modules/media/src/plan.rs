//! What is made of a source, as data: it can be printed, and FFmpeg's arguments follow from it.

use serde::Serialize;
use tessera_contract_media::{SourceInfo, SubtitlesLeftOut};

use crate::{
    frame_rate::FrameRate,
    ladder::{Rung, ladder},
    probe::{AudioStream, Source},
    subtitles::{self, SubtitleTrack},
};

/// Renditions below this class of a source faster than [`FAST`] get every other picture.
const HALVED_BELOW: u32 = 720;
/// Frames a second.
const FAST: f64 = 30.5;
/// Languages of a source that are taken.
const LANGUAGES_MAX: usize = 16;
const STEREO_KBPS: u32 = 128;
const SURROUND_KBPS: u32 = 384;
/// Channels of 5.1.
const SURROUND: u16 = 6;

/// What is made of a source.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// What the source is.
    pub source: SourceInfo,
    /// Renditions, tallest first.
    pub video: Vec<VideoTrack>,
    /// Sound: stereo of every language, then 5.1 of those that have it. The first is what players begin with.
    pub audio: Vec<AudioTrack>,
    /// Subtitles in the order of the file.
    pub subtitles: Vec<SubtitleTrack>,
    /// Subtitles that are not taken, and why.
    pub subtitles_left_out: Vec<SubtitlesLeftOut>,
}

/// One rendition: H.264, 8-bit 4:2:0, BT.709, closed groups of pictures at the same times in every rendition.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VideoTrack {
    /// `v720`.
    pub track_id: String,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Frames a second.
    pub frame_rate: f64,
    /// The same, exactly.
    #[serde(skip)]
    pub(crate) rate: FrameRate,
    /// Frames of a group of pictures.
    pub group: u32,
    /// Bits a second at most, in thousands.
    pub max_kbps: u32,
}

/// One track of sound: AAC at 48 kHz.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AudioTrack {
    /// `a1`; `a1s` is the same language in 5.1.
    pub track_id: String,
    /// Which of the source's streams it is made of, counted from 0.
    pub stream: u32,
    /// ISO 639-2/T code; none where the source does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// 2 or 6.
    pub channels: u16,
    /// Bits a second, in thousands.
    pub kbps: u32,
    /// By how many dB it is turned up; none until it has been listened to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gain_db: Option<f64>,
}

impl Plan {
    /// The plan for a source.
    pub(crate) fn of(source: &Source) -> Self {
        let (subtitles, subtitles_left_out) = subtitles::chosen(&source.subtitles);
        let (video, audio) = (renditions(source), sound(&source.audio));
        Self { source: source.info(), video, audio, subtitles, subtitles_left_out }
    }

    /// Track files that it makes.
    pub(crate) fn tracks(&self) -> usize {
        self.video.len() + self.audio.len()
    }
}

fn renditions(source: &Source) -> Vec<VideoTrack> {
    let rungs = ladder(source.video.width, source.video.height);
    let full = source.video.rate;
    let halves = full.as_f64() > FAST && rungs.iter().any(|rung| rung.class < HALVED_BELOW);
    // Twice the group of the half rate, so that groups of both last equally long.
    let group = if halves { 2 * full.halved().group() } else { full.group() };
    let track = |rung: &Rung| match halves && rung.class < HALVED_BELOW {
        true => VideoTrack::new(rung, full.halved(), group / 2),
        false => VideoTrack::new(rung, full, group),
    };
    rungs.iter().map(track).collect()
}

impl VideoTrack {
    fn new(rung: &Rung, rate: FrameRate, group: u32) -> Self {
        // Twice the frames do not need twice the bits.
        let fast = (rate.as_f64() / 30.0).max(1.0).sqrt();
        Self {
            track_id: format!("v{}", rung.class),
            width: rung.width,
            height: rung.height,
            frame_rate: rate.as_f64(),
            rate,
            group,
            max_kbps: (f64::from(rung.max_kbps) * fast).round() as u32,
        }
    }
}

/// Stereo of each language's best stream, and 5.1 besides where that stream has it. The source's default language comes first.
fn sound(streams: &[AudioStream]) -> Vec<AudioTrack> {
    let mut chosen: Vec<&AudioStream> = Vec::new();
    for stream in streams.iter().filter(|stream| stream.is_main() || streams.iter().all(|other| !other.is_main())) {
        match chosen.iter_mut().find(|other| other.language == stream.language) {
            Some(other) if stream.rank() > other.rank() => *other = stream,
            Some(_) => {}
            None => chosen.push(stream),
        }
    }
    chosen.sort_by_key(|stream| !stream.default); // stable: else in the order of the file
    chosen.truncate(LANGUAGES_MAX);
    let numbered = || chosen.iter().zip(1..);
    let stereo = numbered().map(|(stream, number)| track(stream, format!("a{number}"), 2, STEREO_KBPS));
    let surround = numbered().filter(|(stream, _)| stream.channels >= SURROUND);
    let surround = surround.map(|(stream, number)| track(stream, format!("a{number}s"), SURROUND, SURROUND_KBPS));
    stereo.chain(surround).collect()
}

fn track(stream: &AudioStream, track_id: String, channels: u16, kbps: u32) -> AudioTrack {
    AudioTrack { track_id, stream: stream.index, language: stream.language.clone(), channels, kbps, gain_db: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{probe::VideoStream, sniff::Container};

    fn source(width: u32, height: u32, rate: &str, audio: Vec<AudioStream>) -> Source {
        let rate = FrameRate::parse(rate).unwrap();
        let video = VideoStream {
            index: 0,
            codec: "h264".into(),
            width,
            height,
            average: Some(rate),
            rate,
            interlaced: false,
            matrix: "bt709",
            duration: 10.0,
        };
        Source { container: Container::Mp4, video, audio, subtitles: vec![], start: 0.0 }
    }

    fn stream(index: u32, language: &str, channels: u16) -> AudioStream {
        let language = (!language.is_empty()).then(|| language.to_owned());
        AudioStream { index, codec: "aac".into(), language, channels, default: false, beside: false }
    }

    #[test]
    fn fast_sources_have_every_other_picture_in_small_renditions() {
        for (rate, expected) in [
            ("25/1", [(25.0, 50), (25.0, 50)]),
            ("50/1", [(50.0, 100), (25.0, 50)]),
            ("60000/1001", [(60_000.0 / 1001.0, 120), (30_000.0 / 1001.0, 60)]),
            ("95/2", [(47.5, 96), (23.75, 48)]),
        ] {
            let plan = Plan::of(&source(1280, 720, rate, vec![]));
            let found: Vec<_> = plan.video[..2].iter().map(|track| (track.frame_rate, track.group)).collect();
            assert_eq!(found, expected, "{rate}");
        }
        let small = Plan::of(&source(176, 144, "50/1", vec![]));
        assert_eq!((small.video[0].frame_rate, small.video[0].group), (25.0, 50));
    }

    #[test]
    fn every_language_is_there_once_and_what_is_surround_twice() {
        let mut streams = vec![
            stream(1, "eng", 2),
            stream(2, "eng", 6),
            stream(3, "deu", 2),
            AudioStream { beside: true, ..stream(4, "fra", 2) },
            stream(5, "", 1),
            AudioStream { default: true, ..stream(6, "deu", 2) },
        ];
        let told = |streams: &[AudioStream]| {
            let tracks = sound(streams);
            tracks.iter().map(|t| (t.track_id.clone(), t.stream, t.channels)).collect::<Vec<_>>()
        };
        let tracks = |told: &[(&str, u32, u16)]| {
            told.iter().map(|(id, stream, channels)| ((*id).to_owned(), *stream, *channels)).collect::<Vec<_>>()
        };
        assert_eq!(told(&streams), tracks(&[("a1", 6, 2), ("a2", 2, 2), ("a3", 5, 2), ("a2s", 2, 6)]));
        streams.retain(|stream| stream.beside);
        assert_eq!(told(&streams), tracks(&[("a1", 4, 2)]), "a commentary alone is better than nothing");
        let many: Vec<_> = (1..40).map(|n| stream(n, &format!("q{n:02}"), 2)).collect();
        assert_eq!(sound(&many).len(), LANGUAGES_MAX);
        assert!(sound(&[]).is_empty());
    }
}

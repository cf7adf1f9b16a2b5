//! What is made of a source, as data: it can be printed, and FFmpeg's arguments follow from it.

use serde::Serialize;
use tessera_contract_media::{SourceInfo, SubtitlesLeftOut};

use crate::{
    colour::{Colour, ContentLight, DynamicRange, Mastering},
    config::{LadderConfig, VideoCodec},
    frame_rate::FrameRate,
    hardware::Hardware,
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
/// Pixels a second of the renditions from 240p to 1080p at 30 pictures a second.
const LADDER_PIXELS: f64 = 115e6;
/// How much longer H.265 and AV1 take than H.264.
const SLOWER: f64 = 4.0;
const STEREO_KBPS: u32 = 128;
const SURROUND_KBPS: u32 = 384;
/// Channels of 5.1.
const SURROUND: u16 = 6;

/// What is made of a source.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// What the source is.
    pub source: SourceInfo,
    /// Renditions, tallest first; those of one size in the order of [`VideoCodec`].
    pub video: Vec<VideoTrack>,
    /// Sound: stereo of every language, then 5.1 of those that have it. The first is what players begin with.
    pub audio: Vec<AudioTrack>,
    /// Subtitles in the order of the file.
    pub subtitles: Vec<SubtitleTrack>,
    /// Subtitles that are not taken, and why.
    pub subtitles_left_out: Vec<SubtitlesLeftOut>,
}

/// One rendition: 4:2:0, closed groups of pictures at the same times in every rendition.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VideoTrack {
    /// `v720`, `v720-hevc`, `v720-av1`.
    pub track_id: String,
    /// What it is coded with.
    pub codec: VideoCodec,
    /// How its light is coded.
    pub range: DynamicRange,
    /// Bits a sample, 8 or 10.
    pub depth: u8,
    /// What it says of the display that the film was finished on.
    #[serde(skip)]
    pub(crate) mastering: Option<Mastering>,
    /// What it says of the film's brightest light.
    #[serde(skip)]
    pub(crate) light: Option<ContentLight>,
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
    /// Steps of rate factor that its content can do without.
    #[serde(skip)]
    pub(crate) saved: u8,
    /// What makes it; none for software.
    #[serde(skip)]
    pub(crate) hardware: Option<Hardware>,
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
    pub(crate) fn of(source: &Source, config: &LadderConfig) -> Self {
        let (subtitles, subtitles_left_out) = subtitles::chosen(&source.subtitles);
        let (video, audio) = (renditions(source, config), sound(&source.audio));
        Self { source: source.info(), video, audio, subtitles, subtitles_left_out }
    }

    /// One track and nothing else, to try out its encoder.
    pub(crate) fn trial(track: VideoTrack) -> Self {
        let (width, height, frame_rate) = (track.width, track.height, track.frame_rate);
        let (container, video_codec) = (String::new(), String::new());
        let source =
            SourceInfo { container, video_codec, audio_codec: None, width, height, frame_rate, duration_seconds: 0.0 };
        Self { source, video: vec![track], audio: Vec::new(), subtitles: Vec::new(), subtitles_left_out: Vec::new() }
    }

    /// The plan in parts that are made one after the other, a codec each and sound with the first: encoders of all codecs at a time
    /// need more memory than a child may have.
    pub(crate) fn parts(&self) -> Vec<Self> {
        let mut codecs: Vec<VideoCodec> = self.video.iter().map(|track| track.codec).collect();
        codecs.sort_unstable();
        codecs.dedup();
        let part = |(number, codec): (usize, &VideoCodec)| {
            let video = self.video.iter().filter(|track| track.codec == *codec).cloned().collect();
            let audio = if number == 0 { self.audio.clone() } else { Vec::new() };
            Self { source: self.source.clone(), video, audio, subtitles: Vec::new(), subtitles_left_out: Vec::new() }
        };
        codecs.iter().enumerate().map(part).collect()
    }

    /// How much work its pictures are, in those of a ladder in H.264 up to 1080p at 30 pictures a second; at least 1.
    pub(crate) fn effort(&self) -> f64 {
        let of = |track: &VideoTrack| {
            let pixels = f64::from(track.width) * f64::from(track.height) * track.frame_rate;
            pixels * if track.codec == VideoCodec::H264 { 1.0 } else { SLOWER }
        };
        (self.video.iter().map(of).sum::<f64>() / LADDER_PIXELS).max(1.0)
    }

    /// Ids of the tracks that it makes: video, then sound.
    pub(crate) fn track_ids(&self) -> Vec<String> {
        let video = self.video.iter().map(|track| track.track_id.clone());
        video.chain(self.audio.iter().map(|track| track.track_id.clone())).collect()
    }

    /// Track files that it makes.
    pub(crate) fn tracks(&self) -> usize {
        self.video.len() + self.audio.len()
    }
}

fn renditions(source: &Source, config: &LadderConfig) -> Vec<VideoTrack> {
    let rungs = ladder(config, source.video.width, source.video.height);
    let full = source.video.rate;
    let halves = full.as_f64() > FAST && rungs.iter().any(|rung| rung.class < HALVED_BELOW);
    // Twice the group of the half rate, so that groups of both last equally long.
    let group = if halves { 2 * full.halved().group() } else { full.group() };
    let track = |rung: &Rung, codec: VideoCodec| match halves && rung.class < HALVED_BELOW {
        true => VideoTrack::new(source, rung, codec, (full.halved(), group / 2)),
        false => VideoTrack::new(source, rung, codec, (full, group)),
    };
    let fits = |rung: &Rung, codec: &VideoCodec| codec.smallest_side() <= rung.width.min(rung.height);
    let pairs = rungs.iter().flat_map(|rung| config.codecs.iter().map(move |codec| (rung, codec)));
    let tracks: Vec<_> =
        pairs.filter(|(rung, codec)| fits(rung, codec)).map(|(rung, codec)| track(rung, *codec)).collect();
    match tracks.is_empty() {
        false => tracks,
        // Smaller than any of these codecs' encoders takes.
        true => rungs.iter().map(|rung| track(rung, VideoCodec::H264)).collect(),
    }
}

impl VideoCodec {
    /// What a track's id ends with; H.264's have nothing.
    fn suffix(self) -> &'static str {
        match self {
            Self::H264 => "",
            Self::Hevc => "-hevc",
            Self::Av1 => "-av1",
        }
    }

    /// The shortest side that its encoder takes.
    fn smallest_side(self) -> u32 {
        match self {
            Self::H264 | Self::Hevc => 16,
            Self::Av1 => 64,
        }
    }

    /// Whether it is made with 10 bits and HDR: not every decoder of H.264 has more than 8.
    fn is_deep(self) -> bool {
        self != Self::H264
    }
}

impl VideoTrack {
    fn new(source: &Source, rung: &Rung, codec: VideoCodec, (rate, group): (FrameRate, u32)) -> Self {
        // Twice the frames do not need twice the bits.
        let fast = (rate.as_f64() / 30.0).max(1.0).sqrt();
        let colour = &source.video.colour;
        let range = if codec.is_deep() { colour.range } else { DynamicRange::Sdr };
        let is_deep = codec.is_deep() && (colour.deep || range != DynamicRange::Sdr);
        Self {
            track_id: format!("v{}{}", rung.class, codec.suffix()),
            codec,
            range,
            depth: if is_deep { 10 } else { 8 },
            mastering: colour.mastering,
            light: colour.light,
            width: rung.width,
            height: rung.height,
            frame_rate: rate.as_f64(),
            rate,
            group,
            max_kbps: (f64::from(rung.max_kbps(codec)) * fast).round() as u32,
            saved: 0,
            hardware: None,
        }
    }

    /// What encoders are tried out with.
    pub(crate) fn trial(codec: VideoCodec, depth: u8, range: DynamicRange, group: u32) -> Self {
        let rate = FrameRate { num: 25, den: 1 };
        Self {
            track_id: "trial".into(),
            codec,
            range,
            depth,
            mastering: None,
            light: None,
            width: 320,
            height: 192,
            frame_rate: rate.as_f64(),
            rate,
            group,
            max_kbps: 1000,
            saved: 0,
            hardware: None,
        }
    }

    /// What its samples stand for.
    pub(crate) fn colour(&self) -> Colour {
        Colour { deep: self.depth > 8, mastering: self.mastering, light: self.light, ..Colour::made(self.range) }
    }

    /// FFmpeg's name of its samples, and the way to the card for an encoder that does not go there itself.
    pub(crate) fn pixels(&self) -> &'static str {
        match (self.hardware, self.depth) {
            (None | Some(Hardware::Nvenc), 8) => "yuv420p",
            (None, _) => "yuv420p10le",
            (Some(Hardware::Qsv), 8) => "nv12",
            (Some(Hardware::Nvenc | Hardware::Qsv), _) => "p010le",
            (Some(Hardware::Vaapi), 8) => "nv12,hwupload",
            (Some(Hardware::Vaapi), _) => "p010le,hwupload",
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
    use crate::fixture::source;

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
            let plan = Plan::of(&source(1280, 720, rate), &LadderConfig::default());
            let found: Vec<_> = plan.video[..2].iter().map(|track| (track.frame_rate, track.group)).collect();
            assert_eq!(found, expected, "{rate}");
        }
        let small = Plan::of(&source(176, 144, "50/1"), &LadderConfig::default());
        assert_eq!((small.video[0].frame_rate, small.video[0].group), (25.0, 50));
    }

    fn told(source: &Source, codecs: &[VideoCodec]) -> Vec<(String, DynamicRange, u8, u32)> {
        let config = LadderConfig { codecs: codecs.to_vec(), tallest: 2160, ..LadderConfig::default() };
        let plan = Plan::of(source, &config);
        plan.video.into_iter().map(|track| (track.track_id, track.range, track.depth, track.max_kbps)).collect()
    }

    #[test]
    fn every_codec_has_every_rung_with_bits_of_its_own() {
        use DynamicRange::Sdr;
        let all = [VideoCodec::H264, VideoCodec::Hevc, VideoCodec::Av1];
        let tracks = told(&source(3840, 2160, "25/1"), &all);
        assert_eq!(tracks.len(), 21);
        let first = [("v2160", 16_000), ("v2160-hevc", 10_500), ("v2160-av1", 8800), ("v1440", 9000)];
        assert_eq!(tracks[..4], first.map(|(id, kbps)| (id.to_owned(), Sdr, 8, kbps)));
        let ids: std::collections::BTreeSet<_> = tracks.iter().map(|(id, ..)| id).collect();
        assert_eq!(ids.len(), tracks.len(), "ids are unique over codecs");
        let small = source(128, 48, "25/1");
        assert_eq!(told(&small, &all).iter().map(|(id, ..)| id.as_str()).collect::<Vec<_>>(), ["v48", "v48-hevc"]);
        assert_eq!(told(&small, &[VideoCodec::Av1]), [("v48".to_owned(), Sdr, 8, 400)], "or nothing would be made");
    }

    #[test]
    fn what_is_more_work_is_given_more_time() {
        let effort = |width, height, codecs: &[VideoCodec]| {
            let config = LadderConfig { codecs: codecs.to_vec(), tallest: 2160, ..LadderConfig::default() };
            Plan::of(&source(width, height, "30/1"), &config).effort()
        };
        let usual = effort(1920, 1080, &[VideoCodec::H264]);
        assert!((1.0..1.1).contains(&usual), "{usual}");
        assert_eq!(effort(320, 180, &[VideoCodec::H264]), 1.0);
        let all = effort(3840, 2160, &[VideoCodec::H264, VideoCodec::Hevc, VideoCodec::Av1]);
        assert!((35.0..50.0).contains(&all), "{all}");
    }

    #[test]
    fn hdr_and_ten_bits_are_kept_where_the_codec_has_them() {
        use DynamicRange::{Pq, Sdr};
        let mut film = source(426, 240, "25/1");
        let codecs = [VideoCodec::H264, VideoCodec::Hevc];
        film.video.colour.deep = true;
        let [avc, hevc] = ["v240", "v240-hevc"].map(str::to_owned);
        assert_eq!(told(&film, &codecs), [(avc.clone(), Sdr, 8, 400), (hevc.clone(), Sdr, 10, 280)]);
        film.video.colour.range = Pq;
        assert_eq!(told(&film, &codecs), [(avc, Sdr, 8, 400), (hevc, Pq, 10, 280)]);
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

//! What ffprobe says of a source, and whether it can be used.

use std::time::Duration;

use serde::Deserialize;
use tessera_contract_media::{FailureReason, SourceInfo};

use crate::{
    colour::{self, Colour, DynamicRange, Primaries},
    frame_rate::FrameRate,
    language,
    light::{self, SideData},
    refusal::{Refusal, TAKEN},
    sniff::Container,
    subtitles::SubtitleStream,
};

/// The longest side taken, in pixels: 8K.
const LONGEST_SIDE: u32 = 8192;
const SHORTEST_SIDE: u32 = 16;
/// Wider pictures than this are not films, and cannot be scaled to anything that plays.
const WIDEST: u32 = 8;
/// Seconds that any film may say it lasts, and bytes for each second beyond: a black picture takes more.
const SECONDS_FREE: f64 = 600.0;
const LEAST_BYTES_A_SECOND: f64 = 32.0;
/// Seconds of sound before the first picture that nobody misses: an encoder's priming, a packet more at a cut.
const A_MOMENT: f64 = 0.1;
/// Dolby Vision's profile without a base that others can show.
const DOLBY_VISION_ALONE: i64 = 5;
const VIDEO: [&str; 5] = ["h264", "hevc", "vp9", "av1", "prores"];

/// A source that can be made into an asset.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Source {
    pub(crate) container: Container,
    pub(crate) video: VideoStream,
    /// In the order of the file.
    pub(crate) audio: Vec<AudioStream>,
    /// In the order of the file.
    pub(crate) subtitles: Vec<SubtitleStream>,
    /// The time in the file's own counting at which it begins, in seconds: what becomes 0.
    pub(crate) start: f64,
}

/// Its pictures.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct VideoStream {
    pub(crate) index: u32,
    pub(crate) codec: String,
    /// As displayed, in square pixels.
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) average: Option<FrameRate>,
    pub(crate) rate: FrameRate,
    pub(crate) interlaced: bool,
    pub(crate) colour: Colour,
    /// Seconds between the film's first sound and its first picture, where that is a moment that nobody sees: the film then
    /// begins with the picture, so that every picture keeps its time.
    pub(crate) begins: f64,
    pub(crate) duration: f64,
}

/// Its sound.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AudioStream {
    pub(crate) index: u32,
    pub(crate) codec: String,
    /// ISO 639-2/T code, unless it is not said or `und`.
    pub(crate) language: Option<String>,
    pub(crate) channels: u16,
    /// What the file says is played unless another is chosen.
    pub(crate) default: bool,
    /// A commentary, or made for those who do not see or hear well: beside the film's own sound.
    pub(crate) beside: bool,
}

impl AudioStream {
    /// The film's own sound.
    pub(crate) fn is_main(&self) -> bool {
        !self.beside
    }

    /// Of two in one language, the higher is taken.
    pub(crate) fn rank(&self) -> (bool, u16) {
        (self.default, self.channels)
    }
}

/// `ffprobe -of json -show_format -show_streams`; only what is used.
#[derive(Deserialize)]
struct Report {
    #[serde(default)]
    streams: Vec<Stream>,
    #[serde(default)]
    format: Format,
}

#[derive(Default, Deserialize)]
struct Format {
    duration: Option<String>,
    start_time: Option<String>,
}

#[derive(Deserialize)]
struct Stream {
    index: u32,
    codec_type: Option<String>,
    codec_name: Option<String>,
    #[serde(default)]
    width: i64,
    #[serde(default)]
    height: i64,
    sample_aspect_ratio: Option<String>,
    avg_frame_rate: Option<String>,
    r_frame_rate: Option<String>,
    field_order: Option<String>,
    color_space: Option<String>,
    color_transfer: Option<String>,
    color_primaries: Option<String>,
    pix_fmt: Option<String>,
    duration: Option<String>,
    start_time: Option<String>,
    nb_frames: Option<String>,
    #[serde(default)]
    channels: u32,
    #[serde(default)]
    closed_captions: u8,
    #[serde(default)]
    disposition: Disposition,
    #[serde(default)]
    tags: Tags,
    #[serde(default)]
    side_data_list: Vec<SideData>,
}

#[derive(Default, Deserialize)]
struct Disposition {
    #[serde(default)]
    attached_pic: u8,
    #[serde(default)]
    default: u8,
    #[serde(default)]
    comment: u8,
    #[serde(default)]
    visual_impaired: u8,
    #[serde(default)]
    hearing_impaired: u8,
    #[serde(default)]
    captions: u8,
    #[serde(default)]
    forced: u8,
}

#[derive(Default, Deserialize)]
struct Tags {
    /// Matroska's, `00:00:02.000000000`.
    #[serde(rename = "DURATION")]
    duration: Option<String>,
    language: Option<String>,
}

/// Reads ffprobe's report on a file of `bytes` bytes; says why the source cannot be used.
pub(crate) fn source(
    container: Container,
    report: &[u8],
    longest: Duration,
    bytes: u64,
) -> Result<Source, FailureReason> {
    let report: Report = serde_json::from_slice(report)
        .map_err(|_| Refusal::Truncated.because("the file's description cannot be read; it is damaged"))?;
    let is = |stream: &Stream, kind: &str| stream.codec_type.as_deref() == Some(kind);
    let video = report.streams.iter().find(|s| is(s, "video") && s.disposition.attached_pic == 0);
    let sound: Vec<&Stream> = report.streams.iter().filter(|s| is(s, "audio")).collect();
    if report.streams.is_empty() {
        return Err(Refusal::Truncated.because(format!("the file has no track in it: it was cut short; {TAKEN}")));
    }
    let Some(video) = video else {
        let found = if !sound.is_empty() { "the file has sound and no pictures" } else { "the file has no pictures" };
        return Err(Refusal::NotAVideo.because(format!("{found}; {TAKEN}")));
    };
    let audio = audio_streams(&sound)?;
    for stream in &report.streams {
        check_pictures(stream, bytes)?;
    }
    let video = video_stream(video, &report.format, longest)?;
    check_length(video.duration, bytes)?;
    let subtitles = report.streams.iter().filter_map(subtitle_stream).collect();
    let start = report.format.start_time.as_deref().and_then(seconds).unwrap_or(0.0);
    Ok(Source { container, video, audio, subtitles, start })
}

/// An index can name a billion samples in ten bytes, and each would be decoded.
fn check_pictures(stream: &Stream, bytes: u64) -> Result<(), FailureReason> {
    match stream.nb_frames.as_deref().and_then(|count| count.parse::<u64>().ok()) {
        Some(count) if count > bytes => {
            let found =
                format!("the file has {bytes} bytes and says that there are {count} samples in it: it is damaged");
            Err(Refusal::Truncated.because(found))
        }
        Some(_) | None => Ok(()),
    }
}

/// Pictures far apart would be filled in between, hour upon hour of them.
fn check_length(seconds: f64, bytes: u64) -> Result<(), FailureReason> {
    match seconds > SECONDS_FREE + bytes as f64 / LEAST_BYTES_A_SECOND {
        true => {
            let found =
                format!("the file says that it is {seconds:.0} s long and has {bytes} bytes: too few for a film");
            Err(Refusal::TooLarge.because(format!("{found}; export it again at a steady frame rate")))
        }
        false => Ok(()),
    }
}

fn video_stream(stream: &Stream, format: &Format, longest: Duration) -> Result<VideoStream, FailureReason> {
    let codec = stream.codec_name.clone().unwrap_or_else(|| "unknown".into());
    if !VIDEO.contains(&codec.as_str()) {
        return Err(Refusal::UnsupportedCodec.because(format!("the pictures are coded with {codec}; {TAKEN}")));
    }
    let (width, height) = displayed(stream)?;
    let own = stream.duration.as_deref().and_then(seconds).or_else(|| stream.tags.duration.as_deref().and_then(clock));
    let duration = own.or_else(|| format.duration.as_deref().and_then(seconds)).filter(|length| *length > 0.0);
    let Some(duration) = duration else {
        let found = "the file does not say how long it is, or has no picture in it: it was cut short; remux it";
        return Err(Refusal::Truncated.because(found));
    };
    if duration > longest.as_secs_f64() {
        let found = format!("the film is {duration:.0} s long; at most {} s are taken", longest.as_secs());
        return Err(Refusal::TooLarge.because(found));
    }
    let rate = |text: &Option<String>| text.as_deref().and_then(FrameRate::parse);
    let average = rate(&stream.avg_frame_rate);
    let interlaced = matches!(stream.field_order.as_deref(), Some("tt" | "bb" | "tb" | "bt"));
    let constant = FrameRate::constant(average, rate(&stream.r_frame_rate));
    let (index, colour) = (stream.index, colour(stream, width, height)?);
    let start = |time: &Option<String>| time.as_deref().and_then(seconds).unwrap_or(0.0);
    let begins =
        Some(start(&stream.start_time) - start(&format.start_time)).filter(|gap| (0.0..A_MOMENT).contains(gap));
    let begins = begins.unwrap_or(0.0);
    Ok(VideoStream { index, codec, width, height, average, rate: constant, interlaced, colour, begins, duration })
}

fn colour(stream: &Stream, width: u32, height: u32) -> Result<Colour, FailureReason> {
    if stream.side_data_list.iter().any(|data| data.dv_profile == Some(DOLBY_VISION_ALONE)) {
        let found = "the pictures are Dolby Vision of profile 5, which only its own decoders show right";
        return Err(Refusal::UnsupportedCodec.because(format!("{found}; export them as HDR10, HLG or profile 8")));
    }
    let range = DynamicRange::of(stream.color_transfer.as_deref());
    let (mastering, light) = light::light(&stream.side_data_list);
    Ok(Colour {
        range,
        matrix: colour::matrix(stream.color_space.as_deref(), width, height),
        primaries: Primaries::of(stream.color_primaries.as_deref(), range),
        // `yuv420p10le`; formats of one byte a sample have no order of bytes.
        deep: stream.pix_fmt.as_deref().is_some_and(|name| name.ends_with("le") || name.ends_with("be")),
        mastering,
        light,
    })
}

/// The streams that can be read. A film whose only sound cannot be is refused; another language that cannot is left out.
fn audio_streams(streams: &[&Stream]) -> Result<Vec<AudioStream>, FailureReason> {
    let read: Vec<AudioStream> = streams.iter().filter_map(|stream| audio_stream(stream)).collect();
    match streams.first() {
        Some(first) if read.is_empty() => {
            let codec = first.codec_name.as_deref().unwrap_or("something unknown");
            Err(Refusal::UnsupportedCodec.because(format!("the sound is coded with {codec}, which cannot be read")))
        }
        Some(_) | None => Ok(read),
    }
}

fn audio_stream(stream: &Stream) -> Option<AudioStream> {
    let Disposition { default, comment, visual_impaired, hearing_impaired, .. } = stream.disposition;
    Some(AudioStream {
        index: stream.index,
        codec: stream.codec_name.clone()?,
        language: stream.tags.language.as_deref().and_then(language::terminological),
        channels: u16::try_from(stream.channels).ok().filter(|channels| *channels > 0)?,
        default: default == 1,
        beside: [comment, visual_impaired, hearing_impaired].contains(&1),
    })
}

/// A stream of subtitles, or one of pictures that has captions inside.
fn subtitle_stream(stream: &Stream) -> Option<SubtitleStream> {
    let Disposition { forced, hearing_impaired, captions, .. } = stream.disposition;
    let unknown = || "unknown".to_owned();
    let codec = match stream.codec_type.as_deref() {
        Some("subtitle") => stream.codec_name.clone().unwrap_or_else(unknown),
        Some("video") if stream.closed_captions == 1 => "eia_608".into(),
        _ => return None,
    };
    let language = stream.tags.language.as_deref().and_then(language::terminological);
    Some(SubtitleStream {
        index: stream.index,
        codec,
        language: language.and_then(|language| language.parse().ok()),
        forced: forced == 1,
        hearing_impaired: hearing_impaired == 1 || captions == 1,
    })
}

/// Width and height as displayed: pixels made square by widening, rotation applied.
fn displayed(stream: &Stream) -> Result<(u32, u32), FailureReason> {
    let side = |pixels: i64| u32::try_from(pixels).unwrap_or(0);
    let (coded_width, coded_height) = (side(stream.width), side(stream.height));
    let (num, den) = pixel_shape(stream.sample_aspect_ratio.as_deref());
    let width = (f64::from(coded_width) * num / den).round() as u32;
    let size = format!("the pictures are {coded_width}x{coded_height} pixels");
    if coded_width.max(coded_height).max(width) > LONGEST_SIDE {
        return Err(Refusal::TooLarge.because(format!("{size}; a side may have {LONGEST_SIDE} at most")));
    }
    let (short, long) = (width.min(coded_height), width.max(coded_height));
    if short < SHORTEST_SIDE || long > short.saturating_mul(WIDEST) {
        let most = format!("at least {SHORTEST_SIDE} a side, and at most {WIDEST} times as long as wide");
        return Err(Refusal::NotAVideo.because(format!("{size}; a film has {most}")));
    }
    let rotation = stream.side_data_list.iter().find_map(|data| data.rotation).unwrap_or(0.0);
    let upright = (rotation / 90.0).round().rem_euclid(2.0) == 0.0;
    Ok(if upright { (width, coded_height) } else { (coded_height, width) })
}

/// The shape of a pixel, `4:3`; square when it is not said or not believable.
fn pixel_shape(ratio: Option<&str>) -> (f64, f64) {
    let parsed =
        ratio.and_then(|text| text.split_once(':')).and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
    parsed
        .filter(|(num, den): &(f64, f64)| *num > 0.0 && *den > 0.0 && (0.1..=10.0).contains(&(num / den)))
        .unwrap_or((1.0, 1.0))
}

fn seconds(text: &str) -> Option<f64> {
    text.parse().ok().filter(|seconds: &f64| seconds.is_finite())
}

/// `01:02:03.5` in seconds.
fn clock(text: &str) -> Option<f64> {
    text.split(':').try_fold(0.0, |total, part| Some(total * 60.0 + seconds(part)?))
}

impl Source {
    /// As the contract tells it.
    pub(crate) fn info(&self) -> SourceInfo {
        SourceInfo {
            container: self.container.name().into(),
            video_codec: self.video.codec.clone(),
            audio_codec: self.audio.first().map(|audio| audio.codec.clone()),
            width: self.video.width,
            height: self.video.height,
            frame_rate: self.video.average.unwrap_or(self.video.rate).as_f64(),
            duration_seconds: self.video.duration,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);
    const BYTES: u64 = 1 << 20;

    fn video() -> Value {
        json!({"index": 0, "codec_type": "video", "codec_name": "h264", "width": 1280, "height": 720,
            "avg_frame_rate": "25/1", "r_frame_rate": "25/1", "duration": "2.0"})
    }

    fn judged(streams: Value) -> Result<Source, FailureReason> {
        let report = json!({"streams": streams, "format": {"duration": "3.0"}}).to_string();
        source(Container::Mp4, report.as_bytes(), DAY, BYTES)
    }

    fn with(field: &str, value: Value) -> Value {
        let mut stream = video();
        stream[field] = value;
        stream
    }

    #[test]
    fn rotation_and_pixel_shape_are_applied() {
        for (field, value, size) in [
            ("side_data_list", json!([{"side_data_type": "Display Matrix", "rotation": -90}]), (720, 1280)),
            ("side_data_list", json!([{"rotation": 180}]), (1280, 720)),
            ("sample_aspect_ratio", json!("4:3"), (1707, 720)),
            ("sample_aspect_ratio", json!("0:1"), (1280, 720)),
        ] {
            let source = judged(json!([with(field, value.clone())])).unwrap();
            assert_eq!((source.video.width, source.video.height), size, "{field} {value}");
        }
    }

    #[test]
    fn the_length_is_the_pictures_own_where_it_is_said() {
        let length = |stream| judged(json!([stream])).unwrap().video.duration;
        assert_eq!(length(video()), 2.0);
        let mut tagged = with("duration", json!(null));
        assert_eq!(length(tagged.clone()), 3.0, "the container's");
        tagged["tags"] = json!({"DURATION": "00:01:02.500000000"});
        assert_eq!(length(tagged), 62.5);
    }

    #[test]
    fn the_light_is_what_the_stream_says() {
        for (transfer, primaries, pixels, expected) in [
            ("smpte2084", "bt2020", "yuv420p10le", (DynamicRange::Pq, Primaries::Bt2020, true)),
            ("arib-std-b67", "unknown", "yuv422p10le", (DynamicRange::Hlg, Primaries::Bt2020, true)),
            ("bt709", "smpte432", "yuv420p", (DynamicRange::Sdr, Primaries::P3, false)),
            ("unknown", "unknown", "yuvj420p", (DynamicRange::Sdr, Primaries::Bt709, false)),
        ] {
            let mut stream = with("color_transfer", json!(transfer));
            (stream["color_primaries"], stream["pix_fmt"]) = (json!(primaries), json!(pixels));
            let colour = judged(json!([stream])).unwrap().video.colour;
            assert_eq!((colour.range, colour.primaries, colour.deep), expected, "{transfer} {primaries} {pixels}");
        }
    }

    #[test]
    fn subtitles_are_found_with_language_and_flags_and_captions_within_pictures_too() {
        let stream = |index: u32, more: Value| {
            let mut stream = json!({"index": index, "codec_type": "subtitle", "codec_name": "subrip"});
            stream.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            stream
        };
        let source = judged(json!([
            with("closed_captions", json!(1)),
            stream(1, json!({"tags": {"language": "ger"}, "disposition": {"forced": 1}})),
            stream(2, json!({"tags": {"language": "und"}, "disposition": {"captions": 1}})),
            {"index": 3, "codec_type": "subtitle"},
        ]));
        let found: Vec<_> = source
            .unwrap()
            .subtitles
            .into_iter()
            .map(|s| (s.index, s.codec, s.language.map(|l| l.to_string()), s.forced, s.hearing_impaired))
            .collect();
        let expected = [
            (0, "eia_608".into(), None, false, false),
            (1, "subrip".into(), Some("deu".into()), true, false),
            (2, "subrip".into(), None, false, true),
            (3, "unknown".into(), None, false, false),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let cover =
            json!({"index": 1, "codec_type": "video", "codec_name": "mjpeg", "disposition": {"attached_pic": 1}});
        let sound = json!({"index": 0, "codec_type": "audio", "codec_name": "aac", "channels": 2});
        let silent = json!({"index": 1, "codec_type": "audio", "codec_name": "xma1", "channels": 0});
        for (streams, code) in [
            (json!([]), "truncated"),
            (json!([sound, cover]), "not_a_video"),
            (json!([with("codec_name", json!("mpeg4"))]), "unsupported_codec"),
            (json!([video(), silent]), "unsupported_codec"),
            (json!([with("width", json!(20_000))]), "too_large"),
            (json!([with("duration", json!("100000"))]), "too_large"),
            (json!([with("duration", json!("40000"))]), "too_large"),
            (json!([with("nb_frames", json!("2000000000"))]), "truncated"),
            (json!([video(), with("nb_frames", json!("1048577"))]), "truncated"),
            (json!([with("width", json!(0))]), "not_a_video"),
            (json!([with("side_data_list", json!([{"dv_profile": 5}]))]), "unsupported_codec"),
            (json!([with("height", json!(20))]), "not_a_video"),
            (json!([with("width", json!(-5))]), "not_a_video"),
        ] {
            assert_eq!(judged(streams.clone()).unwrap_err().code, code, "{streams}");
        }
        let unknown = json!({"streams": [with("duration", json!("0.0"))], "format": {}}).to_string();
        assert_eq!(source(Container::Webm, unknown.as_bytes(), DAY, BYTES).unwrap_err().code, "truncated");
        assert_eq!(source(Container::Mp4, b"{", DAY, BYTES).unwrap_err().code, "truncated");
    }
}

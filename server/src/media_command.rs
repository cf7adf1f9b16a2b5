//! `tessera media`: looking at video files without a server; what is about assets is [`crate::asset_command`]'s.

use std::{path::Path, process::ExitCode};

use tessera_contract_media::{SubtitleKind, SubtitlesLeftOut};
use tessera_isobmff::InspectLimits;
use tessera_media::{
    AudioTrack, DynamicRange, Parts, Preview, PreviewError, SubtitleTrack, Undivided, VideoCodec, VideoTrack,
};

use crate::{
    asset_command,
    cli::{Media, Place},
    error::CommandError,
    inspect_command,
    output::tell,
    settings,
};

/// Does what was asked.
pub(crate) async fn run(config: Option<&Path>, command: Media) -> Result<ExitCode, CommandError> {
    match command {
        Media::Plan { file, tenant, json } => {
            let root = settings::load(config, &Place { data: None, port: None, listen: None })?;
            let preview =
                tessera_media::plan(&root.media.built_in, tenant.as_ref(), &file, &std::env::temp_dir()).await;
            let preview = preview.map_err(|error| failed(&file, error))?;
            match json {
                true => {
                    tell(&serde_json::to_string_pretty(&preview).map_err(|e| CommandError::caused("writing JSON", e))?)
                }
                false => tell(&table(&file, &preview)),
            }
            Ok(ExitCode::SUCCESS)
        }
        Media::Inspect { file, json, samples, boxes } => {
            let limits = InspectLimits { boxes: boxes as usize, samples: samples as usize };
            // Problems of the file are a result, not an error of the command: exit code 2.
            let sound = inspect_command::run(file, json, limits).await?;
            Ok(if sound { ExitCode::SUCCESS } else { ExitCode::from(2) })
        }
        Media::Jobs { all, json, at } => done(asset_command::jobs(&at, all, json).await),
        Media::Pull { address, at } => done(asset_command::pull(&at, address).await),
        Media::Cancel { asset, at } => done(asset_command::cancel(&at, asset).await),
        Media::Retry { asset, at } => done(asset_command::retry(&at, asset).await),
        Media::Priority { asset, priority, at } => done(asset_command::prioritize(&at, asset, priority).await),
        Media::Log { asset, at } => done(asset_command::log(&at, asset).await),
    }
}

fn done(ended: Result<(), CommandError>) -> Result<ExitCode, CommandError> {
    ended.map(|()| ExitCode::SUCCESS)
}

fn failed(file: &Path, error: PreviewError) -> CommandError {
    let file = file.display();
    match error {
        PreviewError::Refused(reason) => {
            CommandError::new(format!("{file} would be refused ({}): {}", reason.code, reason.message))
        }
        PreviewError::Io { .. } | PreviewError::Ours(_) => CommandError::caused(format!("looking at {file}"), error),
    }
}

/// The plan as people read it.
fn table(file: &Path, preview: &Preview) -> String {
    let plan = &preview.plan;
    let source = &plan.source;
    let sound = source.audio_codec.as_deref().unwrap_or("no sound");
    let head = format!(
        "{}: {}, {} {}x{} at {} frames a second, {sound}, {:.1} s",
        file.display(),
        source.container,
        source.video_codec,
        source.width,
        source.height,
        rate(source.frame_rate),
        source.duration_seconds,
    );
    let text = plan.subtitles.iter().map(subtitles).chain(plan.subtitles_left_out.iter().map(left_out));
    let lines = plan.video.iter().map(video).chain(plan.audio.iter().map(audio)).chain(text);
    let lines = lines.chain([first(&preview.early), parts(&preview.chunks)]);
    std::iter::once(head).chain(lines).collect::<Vec<_>>().join("\n")
}

fn video(track: &VideoTrack) -> String {
    let VideoTrack { track_id, width, height, frame_rate, max_kbps, group, .. } = track;
    let (size, rate, coded) = (format!("{width}x{height}"), rate(*frame_rate), coded(track));
    format!("  {track_id:<10} {coded:<10} {size:<10} {rate:>6} frames/s  groups of {group:<4} up to {max_kbps} kbit/s")
}

/// `H.264`, `H.265 PQ`.
fn coded(track: &VideoTrack) -> String {
    let codec = match track.codec {
        VideoCodec::H264 => "H.264",
        VideoCodec::Hevc => "H.265",
        VideoCodec::Av1 => "AV1",
    };
    let light = match track.range {
        DynamicRange::Sdr if track.depth == 8 => "",
        DynamicRange::Sdr => " 10-bit",
        DynamicRange::Hlg => " HLG",
        DynamicRange::Pq => " PQ",
    };
    format!("{codec}{light}")
}

fn audio(track: &AudioTrack) -> String {
    let AudioTrack { track_id, stream, language, channels, kbps, .. } = track;
    let language = language.as_deref().unwrap_or("und");
    let layout = if *channels == 2 { "stereo" } else { "5.1" };
    format!("  {track_id:<10} {:<10} {language:<10} {layout:>6}, from stream {stream}            {kbps} kbit/s", "AAC")
}

fn subtitles(track: &SubtitleTrack) -> String {
    let SubtitleTrack { subtitle_id, stream, codec, language, kind } = track;
    let language = language.as_ref().map_or("und", |language| language.as_str());
    let kind = match kind {
        SubtitleKind::Subtitles => "subtitles",
        SubtitleKind::Captions => "captions",
        SubtitleKind::Forced => "forced",
        SubtitleKind::Unknown => "of another kind",
    };
    format!("  {subtitle_id:<6} WebVTT {language:<10} {kind}, from stream {stream} ({codec})")
}

fn left_out(left: &SubtitlesLeftOut) -> String {
    let SubtitlesLeftOut { stream, codec, language, reason } = left;
    let language = language.as_ref().map_or("und", |language| language.as_str());
    format!("  left out      {language:<10} stream {stream} ({codec}): {reason}")
}

fn first(early: &[String]) -> String {
    match early {
        [] => "  all of it is made at once".into(),
        early => format!("  first {}, to be played while the rest is made", early.join(", ")),
    }
}

/// Where the parts begin; of many, the first and the last.
fn parts(parts: &Parts) -> String {
    let why = match parts.undivided {
        None => {
            let begin: Vec<String> = parts.begin_seconds.iter().map(|at| rate(*at)).collect();
            let begin = match begin.as_slice() {
                [one, two, three, .., last] if begin.len() > 8 => format!("{one}, {two}, {three} … {last}"),
                all => all.join(", "),
            };
            return format!("  pictures in {} parts, which begin at {begin} s", parts.count);
        }
        Some(Undivided::Short) => "the film is not twice as long as a part",
        Some(Undivided::CutApart) => "its renditions are not cut at the same pictures",
        Some(Undivided::Accelerated) => "a graphics card makes some of it",
    };
    format!("  pictures in one part: {why}")
}

/// `25` and `29.97`.
fn rate(rate: f64) -> String {
    let text = format!("{rate:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

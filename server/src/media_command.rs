//! `tessera media`: looking at video files, without a server.

use std::path::Path;

use tessera_media::{AudioTrack, DynamicRange, Plan, PreviewError, VideoCodec, VideoTrack};

use crate::{
    cli::{Media, Place},
    error::CommandError,
    output::tell,
    settings,
};

/// Does what was asked.
pub(crate) async fn run(config: Option<&Path>, command: Media) -> Result<(), CommandError> {
    match command {
        Media::Plan { file, tenant, json } => {
            let root = settings::load(config, &Place { data: None, port: None, listen: None })?;
            let plan = tessera_media::plan(&root.media, tenant.as_ref(), &file, &std::env::temp_dir()).await;
            let plan = plan.map_err(|error| failed(&file, error))?;
            match json {
                true => {
                    tell(&serde_json::to_string_pretty(&plan).map_err(|e| CommandError::caused("writing JSON", e))?)
                }
                false => tell(&table(&file, &plan)),
            }
            Ok(())
        }
    }
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
fn table(file: &Path, plan: &Plan) -> String {
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
    let lines = plan.video.iter().map(video).chain(plan.audio.iter().map(audio));
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

/// `25` and `29.97`.
fn rate(rate: f64) -> String {
    let text = format!("{rate:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

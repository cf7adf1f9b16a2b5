//! `tessera media`: looking at video files without a server; what is about assets is [`crate::asset_command`]'s.

use std::path::Path;

use tessera_media::{AudioTrack, Plan, PreviewError, VideoTrack};

use crate::{
    asset_command,
    cli::{Media, Place},
    error::CommandError,
    output::tell,
    settings,
};

/// Does what was asked.
pub(crate) async fn run(config: Option<&Path>, command: Media) -> Result<(), CommandError> {
    match command {
        Media::Plan { file, json } => {
            let root = settings::load(config, &Place { data: None, port: None, listen: None })?;
            let plan = tessera_media::plan(&root.media, &file, &std::env::temp_dir()).await;
            let plan = plan.map_err(|error| failed(&file, error))?;
            match json {
                true => {
                    tell(&serde_json::to_string_pretty(&plan).map_err(|e| CommandError::caused("writing JSON", e))?)
                }
                false => tell(&table(&file, &plan)),
            }
            Ok(())
        }
        Media::Jobs { all, json, at } => asset_command::jobs(&at, all, json).await,
        Media::Pull { url, at } => asset_command::pull(&at, url).await,
        Media::Cancel { asset, at } => asset_command::cancel(&at, asset).await,
        Media::Retry { asset, at } => asset_command::retry(&at, asset).await,
        Media::Priority { asset, priority, at } => asset_command::prioritize(&at, asset, priority).await,
        Media::Log { asset, at } => asset_command::log(&at, asset).await,
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
    let (size, rate) = (format!("{width}x{height}"), rate(*frame_rate));
    format!("  {track_id:<6} H.264  {size:<10} {rate:>6} frames/s  groups of {group:<4} up to {max_kbps} kbit/s")
}

fn audio(track: &AudioTrack) -> String {
    let AudioTrack { track_id, stream, language, channels, kbps, .. } = track;
    let language = language.as_deref().unwrap_or("und");
    let layout = if *channels == 2 { "stereo" } else { "5.1" };
    format!("  {track_id:<6} AAC    {language:<10} {layout:>6}, from stream {stream}            {kbps} kbit/s")
}

/// `25` and `29.97`.
fn rate(rate: f64) -> String {
    let text = format!("{rate:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

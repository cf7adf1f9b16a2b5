//! Films to measure with, made by FFmpeg.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// A film is a clip of so many seconds, repeated.
const CLIP_SECONDS: u32 = 20;

/// So many minutes of 720p at about 4 Mbit/s with sound, as `film.mp4`; `None` where FFmpeg is not installed.
pub(crate) fn make_film(home: &Path, minutes: u32) -> Option<PathBuf> {
    eprintln!("making a film of {minutes} minutes");
    let picture = format!("testsrc2=size=1280x720:rate=25:duration={CLIP_SECONDS},noise=alls=12:allf=t");
    let sound = format!("sine=frequency=330:duration={CLIP_SECONDS}");
    let video = ["-c:v", "libx264", "-preset", "ultrafast", "-b:v", "4M", "-maxrate", "4M", "-bufsize", "4M"];
    let mut clip = ffmpeg(home);
    clip.args(["-f", "lavfi", "-i", &picture, "-f", "lavfi", "-i", &sound]).args(video);
    if !succeeds(clip.args(["-pix_fmt", "yuv420p", "-g", "50", "-c:a", "aac", "clip.mp4"])) {
        return None;
    }
    let again = (minutes * 60 / CLIP_SECONDS - 1).to_string();
    let mut whole = ffmpeg(home);
    whole.args(["-stream_loop", &again, "-i", "clip.mp4", "-c", "copy", "film.mp4"]);
    assert!(succeeds(&mut whole), "ffmpeg repeats the clip");
    Some(home.join("film.mp4"))
}

/// A long film of few small pictures, which is quick to code, as this file; `false` where FFmpeg is not installed.
pub(crate) fn make_still(file: &Path, seconds: u32) -> bool {
    eprintln!("making a film of {seconds} seconds");
    let picture = format!("testsrc2=size=256x144:rate=5:duration={seconds}");
    let mut film = ffmpeg(file.parent().unwrap_or(Path::new(".")));
    film.args(["-f", "lavfi", "-i", &picture, "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]);
    succeeds(film.arg(file))
}

/// FFmpeg in a folder.
pub(crate) fn ffmpeg(home: &Path) -> Command {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-loglevel", "error", "-y"]).current_dir(home);
    command
}

fn succeeds(command: &mut Command) -> bool {
    command.status().is_ok_and(|status| status.success())
}

//! The demo's three films, made by FFmpeg from nothing: picture and sound.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

use crate::{error::CommandError, progress::Progress};

/// A film to generate.
pub(crate) struct Recipe {
    /// File name without extension, and the title's genre-independent name for progress bars.
    pub(crate) name: &'static str,
    /// FFmpeg's source filter for the picture, without its size and rate.
    picture: &'static str,
    /// Filters on the picture.
    filters: &'static str,
    /// `aevalsrc` expression of the sound, stereo.
    sound: &'static str,
}

/// The three films: for subscribers, for rent, for free.
pub(crate) const FILMS: [Recipe; 3] = [
    Recipe {
        name: "Seahorse Valley",
        picture: "mandelbrot=start_scale=2.2:end_scale=0.0006:end_pts=900:inner=convergence:maxiter=1200",
        filters: "curves=preset=vintage,hue=h=20:s=0.75",
        sound: "0.18*sin(2*PI*(110+6*sin(0.35*t))*t)+0.08*sin(2*PI*220.5*t)*(0.5+0.5*sin(0.9*t))|\
                0.18*sin(2*PI*(110.7+6*sin(0.35*t))*t)+0.08*sin(2*PI*329.6*t)*(0.5+0.5*cos(0.7*t))",
    },
    Recipe {
        name: "Northern Lights",
        picture: "gradients=c0=0x021024:c1=0x0b6e4f:c2=0x5bd1a5:c3=0x2b1055:n=4:speed=0.02:type=linear",
        filters: "noise=alls=5:allf=t,vignette=PI/4.5",
        sound: "0.14*sin(2*PI*261.6*t)*(0.5+0.5*sin(0.5*t))+0.1*sin(2*PI*392*t)*(0.5+0.5*sin(0.31*t+1))|\
                0.14*sin(2*PI*329.6*t)*(0.5+0.5*sin(0.43*t+2))+0.1*sin(2*PI*523.3*t)*(0.5+0.5*sin(0.27*t))",
    },
    Recipe {
        name: "A Quiet Colony",
        picture: "life=ratio=0.16:mold=12:life_color=0xffd166:death_color=0xef476f:mold_color=0x1b1f3b:seed=20",
        filters: "tmix=frames=3,gblur=sigma=0.6",
        sound: "0.12*sin(2*PI*(196+98*floor(mod(t*2,3)))*t)*exp(-3*mod(t*2,1))|\
                0.12*sin(2*PI*(147+49*floor(mod(t*2,5)))*t)*exp(-3*mod(t*2,1))",
    },
];

/// Generates the film into `folder`, `seconds` long, 720p at 30 frames a second.
pub(crate) async fn generate(recipe: &Recipe, folder: &Path, seconds: u32) -> Result<PathBuf, CommandError> {
    let mut progress = Progress::begin(recipe.name);
    progress.at(0, "generating the film");
    let file = folder.join(format!("{}.mp4", recipe.name.to_lowercase().replace(' ', "-")));
    let outcome = run(recipe, &file, seconds, &mut progress).await;
    match &outcome {
        Ok(()) => progress.done("generated"),
        Err(_) => progress.failed(),
    }
    outcome.map(|()| file)
}

async fn run(recipe: &Recipe, file: &Path, seconds: u32, progress: &mut Progress) -> Result<(), CommandError> {
    // The cellular source is small and blown up: its cells should be seen.
    let (size, scale) = match recipe.picture.starts_with("life") {
        true => ("320x180", "scale=1280:720:flags=neighbor,"),
        false => ("1280x720", ""),
    };
    let separator = if recipe.picture.contains('=') { ':' } else { '=' };
    let picture = format!("{}{separator}size={size}:rate=30", recipe.picture);
    let filters = format!("{scale}{},format=yuv420p", recipe.filters);
    let mut child = Command::new("ffmpeg")
        .args(["-nostdin", "-hide_banner", "-loglevel", "error", "-y", "-progress", "pipe:1"])
        .args(["-f", "lavfi", "-i", &picture])
        .args(["-f", "lavfi", "-i", &format!("aevalsrc={}:s=48000", recipe.sound.replace(',', "\\,"))])
        .args(["-t", &seconds.to_string(), "-vf", &filters])
        .args(["-c:v", "libx264", "-preset", "veryfast", "-crf", "21", "-c:a", "aac", "-b:a", "128k"])
        .args(["-movflags", "+faststart"])
        .arg(file)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|e| CommandError::caused("starting ffmpeg; install it with: apt-get install ffmpeg", e))?;
    let output = child.stdout.take().expect("standard output is piped");
    let mut lines = BufReader::new(output).lines();
    while let Some(line) = lines.next_line().await.map_err(|e| CommandError::caused("reading ffmpeg's progress", e))? {
        if let Some(micros) = line.strip_prefix("out_time_us=").and_then(|text| text.parse::<u64>().ok()) {
            let percent = micros / 10_000 / u64::from(seconds.max(1));
            progress.at(u8::try_from(percent).unwrap_or(100), "generating the film");
        }
    }
    let done = child.wait_with_output().await.map_err(|e| CommandError::caused("waiting for ffmpeg", e))?;
    match done.status.success() {
        true => Ok(()),
        false => {
            let said = String::from_utf8_lossy(&done.stderr).trim().to_owned();
            Err(CommandError::new(format!("ffmpeg could not generate {}: {said}", recipe.name)))
        }
    }
}

//! Encoders of graphics cards: looked for, tried out as they would be used, and taken where what they make is as it must be.

use std::path::Path;

use tessera_cenc::TrackIndexer;
use tessera_isobmff::TrackIndex;

use crate::{
    child::{ChildError, Limits, Overflow, Sandbox},
    colour::DynamicRange,
    config::{MediaConfig, VideoCodec},
    encode::{self, OUT, words},
    encoder,
    plan::{Plan, VideoTrack},
    scratch::Scratch,
};

/// Bytes of FFmpeg's list of encoders at most.
const LIST_MAX: usize = 1 << 20;
const TRIAL_TIME: std::time::Duration = std::time::Duration::from_secs(30);
const TRIAL_BYTES: u64 = 16 << 20;
/// Frames of a trial's groups of pictures, and how many groups it has.
const GROUP: u32 = 12;
const GROUPS: u32 = 3;

/// What a graphics card's encoders are reached by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hardware {
    /// NVIDIA's NVENC.
    Nvenc,
    /// Intel's Quick Sync Video.
    Qsv,
    /// VA-API, of Intel's and AMD's cards.
    Vaapi,
}

/// In the order in which they are preferred.
const ALL: [Hardware; 3] = [Hardware::Nvenc, Hardware::Qsv, Hardware::Vaapi];

/// The encoders that were found to work, for a codec and bits a sample. None is the usual case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Encoders(Vec<(VideoCodec, u8, Hardware)>);

impl Hardware {
    /// FFmpeg's name of its encoder.
    pub(crate) fn encoder(self, codec: VideoCodec) -> String {
        let codec = match codec {
            VideoCodec::H264 => "h264",
            VideoCodec::Hevc => "hevc",
            VideoCodec::Av1 => "av1",
        };
        let family = match self {
            Self::Nvenc => "nvenc",
            Self::Qsv => "qsv",
            Self::Vaapi => "vaapi",
        };
        format!("{codec}_{family}")
    }

    /// FFmpeg's arguments before its inputs.
    fn device(self) -> &'static [&'static str] {
        match self {
            Self::Nvenc | Self::Qsv => &[],
            Self::Vaapi => &["-init_hw_device", "vaapi=card:/dev/dri/renderD128", "-filter_hw_device", "card"],
        }
    }
}

impl Encoders {
    /// Which hardware makes tracks like this one.
    fn of(&self, track: &VideoTrack) -> Option<Hardware> {
        let found = self.0.iter().find(|(codec, depth, _)| (*codec, *depth) == (track.codec, track.depth));
        found.map(|(.., hardware)| *hardware)
    }
}

impl Plan {
    /// Has every rendition made by hardware for which some was found.
    pub(crate) fn accelerate(&mut self, found: &Encoders) {
        for track in &mut self.video {
            track.hardware = found.of(track);
        }
    }

    /// Whether a graphics card makes any of it.
    pub(crate) fn is_accelerated(&self) -> bool {
        self.video.iter().any(|track| track.hardware.is_some())
    }

    /// FFmpeg's arguments before its inputs, for the hardware that the plan uses.
    pub(crate) fn devices(&self) -> Vec<String> {
        let used = |hardware: &Hardware| self.video.iter().any(|track| track.hardware == Some(*hardware));
        ALL.iter().filter(|hardware| used(hardware)).flat_map(|hardware| words(hardware.device())).collect()
    }
}

/// Tries out every encoder that this FFmpeg has and that is for hardware. A child sees of the machine what `nobody` sees: a card
/// that only a group may use is none.
///
/// # Errors
/// FFmpeg cannot be started, or the scratch disk not written.
pub(crate) async fn find(sandbox: &Sandbox, config: &MediaConfig, scratch: &Path) -> Result<Encoders, ChildError> {
    let named = |source| ChildError::Lost { program: config.ffmpeg.clone(), source };
    let scratch = Scratch::make(scratch, &format!("trial-{:016x}", rand::random::<u64>())).map_err(named)?;
    let listed = listed(sandbox, config, scratch.path()).await?;
    let mut found = Vec::new();
    for (codec, depth) in [
        (VideoCodec::H264, 8),
        (VideoCodec::Hevc, 8),
        (VideoCodec::Hevc, 10),
        (VideoCodec::Av1, 8),
        (VideoCodec::Av1, 10),
    ] {
        for hardware in ALL {
            let track = VideoTrack { hardware: Some(hardware), ..trial(codec, depth) };
            let is_listed = listed.split_whitespace().any(|word| word == hardware.encoder(codec));
            if is_listed && works(sandbox, config, &scratch, track).await? {
                found.push((codec, depth, hardware));
                break;
            }
        }
    }
    Ok(Encoders(found))
}

/// What FFmpeg says that it was built with.
async fn listed(sandbox: &Sandbox, config: &MediaConfig, folder: &Path) -> Result<String, ChildError> {
    let mut said = Vec::new();
    let on_output = |bytes: &[u8]| match said.len() + bytes.len() <= LIST_MAX {
        true => {
            said.extend_from_slice(bytes);
            Ok(())
        }
        false => Err(Overflow),
    };
    sandbox.run(&config.ffmpeg, words(&["-hide_banner", "-encoders"]), folder, &limits(sandbox), on_output).await?;
    Ok(String::from_utf8_lossy(&said).into_owned())
}

/// Whether a track is made as asked: cut into closed groups of pictures, and all of it there.
async fn works(
    sandbox: &Sandbox,
    config: &MediaConfig,
    scratch: &Scratch,
    track: VideoTrack,
) -> Result<bool, ChildError> {
    let plan = Plan::trial(track);
    let mut arguments = words(&["-hide_banner", "-nostdin", "-v", "error", "-y"]);
    arguments.extend(plan.devices());
    let pictures = format!("testsrc2=size=320x192:rate=25,trim=end_frame={}", GROUP * GROUPS);
    arguments.extend(["-f".into(), "lavfi".into(), "-i".into(), pictures]);
    for track in &plan.video {
        arguments.extend(["-vf".into(), format!("format={}", track.pixels())]);
        arguments.extend(encoder::arguments(track, config.preset));
        arguments.extend(encode::fragmented());
        arguments.extend(words(&["-f", "mp4", &format!("{OUT}/trial.mp4")]));
    }
    match sandbox.run(&config.ffmpeg, arguments, scratch.path(), &limits(sandbox), |_| Ok(())).await {
        Ok(()) => {}
        Err(error @ (ChildError::NotStarted { .. } | ChildError::Lost { .. })) => return Err(error),
        Err(error) => {
            tracing::debug!(%error, "an encoder that FFmpeg lists does not work here");
            return Ok(false);
        }
    }
    let path = scratch.out().join("trial.mp4");
    let index = tokio::task::spawn_blocking(move || index(&path)).await.ok().flatten();
    let is_cut = |index: TrackIndex| index.fragments().iter().all(|fragment| fragment.sample_count() == GROUP as usize);
    Ok(index.is_some_and(|index| index.fragments().len() == GROUPS as usize && is_cut(index)))
}

fn index(path: &Path) -> Option<TrackIndex> {
    let mut indexer = TrackIndexer::new();
    let is_file = std::fs::symlink_metadata(path).ok()?.is_file();
    indexer.push(&std::fs::read(path).ok().filter(|_| is_file)?).ok()?;
    indexer.finish().ok()
}

fn limits(sandbox: &Sandbox) -> Limits {
    Limits {
        memory: sandbox.memory(),
        cpu: TRIAL_TIME,
        file_size: TRIAL_BYTES,
        written: TRIAL_BYTES,
        wall: TRIAL_TIME,
        silence: TRIAL_TIME,
    }
}

fn trial(codec: VideoCodec, depth: u8) -> VideoTrack {
    VideoTrack::trial(codec, depth, DynamicRange::Sdr, GROUP)
}

#[cfg(test)]
mod tests {
    use tessera_testing::temp_dir;

    use super::*;

    /// This machine may have a card: what is found then has been tried, and what is not is made by software.
    #[tokio::test]
    async fn what_ffmpeg_lists_counts_only_when_it_works() {
        let (folder, config) = (temp_dir(), MediaConfig::default());
        let sandbox = Sandbox::new(config.child_memory_bytes).unwrap();
        let Ok(found) = find(&sandbox, &config, folder.path()).await else {
            eprintln!("SKIPPED: ffmpeg is not installed");
            return;
        };
        if !Path::new("/dev/dri").exists() && !Path::new("/dev/nvidiactl").exists() {
            assert_eq!(found, Encoders::default(), "there is no card here");
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left");
        let scratch = Scratch::make(folder.path(), "trial").unwrap();
        for (codec, depth) in [(VideoCodec::H264, 8), (VideoCodec::Hevc, 8), (VideoCodec::Hevc, 10)] {
            let works = works(&sandbox, &config, &scratch, trial(codec, depth)).await.unwrap();
            assert!(works, "a trial passes where the encoder is right: {codec:?} with {depth} bits in software");
        }
        let open = VideoTrack { group: GROUP + 1, ..trial(VideoCodec::H264, 8) };
        assert!(!works(&sandbox, &config, &scratch, open).await.unwrap(), "and fails where it cuts elsewhere");
    }
}

//! The encoders of pictures, and what each is told. All make closed groups of pictures that last equally long in every
//! rendition, so that a player can switch.

use crate::{
    colour::{ContentLight, DynamicRange, Mastering},
    config::{Preset, VideoCodec},
    hardware::Hardware,
    plan::VideoTrack,
};

/// Logical processors that SVT-AV1 plans for. With two, its bytes under a highest bit rate are others each time; with one they are
/// the same, on every machine.
const SVT_PROCESSORS: u32 = 1;

/// FFmpeg's arguments for the coding of a track.
pub(crate) fn arguments(track: &VideoTrack, preset: Preset) -> Vec<String> {
    let group = track.group.to_string();
    let mut arguments = match (track.hardware, track.codec) {
        (Some(hardware), codec) => card(hardware, codec, track),
        (None, VideoCodec::H264) => h264(track, preset),
        (None, VideoCodec::Hevc) => hevc(track, preset),
        (None, VideoCodec::Av1) => av1(track, preset),
    };
    let (most, buffer) = (format!("{}k", track.max_kbps), format!("{}k", 2 * track.max_kbps));
    arguments.extend(["-maxrate", &most, "-bufsize", &buffer, "-g", &group].map(str::to_owned));
    arguments.extend(track.range.tags().map(str::to_owned));
    arguments
}

/// A graphics card's, which has one idea of quality a family. It is taken only where a trial was cut as it must be.
fn card(hardware: Hardware, codec: VideoCodec, track: &VideoTrack) -> Vec<String> {
    let (name, quality, usual) =
        (hardware.encoder(codec), (25 + track.saved).to_string(), format!("{}k", track.max_kbps * 2 / 3));
    let own: &[&str] = match hardware {
        Hardware::Nvenc => &["-preset", "p5", "-rc", "vbr", "-cq", &quality, "-no-scenecut", "1", "-forced-idr", "1"],
        Hardware::Qsv => &["-preset", "medium", "-b:v", &usual, "-adaptive_i", "0", "-idr_interval", "0"],
        Hardware::Vaapi => &["-rc_mode", "VBR", "-b:v", &usual, "-idr_interval", "0"],
    };
    let tag: &[&str] = if codec == VideoCodec::Hevc { &["-tag:v", "hvc1"] } else { &[] };
    ["-c:v", &name].into_iter().chain(own.iter().copied()).chain(tag.iter().copied()).map(str::to_owned).collect()
}

fn h264(track: &VideoTrack, preset: Preset) -> Vec<String> {
    let closed = format!("scenecut=0:open-gop=0:keyint={0}:min-keyint={0}", track.group);
    let factor = (23 + track.saved).to_string();
    let words =
        ["-c:v", "libx264", "-preset", preset.name(), "-crf", &factor, "-profile:v", "high", "-x264-params", &closed];
    words.map(str::to_owned).to_vec()
}

fn hevc(track: &VideoTrack, preset: Preset) -> Vec<String> {
    let profile = if track.depth == 8 { "main" } else { "main10" };
    let quiet = "repeat-headers=0:info=0:log-level=error";
    let closed = format!("scenecut=0:open-gop=0:keyint={0}:min-keyint={0}", track.group);
    let colours = match track.range {
        DynamicRange::Pq => {
            let mastering = track.mastering.map(|mastering| format!(":master-display={}", x265(&mastering)));
            let light = track.light.map(|ContentLight { pixel, picture }| format!(":max-cll={pixel},{picture}"));
            [mastering, light].into_iter().flatten().collect()
        }
        DynamicRange::Sdr | DynamicRange::Hlg => String::new(),
    };
    let parameters = format!("{closed}:{quiet}{colours}");
    let factor = (26 + track.saved).to_string();
    let words = ["-c:v", "libx265", "-preset", preset.name(), "-crf", &factor, "-profile:v", profile, "-tag:v", "hvc1"];
    words.into_iter().chain(["-x265-params", &parameters]).map(str::to_owned).collect()
}

fn av1(track: &VideoTrack, preset: Preset) -> Vec<String> {
    let closed = format!("keyint={}:irefresh-type=2:scd=0:lp={SVT_PROCESSORS}", track.group);
    let colours: String = match track.range {
        DynamicRange::Pq => {
            let mastering = track.mastering.map(|mastering| format!(":mastering-display={}", svt_av1(&mastering)));
            let light = track.light.map(|ContentLight { pixel, picture }| format!(":content-light={pixel},{picture}"));
            [mastering, light].into_iter().flatten().collect()
        }
        DynamicRange::Sdr | DynamicRange::Hlg => String::new(),
    };
    let parameters = format!("{closed}{colours}");
    // Of 63, where the others have 51.
    let factor = (35 + track.saved * 5 / 4).to_string();
    let words = ["-c:v", "libsvtav1", "-preset", preset.svt_av1(), "-crf", &factor, "-svtav1-params", &parameters];
    words.map(str::to_owned).to_vec()
}

/// In units of 0.00002, and of 0.0001 cd/m² (H.265 §D.3.28).
fn x265(mastering: &Mastering) -> String {
    let place = |(x, y): (f64, f64)| format!("({},{})", (x * 50_000.0).round(), (y * 50_000.0).round());
    let [green, blue, red, white] = [mastering.green, mastering.blue, mastering.red, mastering.white].map(place);
    let light = |luminance: f64| (luminance * 10_000.0).round();
    format!("G{green}B{blue}R{red}WP{white}L({},{})", light(mastering.brightest), light(mastering.darkest))
}

fn svt_av1(mastering: &Mastering) -> String {
    let place = |(x, y): (f64, f64)| format!("({x:.5},{y:.5})");
    let [green, blue, red, white] = [mastering.green, mastering.blue, mastering.red, mastering.white].map(place);
    format!("G{green}B{blue}R{red}WP{white}L({:.4},{:.4})", mastering.brightest, mastering.darkest)
}

//! A film of a second, small enough that transcoding it costs next to nothing.

use std::{fs, path::Path, process::Command};

/// Makes it in `folder`; its bytes.
pub(crate) fn make(folder: &Path) -> Vec<u8> {
    let file = folder.join("clip.mp4");
    let made = Command::new("ffmpeg")
        .args(["-nostdin", "-loglevel", "error", "-f", "lavfi", "-i", "testsrc2=size=64x36:rate=25:duration=1"])
        .args(["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"])
        .arg(&file)
        .status();
    assert!(made.is_ok_and(|status| status.success()), "ffmpeg makes the clip; scripts/setup test installs it");
    fs::read(file).expect("the clip is there")
}

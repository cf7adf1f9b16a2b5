//! Films small enough that transcoding them costs next to nothing.

use std::{fs, path::Path, process::Command};

/// Pictures a second of all of them.
pub(crate) const RATE: f64 = 25.0;

/// Makes one of so many pictures in `folder`; its bytes.
pub(crate) fn make(folder: &Path, pictures: u32) -> Vec<u8> {
    let file = folder.join(format!("clip-{pictures}.mp4"));
    let made = Command::new("ffmpeg")
        .args(["-nostdin", "-loglevel", "error", "-f", "lavfi", "-i"])
        .args([&format!("testsrc2=size=64x36:rate={RATE}"), "-frames:v", &pictures.to_string()])
        .args(["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"])
        .arg(&file)
        .status();
    assert!(made.is_ok_and(|status| status.success()), "ffmpeg makes the clip; scripts/setup test installs it");
    fs::read(file).expect("the clip is there")
}

//! Subtitles judged by FFmpeg, which converts them, and by Shaka Packager, which packages the same; and hostile ones.
#![allow(clippy::unwrap_used, reason = "a test may fail anywhere; clippy knows only functions marked #[test]")]

mod any;
mod ffmpeg;
mod hostile;
mod samples;
mod shaka;

//! Playlists judged by FFmpeg, which plays ours, and against what FFmpeg and Shaka Packager write.
#![allow(clippy::unwrap_used, reason = "a test may fail anywhere; clippy knows only functions marked #[test]")]

mod broken;
mod judged;
mod play;
mod presentation;
mod round_trip;

//! Packaging judged by FFmpeg and Shaka Packager, and what damaged files and full folders do to it.
#![allow(clippy::unwrap_used, reason = "a test may fail anywhere; clippy knows only functions marked #[test]")]

mod files;
mod hostile;
mod judges;
mod packaged;
mod segment_index;

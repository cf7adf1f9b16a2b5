//! Packaging judged by FFmpeg, which decrypts, and by Shaka Packager, which encrypts the same.
#![allow(clippy::unwrap_used, reason = "a test may fail anywhere; clippy knows only functions marked #[test]")]

mod counters;
mod decrypt;
mod hostile;
mod package;
mod senc;
mod shaka;
mod vectors;

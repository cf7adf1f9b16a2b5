//! Boxes judged by Shaka Packager, by stored vectors, and by hostile input.
#![allow(clippy::unwrap_used, reason = "a test may fail anywhere; clippy knows only functions marked #[test]")]

mod hostile;
mod shaka;
mod vectors;

//! Packaging judged by FFmpeg, which decrypts, and by Shaka Packager, which encrypts the same.

mod decrypt;
mod package;
mod shaka;

//! Packaging judged by FFmpeg, which decrypts, and by Shaka Packager, which encrypts the same.

mod decrypt;
mod hostile;
mod package;
mod senc;
mod shaka;
mod vectors;

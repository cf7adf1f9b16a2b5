//! Writing init segments and the bytes before a media segment's samples.

mod init;
mod protection;
mod segment;
mod sidx;
mod sink;
mod text;

pub use text::{TextTrack, text_segment};

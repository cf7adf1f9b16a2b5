//! Writing init segments and the bytes before a media segment's samples.

mod init;
mod protection;
mod pssh;
mod segment;
mod sidx;
mod sink;

pub use pssh::common_pssh;

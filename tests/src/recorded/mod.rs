//! What a release answered, kept in files, and held against the server of today.
//!
//! [`record`] tells a story to a server of a release, as people and modules would, and keeps each request with its answer in
//! `contracts/*/v1/recorded/VERSION.json`. [`replay`] sends the same requests to another server, in order, and names what
//! an answer lacks of the recorded one; [`read`] has today's client types and frozen documents read the recorded answers.

mod exchange;
mod likeness;
mod people;
mod read;
mod recorder;
mod renaming;
mod replay;
mod story;

pub use exchange::{Answered, Asked, Exchange, Recording};
pub use likeness::{Likeness, lacking};
pub use people::People;
pub use read::read;
pub use recorder::record;
pub use replay::replay;

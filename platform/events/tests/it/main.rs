//! Events and consumers on both engines.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod consumers;
mod readme;

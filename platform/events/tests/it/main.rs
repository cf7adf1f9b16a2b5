//! Events and consumers on both engines.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[cfg(feature = "kafka")]
mod broker;
mod consumers;
mod readme;
#[cfg(feature = "kafka")]
mod tansu;
mod world;

//! The built-in identity against its contract, and as browsers, applications and the edge meet it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod faults;
mod flow;
mod guessing;
mod keys;
mod pages;
mod session;
mod subjects;
mod tokens;
mod world;

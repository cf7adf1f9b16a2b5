//! Certificates of a development authority, and what holds on real connections over loopback.

#![allow(clippy::unwrap_used, unreachable_pub, reason = "tests")]

mod authority;
mod connections;
mod world;

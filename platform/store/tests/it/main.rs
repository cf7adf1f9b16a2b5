//! The store on both engines.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod basics;
mod folder;
mod idempotency;
mod jobs;
mod kill;
mod migrations;
mod outbox;
mod portable;
mod server;
mod tenancy;
mod writes;

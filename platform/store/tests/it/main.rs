//! The store on both engines.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod audit;
mod basics;
mod damage;
mod disk;
mod folder;
mod idempotency;
mod jobs;
mod kill;
mod migrations;
mod outbox;
mod portable;
mod retention;
mod roles;
mod server;
mod snapshot;
mod tenancy;
mod writes;

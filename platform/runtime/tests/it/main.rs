//! What the runtime promises, through its public interface.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod between_modules;
mod blobs;
mod config;
mod control;
mod directory;
mod docs;
mod drain;
mod forwarded;
mod hostile_clients;
mod rate_limit;
mod secrets;
mod server;
mod sessions;
mod shutdown;
mod slow_clients;
mod tenancy;
mod tokens;
mod world;

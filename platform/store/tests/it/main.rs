//! The store on both engines.

mod basics;
mod folder;
mod idempotency;
mod jobs;
mod kill;
mod migrations;
mod outbox;
mod portable;
mod tenancy;
mod writes;

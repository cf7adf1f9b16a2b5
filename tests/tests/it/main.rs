//! Scenarios across modules, on the real binary: what an operator, a viewer and an intruder do, and what comes of it.

mod contracts;
mod first_start;
mod ingest;
mod journey;
mod kill;
mod pages;
mod tenants;
mod tokens;
mod walkthrough;

//! A simulator for billing, entitlement and the events between them.
//!
//! The services are the real ones, on real stores (SQLite, in memory where the machine has a folder for that), and so is
//! the delivery of events. What is simulated is what lies outside: a payment gateway that keeps its contract and has all of
//! its bad days, time, and faults at the points that `tessera-faults` names. One thread, one thing at a time, chosen by
//! dice: a seed is a story, and the same story every time. Ids and the moment a machine takes differ from run to run;
//! nothing that is decided depends on them.
//!
//! It refuses to know how billing and entitlement work inside: what must hold is said again in its own words
//! (`access.rs`, `book.rs`, `check.rs`, `finish.rs`) from what the contracts promise.

mod access;
mod book;
mod broken;
mod cast;
mod check;
mod dice;
mod dump;
mod faults;
mod finish;
mod gateway;
mod mirror;
mod passing;
mod run;
mod shopping;
mod sim;
mod twins;
mod watching;
mod world;

pub use broken::Broken;
pub use dice::Dice;
pub use run::{Options, Verdict, run};

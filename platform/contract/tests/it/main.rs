//! The contract kit on a small contract of its own: fields, headers, deadlines, the client, the document, the rules.

#![allow(clippy::unwrap_used, unreachable_pub, reason = "tests; the contract is declared as in a crate of its own")]

mod audit;
mod client;
mod document;
mod elsewhere;
mod fields;
mod flags;
mod grpc;
mod guard;
mod headers;
mod notes;
mod placed;
mod property;
mod rules;
mod sick;
mod world;

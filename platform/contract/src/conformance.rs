//! The conformance kit: the rules of a contract, run on recorded exchanges.
//!
//! A rule talks to an implementation in JSON, through a [`Probe`]: in process, over HTTP, or at a stranger's address. A
//! typed client would hide a misspelt field; here every exchange is checked against the contract's document first, then
//! the rule looks at what came back. Rules return results and never panic.

mod builtin;
mod document_rules;
mod exchange;
mod pages;
mod probe;
mod reach;
mod report;
mod sample;
mod schema;
mod subject;
mod violation;

pub use builtin::access_rules;
pub use document_rules::document_rules;
pub use exchange::{Exchange, Wire};
pub use probe::{Actor, HttpProbe, InProcess, Probe, Role, Side, SignedHttp};
pub use reach::Obstacle;
pub use report::{Report, RuleOutcome, Slowest};
pub use subject::{Rule, Subject, check};
pub use violation::{Got, Sent, Verdict, Violation};

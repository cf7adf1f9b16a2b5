//! Hostile files for every parser of the media formats.
//!
//! A case is a file of the corpus and a seed: the seed says how the file is changed, so that a case is the same bytes
//! wherever it runs. What a parser may do with them is refuse or take them: a panic, much more memory than the file has
//! bytes, or going on for ever is a finding. `make fuzz` runs a million cases, each test run a few of each file and target.
//!
//! Which parsers there are is in `targets.rs`, what they are given in `corpus/`, and how it is changed in `mutation.rs`.
//! It knows nothing of coverage: cargo-fuzz needs a nightly compiler.

mod boxes;
mod case;
mod corpus;
mod mutation;
mod random;
mod targets;

pub use case::{Case, Finding};
pub use corpus::{Material, corpus};
pub use mutation::mutate;
pub use random::Random;
pub use targets::{TARGETS, Target, target};

//! Feature flags.
//!
//! Flags are asked for through OpenFeature's API (<https://openfeature.dev>), so that another provider can take the place of the one
//! here. That one reads a file of flagd's flag definitions, which it takes over whole or not at all, while the process runs. This
//! crate knows what a flag is and what it stands at for whom; where flags count is known by those who ask.

mod ask;
mod definition;
mod evaluate;
mod file;
mod fractional;
mod operations;
mod position;
mod provider;
mod raw;
mod targeting;
mod telemetry;

pub use ask::{CLIENT, OpenFeatureFlags};
pub use definition::{DEEPEST, Flag, FlagSet, LONGEST_NAME, MOST_BYTES, MOST_FLAGS, MOST_VARIANTS, SCHEMA, json_of};
pub use evaluate::{Explained, Resolved, Unresolved, context};
pub use file::{FlagFile, FlagFileError, Oddity, Taken, read};
pub use fractional::{MOST_WEIGHT, Share, bucket_of, share_of};
pub use operations::Split;
pub use position::{Finding, Findings, did_you_mean};
pub use provider::FileProvider;

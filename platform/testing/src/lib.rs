//! What the tests of every module stand on: real engines, two tenants, callers, a clock that moves when told to.
//!
//! A dev-dependency only. It starts its own PostgreSQL and never uses one that happens to run.

mod callers;
mod conformance;
mod engines;
mod faults;
mod places;
mod port;
mod postgres;
mod s3;
mod small_disk;
mod spoilt;
mod tansu;
mod template;
mod wait;

pub use callers::{Calls, cx};
pub use conformance::{Served, conforms};
pub use engines::{Engine, clock, engines, on_every_engine, store};
pub use faults::{EVERY, Fault, Spoil, faults_are_caught};
pub use port::free_port;
pub use postgres::Postgres;
pub use s3::S3Service;
pub use small_disk::SmallDisk;
pub use tansu::Tansu;
pub use tempfile::TempDir;
pub use tessera_types::ManualClock;
pub use wait::{eventually, within};

/// A folder that goes away with its value.
pub fn temp_dir() -> TempDir {
    tempfile::Builder::new().prefix("tessera-test-").tempdir().expect("a temporary folder can be made")
}

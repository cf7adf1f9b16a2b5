//! A deployment that is killed again and again while people work on it, and what must be true afterwards.
//!
//! A [`World`] is one data folder with a server that somebody starts again whenever it dies. [`Step`]s are what people
//! do there, each carried to its end through any number of deaths: with the same idempotency key where there is one,
//! by looking again where there is none. What was acknowledged on the way is remembered, and [`audit`] holds the world to
//! it. Points come from `tests/crash-points.txt`, random kills from a seed.

mod audit;
mod clip;
mod keeper;
mod operator;
mod patient;
mod points;
mod seed;
mod step;
mod storm;
mod studio;
mod viewer;
mod world;

pub use audit::audit;
pub use points::{Kill, operations, points};
pub use step::Step;
pub use storm::{Storm, storm};
pub use world::World;
pub(crate) use world::sqlite_rows;

//! Events and consumers on both engines.

mod consumers;
mod readme;

//! Events and consumers on both engines.

mod readme;

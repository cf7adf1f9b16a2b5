//! What every process of Tessera needs around its modules: configuration, the edge, the HTTP server, the directory of
//! tenants, telemetry, blobs, secrets, and an orderly stop.
//!
//! It knows no module and no contract in particular. What the edge has to ask (whose key is this, which session is
//! this cookie) it asks through small traits that the composition root fills in.

pub mod blobs;
mod cache;
pub mod clock;
pub mod config;
pub mod control;
pub mod directory;
pub mod disk;
pub mod docs_page;
pub mod edge;
pub mod http;
pub mod outward;
pub mod secrets;
pub mod shutdown;
pub mod telemetry;

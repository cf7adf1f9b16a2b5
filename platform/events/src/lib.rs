//! Events between modules, embedded: consumers read a module's outbox itself, there is no second copy.
//!
//! This crate owns the order of delivery, offsets, retries and parked keys. It refuses to know any event in
//! particular, and how events are written: that is [`tessera_store::Tx::emit`], in the effect's own transaction.
//!
//! A [`Consumer`] either works in its own store, where its offset commits together with its effects so that an event
//! counts once, or calls other modules, at least once, with an idempotency key made of its name and the event's id.

mod consumer;
mod delivery;
mod figures;
mod handler;
mod ledger;
mod log;
mod parked;

pub use consumer::{Consumer, ConsumerOptions};
pub use handler::{HandlerError, decode};
pub use log::{Feed, Log};
pub use parked::{Parked, ParkedEvent};
pub use tessera_store::Position;

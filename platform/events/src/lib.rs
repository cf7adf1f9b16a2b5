//! Events between modules. Embedded, consumers read a module's outbox itself, there is no second copy; with a broker that
//! speaks Kafka's protocol, a relay brings each outbox to a topic, and consumers read that.
//!
//! This crate owns the order of delivery, offsets, retries and parked keys. It refuses to know any event in
//! particular, and how events are written: that is [`tessera_store::Tx::emit`], in the effect's own transaction.
//!
//! A [`Consumer`] either works in its own store, where its offset commits together with its effects so that an event
//! counts once, or calls other modules, at least once, with an idempotency key made of its name and the event's id. That
//! holds wherever it reads: nothing rests on what a broker keeps of its consumers.

#![cfg_attr(not(feature = "kafka"), allow(dead_code, reason = "what a topic needs of the books"))]

#[cfg(feature = "kafka")]
mod broker;
mod consumer;
mod courier;
mod delivery;
mod elsewhere;
mod figures;
mod handler;
mod ledger;
mod log;
#[cfg(feature = "kafka")]
mod members;
mod parked;
#[cfg(feature = "kafka")]
mod partitions;
#[cfg(feature = "kafka")]
mod relay;
mod topic;

#[cfg(feature = "kafka")]
pub use broker::{Broker, BrokerSettings};
pub use consumer::{Consumer, ConsumerOptions};
pub use handler::{HandlerError, decode};
pub use log::{Feed, Log};
pub use parked::{Parked, ParkedEvent};
#[cfg(feature = "kafka")]
pub use relay::Relay;
pub use tessera_store::Position;

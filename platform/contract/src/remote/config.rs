//! `[remote]` of `tessera.toml`: how other processes' modules are called.

use std::{
    num::{NonZeroU32, NonZeroUsize},
    time::Duration,
};

use serde::Deserialize;

/// What an operator sets of calls to modules elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RemoteConfig {
    /// Attempts at a call, at least 1. A call is made again when no connection was had, and, where repeating it changes
    /// nothing more, when the connection broke or the answer was 503 with a `Retry-After` that the deadline leaves time
    /// for. Default 3.
    pub attempts: NonZeroU32,
    /// Repeated attempts in a hundred calls at most, besides three a second: a sick module is not drowned. Default 20.
    pub retry_percent: u16,
    /// How long connecting may take, TLS included, in milliseconds. Default 1000.
    pub connect_timeout_milliseconds: NonZeroU32,
    /// Calls that are under way to a module at most, each on a connection of its own; further ones wait. Default 256.
    pub connections: NonZeroUsize,
    /// Failed attempts in a row after which one of several addresses is left out. Default 3.
    pub address_failures: NonZeroU32,
    /// Failed attempts in a row after which a module is not asked for a while; 0 is never. Default 10.
    pub breaker_failures: u32,
    /// How long it is not asked the first time, in milliseconds; each try that fails after that doubles it, up to ten
    /// seconds. Default 2000.
    pub breaker_pause_milliseconds: NonZeroU32,
}

const fn whole(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).expect("a default is not 0")
}

impl Default for RemoteConfig {
    fn default() -> Self {
        Self {
            attempts: whole(3),
            retry_percent: 20,
            connect_timeout_milliseconds: whole(1000),
            connections: NonZeroUsize::new(256).expect("it is not 0"),
            address_failures: whole(3),
            breaker_failures: 10,
            breaker_pause_milliseconds: whole(2000),
        }
    }
}

impl RemoteConfig {
    /// One attempt, whatever happened before: for commands, whose user tries again.
    pub(super) fn once() -> Self {
        Self { attempts: NonZeroU32::MIN, breaker_failures: 0, ..Self::default() }
    }

    pub(super) fn connect_timeout(&self) -> Duration {
        Duration::from_millis(self.connect_timeout_milliseconds.get().into())
    }

    pub(super) fn breaker_pause(&self) -> Duration {
        Duration::from_millis(self.breaker_pause_milliseconds.get().into())
    }
}

//! `[entitlement]` of `tessera.toml`.

use std::time::Duration;

use serde::Deserialize;

/// Settings of the built-in entitlement.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EntitlementConfig {
    /// How long a stream slot is held without a heartbeat, in seconds. Default 60; a beat is asked for after a third.
    pub lease_seconds: u32,
    /// Streams at once of an account that watches what is free and has no grant. Default 2.
    pub free_streams: u32,
}

impl Default for EntitlementConfig {
    fn default() -> Self {
        Self { lease_seconds: 60, free_streams: 2 }
    }
}

impl EntitlementConfig {
    /// How long a slot is held.
    pub(crate) fn lease(&self) -> Duration {
        Duration::from_secs(self.lease_seconds.max(3).into())
    }

    /// When to renew: two beats may be lost.
    pub(crate) fn renew_after_seconds(&self) -> u32 {
        self.lease_seconds.max(3) / 3
    }
}

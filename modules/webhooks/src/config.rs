//! `[webhooks]` of `tessera.toml`.

use std::time::Duration;

use ipnet::IpNet;
use serde::Deserialize;

/// Settings of the built-in webhooks.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhooksConfig {
    /// Private networks that addresses may be of, such as `["10.0.0.0/8"]`. Default: none, only the public Internet.
    pub networks: Vec<IpNet>,
    /// Whether an address may be `http`, which anybody on the way can read. Default false.
    pub allow_http: bool,
    /// Addresses of a tenant at most. Default 20.
    pub endpoints_per_tenant: u32,
    /// Calls at a time, of all tenants together. Default 32.
    pub concurrent_calls: usize,
    /// Calls of one address at a time. Default 4.
    pub concurrent_calls_per_endpoint: usize,
    /// Seconds that an address may take to answer. Default 15.
    pub answer_seconds: u32,
    /// Hours after which a delivery is given up. Default 72.
    pub give_up_hours: u32,
    /// Days of nothing but failures after which an address is disabled. Default 5.
    pub disable_days: u32,
    /// Days that deliveries are kept once they have ended. Default 30.
    pub keep_days: u32,
}

impl Default for WebhooksConfig {
    fn default() -> Self {
        Self {
            networks: Vec::new(),
            allow_http: false,
            endpoints_per_tenant: 20,
            concurrent_calls: 32,
            concurrent_calls_per_endpoint: 4,
            answer_seconds: 15,
            give_up_hours: 72,
            disable_days: 5,
            keep_days: 30,
        }
    }
}

const HOUR: u64 = 3600;

impl WebhooksConfig {
    pub(crate) fn answer(&self) -> Duration {
        Duration::from_secs(u64::from(self.answer_seconds.max(1)))
    }

    pub(crate) fn give_up(&self) -> Duration {
        Duration::from_secs(HOUR * u64::from(self.give_up_hours))
    }

    pub(crate) fn disable(&self) -> Duration {
        Duration::from_secs(24 * HOUR * u64::from(self.disable_days))
    }

    pub(crate) fn kept(&self) -> Duration {
        Duration::from_secs(24 * HOUR * u64::from(self.keep_days.max(1)))
    }
}

//! `[audit]` of `tessera.toml`.

use std::time::Duration;

use serde::Deserialize;

/// Settings of the built-in audit.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuditConfig {
    /// Days that a record is kept, at least 1. Default 400, a year and a month.
    pub days: u32,
}

impl Default for AuditConfig {
    fn default() -> Self {
        Self { days: 400 }
    }
}

impl AuditConfig {
    /// How long a record is kept.
    pub(crate) fn kept(&self) -> Duration {
        Duration::from_secs(24 * 3600 * u64::from(self.days.max(1)))
    }
}

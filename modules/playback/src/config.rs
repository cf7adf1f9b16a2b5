//! `[playback]` of `tessera.toml`.

use std::time::Duration;

use serde::Deserialize;

/// Settings of the built-in playback.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PlaybackConfig {
    /// How long to wait for another module before a start or a beat is refused as unavailable, in milliseconds.
    /// Default 3000.
    pub module_timeout_milliseconds: u32,
    /// How long to wait for the position to resume from, in milliseconds; a start without an answer begins at the
    /// beginning. Default 150.
    pub resume_timeout_milliseconds: u32,
    /// What a device that tells no name is called where a person reads it. Default `Unknown device`.
    pub default_device_name: String,
    /// Days to keep sessions that have ended; at least 3, longer than a start's idempotency key is kept. Default 7.
    pub keep_ended_days: u32,
}

impl Default for PlaybackConfig {
    fn default() -> Self {
        Self {
            module_timeout_milliseconds: 3000,
            resume_timeout_milliseconds: 150,
            default_device_name: "Unknown device".into(),
            keep_ended_days: 7,
        }
    }
}

impl PlaybackConfig {
    pub(crate) fn module_timeout(&self) -> Duration {
        Duration::from_millis(self.module_timeout_milliseconds.max(1).into())
    }

    pub(crate) fn resume_timeout(&self) -> Duration {
        Duration::from_millis(self.resume_timeout_milliseconds.into())
    }

    /// A replay of a start must find its session for as long as the key is kept.
    pub(crate) fn keep_ended(&self) -> Duration {
        Duration::from_secs(u64::from(self.keep_ended_days.max(3)) * 24 * 60 * 60)
    }
}

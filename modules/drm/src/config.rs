//! `[drm]` of `tessera.toml`.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

/// Settings of the built-in DRM.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DrmConfig {
    /// How long a session may go on fetching licences, in seconds, 60 to 86400. A title's window that ends earlier ends
    /// it too. Default 21600 (6 h): a long film and its pauses.
    #[serde(rename = "token_seconds", deserialize_with = "a_minute_to_a_day")]
    pub token: Duration,
    /// Where players fetch ClearKey licences: a path at the tenant's host, or a URL. Default `/drm/v1/clearkey`.
    pub clearkey_url: String,
}

impl Default for DrmConfig {
    fn default() -> Self {
        Self { token: Duration::from_secs(6 * 60 * 60), clearkey_url: "/drm/v1/clearkey".into() }
    }
}

fn a_minute_to_a_day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    match u64::deserialize(deserializer)? {
        seconds @ 60..=86_400 => Ok(Duration::from_secs(seconds)),
        other => Err(de::Error::custom(format!("a licence token lives 60 to 86400 seconds, got {other}"))),
    }
}

//! `[retention]` of `tessera.toml`: how long what nobody needs any more is kept.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de};
use tessera_store::Retention;

/// Days that rows are kept, each at least 1.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RetentionConfig {
    /// Answers under idempotency keys: a client may repeat a request for this long. Default 2.
    #[serde(deserialize_with = "days")]
    idempotency_days: u32,
    /// Events that every consumer has read. Default 14.
    #[serde(deserialize_with = "days")]
    events_days: u32,
    /// Events that a consumer has not read. Then they go all the same, and the log names the consumer. Default 90.
    #[serde(deserialize_with = "days")]
    unread_events_days: u32,
    /// Events that a consumer could not handle and that wait for somebody. Default 90.
    #[serde(deserialize_with = "days")]
    parked_days: u32,
    /// Jobs that are done or dead. Default 30.
    #[serde(deserialize_with = "days")]
    jobs_days: u32,
}

impl Default for RetentionConfig {
    fn default() -> Self {
        Self { idempotency_days: 2, events_days: 14, unread_events_days: 90, parked_days: 90, jobs_days: 30 }
    }
}

impl RetentionConfig {
    /// What stores are swept by.
    pub(crate) fn of_stores(&self) -> Retention {
        let days = |days: u32| Duration::from_secs(24 * 60 * 60 * u64::from(days));
        Retention {
            idempotency: days(self.idempotency_days),
            events: days(self.events_days),
            unread_events: days(self.unread_events_days),
            parked: days(self.parked_days),
            jobs: days(self.jobs_days),
        }
    }
}

fn days<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match u32::deserialize(deserializer)? {
        0 => Err(de::Error::custom("at least 1 day")),
        days => Ok(days),
    }
}

//! Durations in configuration: a number of seconds, whole or with a fraction, in a field whose name ends in `_seconds`.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let seconds = f64::deserialize(deserializer)?;
    Duration::try_from_secs_f64(seconds).map_err(|e| de::Error::custom(format!("{seconds} seconds: {e}")))
}

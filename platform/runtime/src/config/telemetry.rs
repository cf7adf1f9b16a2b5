//! `[telemetry]`: what becomes of traces.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

/// How long a process remembers what it did, and who else hears of it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TelemetryConfig {
    /// Megabytes of spans that are kept in memory for `tessera trace`; the oldest make room. 0 keeps none. Default 16: about
    /// 60,000 spans.
    pub kept_megabytes: u16,
    /// How long they are kept, in minutes. Default 60.
    pub kept_minutes: u16,
    /// A collector of OpenTelemetry, to which spans go by OTLP over HTTP: `http://127.0.0.1:4318`. Default: none.
    #[serde(deserialize_with = "collector")]
    pub otlp: Option<String>,
    /// The part of the traces which begin here that goes to the collector, 0 to 1. Whoever sends a `traceparent` has decided
    /// that already. Default 1.
    #[serde(deserialize_with = "ratio")]
    pub sampled: f64,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self { kept_megabytes: 16, kept_minutes: 60, otlp: None, sampled: 1.0 }
    }
}

impl TelemetryConfig {
    /// See [`Self::kept_minutes`].
    pub fn kept(&self) -> Duration {
        Duration::from_secs(60 * u64::from(self.kept_minutes))
    }
}

fn collector<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    let is_address = |url: &reqwest::Url| {
        matches!(url.scheme(), "http" | "https") && url.has_host() && url.query().is_none() && url.fragment().is_none()
    };
    match reqwest::Url::parse(&text).is_ok_and(|url| is_address(&url)) {
        true => Ok(Some(text.trim_end_matches('/').to_owned())),
        false => Err(de::Error::custom(format!("{text:?} is not an address such as http://127.0.0.1:4318"))),
    }
}

fn ratio<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    match f64::deserialize(deserializer)? {
        ratio if (0.0..=1.0).contains(&ratio) => Ok(ratio),
        other => Err(de::Error::custom(format!("{other} is not a part of the whole, 0 to 1"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, parse};

    #[derive(Debug, Default, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Root {
        telemetry: TelemetryConfig,
    }

    #[test]
    fn a_collector_is_an_address_and_a_part_is_a_part() {
        let read = |text: &str| {
            let root = parse::<Root>("tessera.toml", &format!("[telemetry]\n{text}\n"), &Environment::default());
            root.map(|root| root.telemetry).map_err(|error| error.to_string())
        };
        let config = read("otlp = \"http://collector:4318/\"\nsampled = 0.1").unwrap();
        assert_eq!((config.otlp.as_deref(), config.sampled), (Some("http://collector:4318"), 0.1));
        assert_eq!(read("").unwrap(), TelemetryConfig::default());
        assert!(read("otlp = \"collector:4318\"").unwrap_err().contains("is not an address"));
        assert!(read("sampled = 1.5").unwrap_err().contains("0 to 1"));
    }
}

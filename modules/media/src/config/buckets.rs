//! `[media.pull_buckets.<tenant>.<bucket>]`: the buckets of S3 services that a tenant's files may be fetched from.

use std::collections::BTreeMap;

use ipnet::IpNet;
use reqwest::Url;
use serde::{Deserialize, Deserializer, de};
use tessera_runtime::config::Secret;
use tessera_types::TenantId;

/// Buckets by tenant and name: what one tenant was given no other reads.
pub type Buckets = BTreeMap<TenantId, BTreeMap<String, BucketConfig>>;

/// A bucket, and how it is read.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BucketConfig {
    /// The service, `http` or `https`, such as `https://s3.eu-central-1.amazonaws.com`.
    #[serde(deserialize_with = "endpoint")]
    pub endpoint: Url,
    /// The region that requests are signed for; services that have none take `us-east-1`.
    pub region: String,
    /// Who reads it; `s3:GetObject` is all that is asked for.
    pub access_key_id: String,
    /// That one's secret: the text, or `{ file = "…" }` or `{ env = "…" }` that hold it.
    pub secret_access_key: Secret<String>,
    /// Whether the bucket is a label of the host's name and not the first part of the path. Default false.
    #[serde(default)]
    pub virtual_host: bool,
    /// Networks beside the public Internet that the service may be in: for this bucket alone. Default none.
    #[serde(default)]
    pub networks: Vec<IpNet>,
}

/// Whether a bucket may be called that: it becomes a label of a host's name, or a part of a path.
pub(crate) fn is_name(name: &str) -> bool {
    let sound = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._".contains(&b);
    (3..=63).contains(&name.len())
        && name.bytes().all(sound)
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && !name.contains("..")
}

pub(super) fn named<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Buckets, D::Error> {
    let buckets = Buckets::deserialize(deserializer)?;
    match buckets.values().flat_map(BTreeMap::keys).find(|name| !is_name(name)) {
        None => Ok(buckets),
        Some(name) => {
            let rule = "a bucket's name is 3 to 63 of a-z, 0-9, '.', '-' and '_'";
            Err(de::Error::custom(format!("{rule}, got {name:?}")))
        }
    }
}

fn endpoint<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Url, D::Error> {
    let text = String::deserialize(deserializer)?;
    let url = Url::parse(&text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let plain = |url: &Url| url.username().is_empty() && url.password().is_none() && url.query().is_none();
    url.filter(plain).ok_or_else(|| {
        de::Error::custom(format!("an endpoint is an http or https address without a user or a query, got {text:?}"))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::MediaConfig;

    fn config(bucket: &str, change: (&str, Value)) -> Result<MediaConfig, String> {
        let mut written = json!({"endpoint": "https://s3.example", "region": "eu-central-1", "access_key_id": "AK",
            "secret_access_key": "not to be seen"});
        written[change.0] = change.1;
        let config = json!({"pull_buckets": {"acme": {bucket: written}}});
        serde_json::from_value(config).map_err(|error| error.to_string())
    }

    #[test]
    fn a_bucket_is_its_tenants_alone_and_its_secret_never_prints() {
        let config = config("films.2026", ("networks", json!(["10.0.0.0/8"]))).unwrap();
        assert!(config.bucket_of(&"acme".parse().unwrap(), "films.2026").is_some());
        assert!(config.bucket_of(&"acme".parse().unwrap(), "films").is_none());
        assert!(config.bucket_of(&"globex".parse().unwrap(), "films.2026").is_none());
        assert!(!format!("{config:?}").contains("not to be seen"));
    }

    #[test]
    fn what_is_no_bucket_or_endpoint_is_refused() {
        for (bucket, field, value, says) in [
            ("films", "endpoint", json!("s3.example"), "an endpoint is"),
            ("films", "endpoint", json!("ftp://s3.example"), "an endpoint is"),
            ("films", "endpoint", json!("https://u:p@s3.example"), "an endpoint is"),
            ("films", "prefix", json!("a/"), "unknown field"),
            ("Films", "region", json!("x"), "a bucket's name is"),
            ("a/b", "region", json!("x"), "a bucket's name is"),
            ("a..b", "region", json!("x"), "a bucket's name is"),
        ] {
            let error = config(bucket, (field, value)).unwrap_err();
            assert!(error.contains(says) && !error.contains("not to be seen"), "{bucket} {field}: {error}");
        }
    }
}

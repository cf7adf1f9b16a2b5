//! `[delivery]` of `tessera.toml`.

use std::{collections::BTreeMap, num::NonZeroUsize};

use serde::{Deserialize, Deserializer, de};

/// The tier that every deployment has: every rendition.
pub(crate) const STANDARD: &str = "standard";

/// Settings of the built-in delivery.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeliveryConfig {
    /// How long a signed URL holds at least, in seconds. Default 21600 (6 h).
    pub url_seconds: u64,
    /// Expiries are rounded up to a multiple of this, in seconds, at least 1, so that viewers share URLs and caches.
    /// Default 3600.
    #[serde(deserialize_with = "positive")]
    pub url_step_seconds: u64,
    /// Length of a media segment, in seconds, 1 to 30; segments end on group-of-pictures boundaries near it. Default 4.
    #[serde(deserialize_with = "one_to_thirty")]
    pub segment_seconds: u32,
    /// How long caches may keep a manifest, in seconds. Segments may be kept for ever. Default 60.
    pub manifest_seconds: u32,
    /// Where players fetch ClearKey licences, as manifests name it: a path at the tenant's host, or a URL. Default
    /// `/drm/v1/clearkey`.
    pub clearkey_url: String,
    /// Tiers besides `standard`, which has every rendition: `mobile = { max_height = 480 }`. Default: none.
    pub tiers: BTreeMap<String, Tier>,
    /// Segments packaged at once at most; further requests wait. Default: twice the processors.
    pub packagers: NonZeroUsize,
    /// Memory for indexes, with their content keys, in megabytes. Default 256.
    pub index_cache_megabytes: u64,
    /// Memory for posters, in megabytes. Default 32.
    pub poster_cache_megabytes: u64,
}

/// What viewers of a tier may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    /// The tallest rendition, in pixels. Where an asset has none so small, its smallest.
    pub max_height: u32,
}

impl Default for DeliveryConfig {
    fn default() -> Self {
        let processors = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self {
            url_seconds: 6 * 60 * 60,
            url_step_seconds: 60 * 60,
            segment_seconds: 4,
            manifest_seconds: 60,
            clearkey_url: "/drm/v1/clearkey".into(),
            tiers: BTreeMap::new(),
            packagers: processors.saturating_mul(NonZeroUsize::MIN.saturating_add(1)),
            index_cache_megabytes: 256,
            poster_cache_megabytes: 32,
        }
    }
}

impl DeliveryConfig {
    /// The tallest rendition of a tier: `Some(None)` is every one, `None` is no tier.
    pub(crate) fn max_height(&self, tier: &str) -> Option<Option<u32>> {
        match self.tiers.get(tier) {
            Some(tier) => Some(Some(tier.max_height)),
            None => (tier == STANDARD).then_some(None),
        }
    }
}

fn positive<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let seconds = u64::deserialize(deserializer)?;
    if seconds == 0 { Err(de::Error::custom("expected 1 second or more")) } else { Ok(seconds) }
}

fn one_to_thirty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match u32::deserialize(deserializer)? {
        seconds @ 1..=30 => Ok(seconds),
        other => Err(de::Error::custom(format!("a segment is 1 to 30 seconds long, got {other}"))),
    }
}

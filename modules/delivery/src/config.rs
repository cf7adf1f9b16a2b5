//! `[delivery]` of `tessera.toml`.

use std::{collections::BTreeMap, num::NonZeroUsize};

use serde::{Deserialize, Deserializer, de};
use tessera_types::Territory;

use crate::signalling::Signalling;

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
    /// What viewers in a territory may have at the most, whatever their tier: `CH = { max_height = 1080 }`. Default: none.
    pub territories: BTreeMap<Territory, Tier>,
    /// How protected assets are encrypted, and which DRM systems are told of it.
    pub drm: Signalling,
    /// Segments packaged at once at most; further requests wait. Default: twice the processors.
    pub packagers: NonZeroUsize,
    /// Memory for indexes, with their content keys, in megabytes. Default 256.
    pub index_cache_megabytes: u64,
    /// Memory for posters, in megabytes. Default 32.
    pub poster_cache_megabytes: u64,
    /// Memory for packaged segments, in megabytes: those that are being sent, and for up to half of it those that may be
    /// asked for again. When it is full, answers are made in small pieces as they are sent. Default 64.
    pub segment_cache_megabytes: u64,
}

/// What viewers of a tier, or in a territory, may have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tier {
    /// The tallest rendition, in pixels. Where an asset has none so small, its smallest. Default: any.
    pub max_height: Option<u32>,
    /// The only codings, such as `["avc1", "mp4a"]`; besides there are `hvc1`, `av01`, `ac-3`, `ec-3` and `opus`. Default: any.
    pub codecs: Option<Vec<String>>,
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
            territories: BTreeMap::new(),
            drm: Signalling::default(),
            packagers: processors.saturating_mul(NonZeroUsize::MIN.saturating_add(1)),
            index_cache_megabytes: 256,
            poster_cache_megabytes: 32,
            segment_cache_megabytes: 64,
        }
    }
}

impl DeliveryConfig {
    /// What a tier may have: `Some(None)` is everything, `None` is no tier.
    pub(crate) fn tier(&self, tier: &str) -> Option<Option<&Tier>> {
        match self.tiers.get(tier) {
            Some(tier) => Some(Some(tier)),
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

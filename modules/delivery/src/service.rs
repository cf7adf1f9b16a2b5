//! The contract: an asset's route, signed.

use std::{collections::BTreeSet, sync::Arc};

use tessera_contract::{Cx, Failure, async_trait};
use tessera_contract_delivery::{Delivery, DeliveryError, Route, RouteRequest, Source};
use tessera_contract_media::Protection;
use tokio::sync::Semaphore;

use crate::{
    DeliveryDeps,
    allowance::Allowance,
    beside::Beside,
    config::DeliveryConfig,
    library::{Library, MEGABYTE},
    segment_cache::SegmentCache,
    signalling::{Encryption, KeyDivision},
    signature::{self, Pass},
};

/// Codings that a route may name.
const MOST_CODECS: usize = 16;

/// The built-in delivery.
pub struct DeliveryService {
    pub(crate) config: DeliveryConfig,
    pub(crate) library: Library,
    pub(crate) beside: Beside,
    pub(crate) packagers: Arc<Semaphore>,
    pub(crate) segments: SegmentCache,
}

impl DeliveryService {
    pub(crate) fn new(config: DeliveryConfig, deps: DeliveryDeps) -> Self {
        let packagers = Arc::new(Semaphore::new(config.packagers.get().min(Semaphore::MAX_PERMITS)));
        let segments = SegmentCache::new(config.segment_cache_megabytes.saturating_mul(MEGABYTE));
        Self { library: Library::new(&config, deps), beside: Beside::new(&config), packagers, segments, config }
    }
}

impl DeliveryService {
    /// Sets the gauges of what is packaged and held now, for metrics.
    pub fn look(&self) {
        let most = self.config.packagers.get();
        let busy = most.saturating_sub(self.packagers.available_permits());
        metrics::gauge!("tessera_delivery_packagers_busy").set(busy as f64);
        metrics::gauge!("tessera_delivery_packagers_limit").set(most as f64);
        let (bytes, limit) = self.segments.used();
        metrics::gauge!("tessera_delivery_segment_bytes").set(bytes as f64);
        metrics::gauge!("tessera_delivery_segment_bytes_limit").set(limit as f64);
    }
}

#[async_trait]
impl Delivery for DeliveryService {
    async fn route(&self, cx: &Cx, request: RouteRequest) -> Result<Route, DeliveryError> {
        let RouteRequest { asset_id: asset, tier, territory, max_height, codecs } = request;
        if self.config.tier(&tier).is_none() {
            let detail = format!(
                "there is no tier {:?}; configure it under delivery.tiers",
                tier.chars().take(64).collect::<String>()
            );
            return Err(Failure::invalid("tier", detail).into());
        }
        let codecs = codecs.map(checked_codecs).transpose()?;
        let descriptor = self.library.descriptor(cx, &asset).await?;
        let deps = self.library.deps();
        let expires_at = signature::expires_at(deps.clock.now(), self.config.url_seconds, self.config.url_step_seconds);
        let (tenant, expires) = (cx.tenant.clone(), expires_at.as_seconds());
        let pass = Pass { tenant, asset: asset.clone(), tier, territory, max_height, codecs, expires };
        let base = format!("/delivery/v1/o/{}/{asset}", signature::sign(&deps.url_keys, &pass));
        let origin = Source {
            name: "origin".into(),
            hls_url: format!("{base}/master.m3u8").into(),
            dash_url: format!("{base}/manifest.mpd").into(),
        };
        let encrypted = descriptor.protection == Protection::Cbcs;
        let key_labels = if encrypted { self.key_labels(cx, &pass).await? } else { None };
        Ok(Route { sources: vec![origin], encrypted, key_labels, expires_at })
    }
}

impl DeliveryService {
    /// Labels of the keys that the tracks which `pass` allows are under; `None` for all of the asset's.
    async fn key_labels(&self, cx: &Cx, pass: &Pass) -> Result<Option<Vec<String>>, DeliveryError> {
        let allowance = Allowance::of(&self.config, pass).filter(|allowed| !allowed.is_everything());
        let divided = self.config.drm.keys == KeyDivision::Resolution;
        let Some(allowance) = allowance.filter(|_| divided) else { return Ok(None) };
        let asset = self.library.asset(cx, &pass.asset).await?;
        let tracks = allowance.of_tracks(&asset.stock.tracks);
        let of = |scheme| tracks.iter().filter_map(move |track| self.config.drm.keys.label(scheme, &track.index.kind));
        let labels: BTreeSet<String> = of(Encryption::Cbcs).chain(of(Encryption::Cenc)).collect();
        Ok(Some(labels.into_iter().collect()))
    }
}

/// The codings of a request, in one order, so that who may have the same has the same URL.
fn checked_codecs(codecs: Vec<String>) -> Result<Vec<String>, Failure> {
    let plain = |codec: &String| {
        (1..=16).contains(&codec.len()) && codec.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    match codecs.len() <= MOST_CODECS && codecs.iter().all(plain) {
        true => Ok(codecs.into_iter().collect::<BTreeSet<_>>().into_iter().collect()),
        false => {
            let detail = format!("at most {MOST_CODECS} names of sample entries, such as avc1 and mp4a");
            Err(Failure::invalid("codecs", detail))
        }
    }
}

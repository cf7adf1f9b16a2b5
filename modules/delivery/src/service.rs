//! The contract: an asset's route, signed.

use std::sync::Arc;

use tessera_contract::{Cx, Failure, async_trait};
use tessera_contract_delivery::{Delivery, DeliveryError, Route, RouteRequest, Source};
use tessera_contract_media::Protection;
use tokio::sync::Semaphore;

use crate::{
    DeliveryDeps,
    beside::Beside,
    config::DeliveryConfig,
    library::Library,
    signature::{self, Pass},
};

/// The built-in delivery.
pub struct DeliveryService {
    pub(crate) config: DeliveryConfig,
    pub(crate) library: Library,
    pub(crate) beside: Beside,
    pub(crate) packagers: Arc<Semaphore>,
}

impl DeliveryService {
    pub(crate) fn new(config: DeliveryConfig, deps: DeliveryDeps) -> Self {
        let packagers = Arc::new(Semaphore::new(config.packagers.get().min(Semaphore::MAX_PERMITS)));
        Self { library: Library::new(&config, deps), beside: Beside::new(&config), packagers, config }
    }
}

impl DeliveryService {
    /// Sets the gauges of what is packaged now, for metrics.
    pub fn look(&self) {
        let most = self.config.packagers.get();
        let busy = most.saturating_sub(self.packagers.available_permits());
        metrics::gauge!("tessera_delivery_packagers_busy").set(busy as f64);
        metrics::gauge!("tessera_delivery_packagers_limit").set(most as f64);
    }
}

#[async_trait]
impl Delivery for DeliveryService {
    async fn route(&self, cx: &Cx, request: RouteRequest) -> Result<Route, DeliveryError> {
        let RouteRequest { asset_id: asset, tier, territory } = request;
        if self.config.max_height(&tier).is_none() {
            let detail = format!(
                "there is no tier {:?}; configure it under delivery.tiers",
                tier.chars().take(64).collect::<String>()
            );
            return Err(Failure::invalid("tier", detail).into());
        }
        let descriptor = self.library.descriptor(cx, &asset).await?;
        let deps = self.library.deps();
        let expires_at = signature::expires_at(deps.clock.now(), self.config.url_seconds, self.config.url_step_seconds);
        let pass =
            Pass { tenant: cx.tenant.clone(), asset: asset.clone(), tier, territory, expires: expires_at.as_seconds() };
        let base = format!("/delivery/v1/o/{}/{asset}", signature::sign(&deps.url_keys, &pass));
        let origin = Source {
            name: "origin".into(),
            hls_url: format!("{base}/master.m3u8").into(),
            dash_url: format!("{base}/manifest.mpd").into(),
        };
        Ok(Route { sources: vec![origin], encrypted: descriptor.protection == Protection::Cbcs, expires_at })
    }
}

//! Every contract's implementation, wherever it is, for whoever serves its operations.

use std::sync::Arc;

use tessera_contract::{Api, Contract};
use tessera_contract_audit::{Audit, AuditIntake};
use tessera_contract_billing::{Billing, BillingManagement};
use tessera_contract_catalog::{Catalog, CatalogManagement};
use tessera_contract_delivery::Delivery;
use tessera_contract_drm::Drm;
use tessera_contract_entitlement::Entitlement;
use tessera_contract_identity::{Identity, IdentityEdge, IdentityManagement};
use tessera_contract_media::Media;
use tessera_contract_payment_gateway::{CardVault, PaymentGateway};
use tessera_contract_playback::PlaybackSessions;
use tessera_contract_tenancy::{Tenancy, TenancyManagement, TenancyPlatform};
use tessera_contract_viewers::Viewers;
use tessera_contract_webhooks::Webhooks;

use crate::{deployment::Deployment, modules::Part};

/// The operations that a process serves: of its own modules, and a front everybody's. Implementations are bare: their
/// rules are applied where they are called.
pub(crate) fn apis(deployment: &Deployment) -> Vec<Api> {
    let serving = Serving(deployment);
    let m = deployment.modules.clone();
    [
        serving.api::<dyn Audit>(Part::Audit, m.audit.clone().map(|s| s as _)),
        serving.api::<dyn AuditIntake>(Part::Audit, m.audit.map(|s| s as _)),
        serving.api::<dyn Billing>(Part::Billing, m.billing.clone().map(|s| s as _)),
        serving.api::<dyn BillingManagement>(Part::Billing, m.billing.map(|s| s as _)),
        serving.api::<dyn Catalog>(Part::Catalog, m.catalog.clone().map(|s| s as _)),
        serving.api::<dyn CatalogManagement>(Part::Catalog, m.catalog.map(|s| s as _)),
        serving.api::<dyn Delivery>(Part::Delivery, m.delivery.map(|s| s as _)),
        serving.api::<dyn Drm>(Part::Drm, m.drm.map(|s| s as _)),
        m.entitlement.filter(|_| serving.is_served(Part::Entitlement)).map(|s| <dyn Entitlement>::api(s)),
        serving.api::<dyn Identity>(Part::Identity, m.identity.clone().map(|s| s as _)),
        serving.api::<dyn IdentityEdge>(Part::Identity, m.identity.clone().map(|s| s as _)),
        serving.api::<dyn IdentityManagement>(Part::Identity, m.identity.map(|s| s as _)),
        serving.api::<dyn Media>(Part::Media, m.media.map(|s| s as _)),
        serving.api::<dyn PaymentGateway>(Part::SandboxGateway, m.gateway.clone().map(|s| s as _)),
        serving.api::<dyn CardVault>(Part::SandboxGateway, m.gateway.map(|s| s as _)),
        serving.api::<dyn PlaybackSessions>(Part::Playback, m.playback.map(|s| s as _)),
        serving.api::<dyn Tenancy>(Part::Tenancy, m.brands.clone().map(|s| s as _)),
        serving.api::<dyn TenancyManagement>(Part::Tenancy, m.brands.map(|s| s as _)),
        serving.api::<dyn TenancyPlatform>(Part::Tenancy, m.platform.map(|s| s as _)),
        serving.api::<dyn Viewers>(Part::Viewers, m.viewers.map(|s| s as _)),
        serving.api::<dyn Webhooks>(Part::Webhooks, m.webhooks.map(|s| s as _)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

struct Serving<'a>(&'a Deployment);

impl Serving<'_> {
    fn api<C: Contract + ?Sized>(&self, part: Part, built_in: Option<Arc<C>>) -> Option<Api> {
        let Self(deployment) = self;
        let served = match deployment.here.has(Part::Front) {
            true => deployment.elsewhere.or(part, built_in),
            false => built_in.filter(|_| deployment.here.has(part)),
        };
        served.map(C::api)
    }

    fn is_served(&self, part: Part) -> bool {
        self.0.here.has(Part::Front) || self.0.here.has(part)
    }
}

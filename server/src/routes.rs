//! Everything the process serves, under its paths.

use std::sync::Arc;

use axum::{Json, Router, extract::State, http::request::Parts, response::IntoResponse, routing::get};
use serde_json::{Value, json};
use tessera_contract::{Api, Authenticate, Contract, Problem, sent_request_id};
use tessera_contract_audit::Audit;
use tessera_contract_billing::{Billing, BillingManagement};
use tessera_contract_catalog::{Catalog, CatalogManagement};
use tessera_contract_delivery::Delivery;
use tessera_contract_drm::Drm;
use tessera_contract_entitlement::Entitlement;
use tessera_contract_identity::{Identity, IdentityManagement};
use tessera_contract_media::Media;
use tessera_contract_payment_gateway::{CardVault, PaymentGateway};
use tessera_contract_playback::PlaybackSessions;
use tessera_contract_tenancy::{Brand, GetBrand, Tenancy, TenancyError, TenancyManagement, TenancyPlatform};
use tessera_contract_viewers::Viewers;
use tessera_contract_webhooks::Webhooks;
use tessera_identity::FIRST_PARTY;
use tessera_runtime::{
    config::ServerConfig,
    docs_page,
    edge::{Edge, TenantOfHost},
    http::Server,
    telemetry::Metrics,
};

use crate::{app, deployment::Deployment};

/// Paths whose changes count against the stricter quota.
const SENSITIVE: &[&str] = &[
    "/identity/sign-in",
    "/identity/sign-up",
    "/identity/oauth/token",
    "/billing/v1/checkouts",
    "/payment-gateway/v1/tokens",
];

/// The whole server.
pub(crate) fn server(config: &ServerConfig, deployment: &Deployment, metrics: Metrics) -> Server {
    let edge = deployment.edge.clone();
    let apis = apis(deployment);
    let documents = apis.iter().map(|api| (api.info.name.to_owned(), api.document.clone())).collect();
    let authenticate: Arc<dyn Authenticate> = edge.clone();
    let mut server = Server::new(config, metrics);
    for api in apis {
        server = server.mount(api.info.mount, api.into_router(authenticate.clone()));
    }
    let identity = deployment.identity.routes(edge.clone());
    let looks = Looks { edge: edge.clone(), brands: <dyn Tenancy>::guarded(deployment.brands.clone()) };
    server = server
        .mount("identity", identity.mounted)
        .merge(identity.root)
        .mount("media", deployment.media.router(authenticate))
        .mount("drm", deployment.drm.clone().router(edge.clone()))
        .mount("delivery", deployment.delivery.clone().router(edge.clone()))
        .mount("tenancy", deployment.brands.clone().router(edge.clone()))
        .mount("tenancy", deployment.platform.clone().router(edge.clone()))
        .merge(docs_page::router("Tessera", documents, Some(tessera_contracts::asyncapi_document())))
        .merge(app_config(looks.clone()))
        .fallback(app::router(looks))
        .sensitive(SENSITIVE);
    for store in deployment.stores() {
        let name = store.module().name;
        server = server.ready_when(name, move || {
            let store = store.clone();
            async move { store.ping().await }
        });
    }
    server
}

/// Every contract's implementation, bare: its rules are applied where it is called.
fn apis(deployment: &Deployment) -> Vec<Api> {
    vec![
        <dyn Audit>::api(deployment.audit.clone()),
        <dyn Billing>::api(deployment.billing.clone()),
        <dyn BillingManagement>::api(deployment.billing.clone()),
        <dyn Catalog>::api(deployment.catalog.clone()),
        <dyn CatalogManagement>::api(deployment.catalog.clone()),
        <dyn Delivery>::api(deployment.delivery.clone()),
        <dyn Drm>::api(deployment.drm.clone()),
        <dyn Entitlement>::api(deployment.entitlement.clone()),
        <dyn Identity>::api(deployment.identity.clone()),
        <dyn IdentityManagement>::api(deployment.identity.clone()),
        <dyn Media>::api(deployment.media.clone()),
        <dyn PaymentGateway>::api(deployment.gateway.clone()),
        <dyn CardVault>::api(deployment.gateway.clone()),
        <dyn PlaybackSessions>::api(deployment.playback.clone()),
        <dyn Tenancy>::api(deployment.brands.clone()),
        <dyn TenancyManagement>::api(deployment.brands.clone()),
        <dyn TenancyPlatform>::api(deployment.platform.clone()),
        <dyn Viewers>::api(deployment.viewers.clone()),
        <dyn Webhooks>::api(deployment.webhooks.clone()),
    ]
}

/// Who can say how a tenant looks.
#[derive(Clone)]
pub(crate) struct Looks {
    pub(crate) edge: Arc<Edge>,
    pub(crate) brands: Arc<dyn Tenancy>,
}

impl Looks {
    /// The brand of the tenant whose host the request names.
    pub(crate) async fn of(&self, head: &Parts) -> Result<Brand, TenancyError> {
        let cx = self.edge.visitor(head).await?;
        self.brands.get_brand(&cx.as_service("viewer"), GetBrand {}).await
    }
}

/// What the viewer app learns at run time, so that another tenant, issuer or client needs no other build.
fn app_config(looks: Looks) -> Router {
    let handler = async |State(looks): State<Looks>, head: Parts| match config_of(&looks, &head).await {
        Ok(config) => Json(config).into_response(),
        Err(error) => Problem::of(&error, &sent_request_id(&head.headers)).into_response(),
    };
    Router::new().route("/app/config.json", get(handler)).with_state(looks)
}

async fn config_of(looks: &Looks, head: &Parts) -> Result<Value, TenancyError> {
    let (tenant, brand) = (looks.edge.tenant(head).await?, looks.of(head).await?);
    let client = looks.edge.client(head)?;
    let scheme = if client.https { "https" } else { "http" };
    Ok(json!({
        "tenant": tenant.id,
        "name": brand.name,
        "logo": brand.logo,
        "support_email": brand.support_email,
        "terms_url": brand.terms_url,
        "privacy_url": brand.privacy_url,
        "issuer": format!("{scheme}://{}", client.authority),
        "client_id": FIRST_PARTY,
        "default_locale": tenant.default_locale,
    }))
}

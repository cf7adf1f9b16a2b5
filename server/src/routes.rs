//! Everything the process serves, under its paths.

use std::sync::Arc;

use axum::{Json, Router, extract::State, http::request::Parts, response::IntoResponse, routing::get};
use serde_json::json;
use tessera_contract::{Api, Authenticate, Contract, Problem, sent_request_id};
use tessera_contract_billing::{Billing, BillingManagement};
use tessera_contract_catalog::{Catalog, CatalogManagement};
use tessera_contract_delivery::Delivery;
use tessera_contract_drm::Drm;
use tessera_contract_entitlement::Entitlement;
use tessera_contract_identity::{Identity, IdentityManagement};
use tessera_contract_media::Media;
use tessera_contract_payment_gateway::{CardVault, PaymentGateway};
use tessera_contract_playback::PlaybackSessions;
use tessera_contract_viewers::Viewers;
use tessera_identity::FIRST_PARTY;
use tessera_runtime::{config::ServerConfig, docs_page, edge::Edge, http::Server, telemetry::Metrics};

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
    server = server
        .mount("identity", identity.mounted)
        .merge(identity.root)
        .mount("media", deployment.media.router(authenticate))
        .mount("drm", deployment.drm.clone().router(edge.clone()))
        .mount("delivery", deployment.delivery.clone().router(edge.clone()))
        .merge(docs_page::router("Tessera", documents))
        .merge(app_config(edge))
        .fallback(app::router())
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
        <dyn Viewers>::api(deployment.viewers.clone()),
    ]
}

/// What the viewer app learns at run time, so that another tenant, issuer or client needs no other build.
fn app_config(edge: Arc<Edge>) -> Router {
    let handler = async |State(edge): State<Arc<Edge>>, head: Parts| match edge.tenant(&head).await {
        Ok(tenant) => {
            let issuer = edge.client(&head).map(|client| {
                let scheme = if client.https { "https" } else { "http" };
                format!("{scheme}://{}", client.authority)
            });
            Json(json!({
                "tenant": tenant.id,
                "name": tenant.display_name,
                "issuer": issuer.unwrap_or_default(),
                "client_id": FIRST_PARTY,
                "default_locale": tenant.default_locale,
            }))
            .into_response()
        }
        Err(failure) => Problem::of_failure(&failure, &sent_request_id(&head.headers)).into_response(),
    };
    Router::new().route("/app/config.json", get(handler)).with_state(edge)
}

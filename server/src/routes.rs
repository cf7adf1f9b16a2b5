//! Everything the process serves, under its paths.

use std::sync::Arc;

use axum::{Json, Router, extract::State, http::request::Parts, response::IntoResponse, routing::get};
use serde_json::{Value, json};
use tessera_contract::{Authenticate, EDGE, Problem, sent_request_id};
use tessera_contract_tenancy::{Brand, GetBrand, Tenancy, TenancyError};
use tessera_identity::FIRST_PARTY;
use tessera_runtime::{
    config::ServerConfig,
    docs_page,
    edge::{Edge, TenantOfHost},
    http::Server,
    telemetry::Metrics,
};

use crate::{app, contracts, deployment::Deployment, feed, front, identity_provider::SignIn, modules::Part};

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
    let apis = contracts::apis(deployment);
    let documents = apis.iter().map(|api| (api.info.name.to_owned(), api.document.clone())).collect();
    let authenticate: Arc<dyn Authenticate> = edge.clone();
    let mut server = Server::new(config, metrics).behind_fronts(deployment.elsewhere.remotes.signer.clone());
    for api in apis {
        if let Some((service, router)) = api.grpc_router(&authenticate) {
            server = server.service(api.info.mount, &service, router);
        }
        server = server.mount(api.info.mount, api.into_router(authenticate.clone()));
    }
    server = beside_operations(server, deployment);
    server = match &deployment.looks {
        Some(brands) => {
            let looks = Looks { edge, brands: brands.clone(), sign_in: deployment.sign_in.clone() };
            front::passed_on(server, deployment)
                .merge(docs_page::router("Tessera", documents, Some(tessera_contracts::asyncapi_document())))
                .merge(app_config(looks.clone()))
                .fallback(app::router(looks))
                .sensitive(SENSITIVE)
        }
        None => server.for_modules_alone(),
    };
    for part in Part::ALL.iter().filter(|part| deployment.here.has(**part)) {
        if let Some(store) = deployment.modules.store(*part) {
            server = server.mount(part.mount(), feed::router(store, part.mount(), authenticate.clone()));
        }
    }
    if [Part::Media, Part::Delivery, Part::Tenancy].iter().any(|part| deployment.here.has(*part)) {
        let blobs = deployment.blobs.clone();
        server = server.ready_when("blobs", move || {
            let blobs = blobs.clone();
            async move { blobs.ping().await }
        });
    }
    for store in deployment.stores() {
        let name = store.module().name;
        server = server.ready_when(name, move || {
            let store = store.clone();
            async move { store.ping().await }
        });
    }
    server
}

/// What the modules here serve that is no operation.
fn beside_operations(mut server: Server, deployment: &Deployment) -> Server {
    let (modules, edge) = (&deployment.modules, &deployment.edge);
    if let Some(identity) = &modules.identity {
        let identity = identity.routes(edge.clone());
        server = server.mount("identity", identity.mounted).merge(identity.root);
    }
    if let Some(media) = &modules.media {
        server = server.mount("media", media.router(edge.clone()));
    }
    if let Some(drm) = &modules.drm {
        server = server.mount("drm", drm.clone().router(edge.clone()));
    }
    if let Some(delivery) = &modules.delivery {
        server = server.mount("delivery", delivery.clone().router(edge.clone()));
    }
    if let Some(brands) = &modules.brands {
        server = server.mount("tenancy", brands.clone().router(edge.clone()));
    }
    if let Some(platform) = &modules.platform {
        server = server.mount("tenancy", platform.clone().router(edge.clone()));
    }
    server
}

/// Who can say how a tenant looks.
#[derive(Clone)]
pub(crate) struct Looks {
    pub(crate) edge: Arc<Edge>,
    pub(crate) brands: Arc<dyn Tenancy>,
    /// Who signs people in.
    pub(crate) sign_in: Arc<SignIn>,
}

impl Looks {
    /// The brand of the tenant whose host the request names.
    pub(crate) async fn of(&self, head: &Parts) -> Result<Brand, TenancyError> {
        let cx = self.edge.visitor(head).await?;
        self.brands.get_brand(&cx.as_service(EDGE), GetBrand {}).await
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
    let (issuer, client_id) = match looks.sign_in.said() {
        Some(provider) => (provider.issuer.clone(), provider.client(&tenant.id)),
        None => (format!("{scheme}://{}", client.authority), FIRST_PARTY.to_owned()),
    };
    Ok(json!({
        "tenant": tenant.id,
        "name": brand.name,
        "logo": brand.logo,
        "support_email": brand.support_email,
        "terms_url": brand.terms_url,
        "privacy_url": brand.privacy_url,
        "issuer": issuer,
        "client_id": client_id,
        "default_locale": tenant.default_locale,
    }))
}

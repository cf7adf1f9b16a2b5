//! Everything the process serves, under its paths.

use std::sync::Arc;

use axum::{Json, Router, extract::State, http::request::Parts, response::IntoResponse, routing::get};
use http::{HeaderValue, header};
use serde_json::{Map, Value, json};
use tessera_contract::{Authenticate, EDGE, FlagSubject, Problem, sent_request_id};
use tessera_contract_tenancy::{Brand, GetBrand, Tenancy, TenancyError};
use tessera_identity::FIRST_PARTY;
use tessera_runtime::{
    config::ServerConfig,
    docs_page,
    edge::{Edge, TenantOfHost},
    http::Server,
    telemetry::Metrics,
};
use tessera_types::AccountId;

use crate::{
    app, contracts, deployment::Deployment, feed, flags::ProcessFlags, front, identity_provider::SignIn, modules::Part,
};

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
            let (brands, flags) = (brands.clone(), deployment.flags.clone());
            let looks = Looks { edge, brands, flags, sign_in: deployment.sign_in.clone() };
            front::passed_on(server, deployment)
                .merge(docs_page::router("Tessera", documents, Some(tessera_contracts::asyncapi_document())))
                .merge(app_config(looks.clone()))
                .fallback(app::router(looks))
                .sensitive(SENSITIVE)
        }
        None => server.for_modules_alone(deployment.here.versions()),
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
    /// What is told to the app besides.
    pub(crate) flags: Arc<ProcessFlags>,
    /// Who signs people in.
    pub(crate) sign_in: Arc<SignIn>,
}

impl Looks {
    /// The brand of the tenant whose host the request names.
    pub(crate) async fn of(&self, head: &Parts) -> Result<Brand, TenancyError> {
        let cx = self.edge.visitor(head).await?;
        self.brands.get_brand(&cx.as_service(EDGE), GetBrand {}).await
    }

    /// What the app's flags stand at for whoever asks: by account where somebody is signed in.
    async fn flags(&self, head: &Parts) -> Result<Map<String, Value>, TenancyError> {
        if !self.flags.has_app_flags() {
            return Ok(Map::new());
        }
        // The app starts for everybody, so a session that cannot be asked after is none.
        let cx = match self.edge.authenticate(head, EDGE).await {
            Ok(caller) => caller.cx,
            Err(_) => self.edge.visitor(head).await?,
        };
        let (account, country) = (cx.account().map(AccountId::as_str), cx.territory.as_ref());
        Ok(self.flags.of_app(FlagSubject { tenant: &cx.tenant, account, country }).await)
    }
}

/// What the viewer app learns at run time, so that another tenant, issuer or client needs no other build.
fn app_config(looks: Looks) -> Router {
    let handler = async |State(looks): State<Looks>, head: Parts| match config_of(&looks, &head).await {
        Ok(config) => {
            let mut response = Json(config).into_response();
            response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
            response
        }
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
        "flags": looks.flags(head).await?,
    }))
}

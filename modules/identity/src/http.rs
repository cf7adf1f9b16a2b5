//! What is not an operation: the issuer's pages, its OpenID Connect endpoints, and the app's session.

mod app;
mod cookies;
mod end_session;
mod form;
mod oauth;
mod sign_in;
mod token;

pub(crate) use sign_in::announce;

use std::{error::Error, sync::Arc};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts};
use tessera_contract::{Cx, Failure, FailureKind, Problem, sent_request_id};
use tessera_runtime::edge::{Client, Edge, Tenant};
use tower_http::cors::{Any, CorsLayer};
use url::Url;

use crate::{client, look::Look, pages, service::IdentityService, store};

/// A form's bytes at most.
const LONGEST_FORM: usize = 16 * 1024;

/// Identity's routes that are not operations.
pub struct Routes {
    /// To be served below `/identity`, beside the operations: `/sign-in`, `/sign-up`, `/signed-out`,
    /// `/pages/style.css`, `/oauth/authorize`, `/oauth/token`, `/oauth/userinfo`, `/oauth/revoke`,
    /// `/oauth/end-session`, `/oauth/jwks`.
    pub mounted: Router,
    /// To be served as they stand: `/.well-known/openid-configuration`, `/auth/login`, `/auth/callback`,
    /// `/auth/logout`, `/auth/session`.
    pub root: Router,
}

/// What every handler has.
#[derive(Clone)]
struct Site {
    identity: Arc<IdentityService>,
    edge: Arc<Edge>,
}

impl IdentityService {
    /// The routes that are not operations. `edge` says whose host a request came to, and from where. While somebody else
    /// signs people in, the built-in issuer's are 404.
    pub fn routes(self: &Arc<Self>, edge: Arc<Edge>) -> Routes {
        let site = Site { identity: self.clone(), edge };
        // Browsers' scripts of other origins may ask what needs no cookie.
        let open = CorsLayer::new()
            .allow_origin(Any)
            .allow_methods([Method::GET, Method::POST])
            .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE]);
        let for_scripts = Router::new()
            .route("/oauth/jwks", get(oauth::jwks))
            .route("/oauth/token", post(token::token))
            .route("/oauth/revoke", post(token::revoke))
            .route("/oauth/userinfo", get(token::userinfo).post(token::userinfo))
            .layer(open.clone());
        let for_people = Router::new()
            .route("/sign-in", get(sign_in::show_sign_in).post(sign_in::sign_in))
            .route("/sign-up", get(sign_in::show_sign_up).post(sign_in::sign_up))
            .route("/oauth/authorize", get(oauth::authorize).post(oauth::authorize_posted))
            .route("/oauth/end-session", get(end_session::end_session).post(end_session::end_session));
        let discovery = Router::new().route("/.well-known/openid-configuration", get(oauth::discovery)).layer(open);
        let app = Router::new()
            .route("/auth/login", get(app::login))
            .route("/auth/callback", get(app::callback))
            .route("/auth/logout", post(app::logout))
            .route("/auth/session", get(app::session));
        let built_in = || from_fn_with_state(site.clone(), while_built_in);
        let mounted = for_scripts.merge(for_people).route_layer(built_in());
        let mounted = mounted.route("/signed-out", get(end_session::signed_out)).route("/pages/style.css", get(style));
        let root = discovery.route_layer(built_in()).merge(app);
        Routes { mounted: mounted.with_state(site.clone()), root: root.with_state(site) }
    }
}

/// A request, with what the edge knows of it.
struct Visit {
    tenant: Tenant,
    client: Client,
    /// The origin the browser is at; one of the tenant's own, for the edge found the tenant by it.
    origin: String,
    /// The tenant's issuer.
    issuer: String,
    cx: Cx,
    head: Parts,
}

impl Site {
    async fn visit(&self, head: Parts) -> Result<Visit, Failure> {
        let (tenant, client) = (self.edge.tenant(&head).await?, self.edge.client(&head)?);
        let scheme = if client.https { "https" } else { "http" };
        Ok(Visit {
            origin: format!("{scheme}://{}", client.authority.to_ascii_lowercase()),
            issuer: self.identity.origins.origin(&tenant.id).await?,
            cx: store::own_cx(&self.identity.store, &tenant.id),
            tenant,
            client,
            head,
        })
    }

    /// As [`Self::visit`], with the form that was posted.
    async fn posted(&self, request: Request) -> Result<(Visit, Vec<u8>), Failure> {
        let (head, body) = request.into_parts();
        let form = form_bytes(&head.headers, body).await?;
        Ok((self.visit(head).await?, form))
    }

    /// How pages for the visit look.
    async fn look(&self, visit: &Visit) -> Look {
        Look::of(self.identity.brands.as_ref(), &visit.cx, &visit.tenant.display_name).await
    }

    fn client(&self, visit: &Visit, id: &str) -> Option<client::Client> {
        self.identity.clients.find(&visit.tenant.id, id, &[&visit.issuer, &visit.origin])
    }
}

impl Visit {
    fn query(&self) -> &str {
        self.head.uri.query().unwrap_or_default()
    }

    fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    fn https(&self) -> bool {
        self.client.https
    }
}

/// Nothing of the built-in issuer is there while somebody else signs people in.
async fn while_built_in(State(site): State<Site>, request: Request, next: Next) -> Response {
    match site.identity.providers.is_foreign() {
        false => next.run(request).await,
        true => {
            let elsewhere = "another provider signs people in here: /app/config.json names it";
            problem(request.headers(), &Failure::new(FailureKind::NotFound, elsewhere))
        }
    }
}

async fn form_bytes(headers: &HeaderMap, body: Body) -> Result<Vec<u8>, Failure> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        let detail = "send a form: content-type application/x-www-form-urlencoded";
        return Err(Failure::new(FailureKind::UnsupportedMediaType, detail));
    }
    let bytes = to_bytes(body, LONGEST_FORM).await.map_err(|_| {
        Failure::new(FailureKind::PayloadTooLarge, format!("a form here has at most {LONGEST_FORM} bytes"))
    })?;
    Ok(bytes.to_vec())
}

async fn style() -> Response {
    let headers = [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "public, max-age=300")];
    (headers, pages::STYLE).into_response()
}

/// Sends the browser elsewhere.
fn see_other(to: &str) -> Result<Response, Failure> {
    let location = HeaderValue::from_str(to).map_err(|e| Failure::internal("writing an address to go to", e))?;
    let headers = [(header::LOCATION, location), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((StatusCode::SEE_OTHER, headers).into_response())
}

/// A page that nobody keeps. Its forms may lead to `then`, besides to us: browsers hold the whole chain of redirects
/// against the policy.
fn page(status: StatusCode, then: Option<&str>, html: String) -> Response {
    let policy = format!(
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'{}{}; frame-ancestors 'none'; \
         base-uri 'none'",
        if then.is_some() { " " } else { "" },
        then.unwrap_or_default(),
    );
    let policy = HeaderValue::from_str(&policy)
        .unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::CONTENT_SECURITY_POLICY, policy),
    ];
    (status, headers, html).into_response()
}

/// A registered address as a source of a content security policy; `None` for a path of ours.
fn source_of(uri: &str) -> Option<String> {
    let url = Url::parse(uri).ok()?;
    match url.scheme() {
        "http" | "https" => Some(url.origin().ascii_serialization()),
        scheme => Some(format!("{scheme}:")),
    }
}

/// A failure that a person sees as a page.
struct PageFault(Failure);

impl From<Failure> for PageFault {
    fn from(failure: Failure) -> Self {
        Self(failure)
    }
}

impl IntoResponse for PageFault {
    fn into_response(self) -> Response {
        let Self(failure) = self;
        log(&failure);
        let status = StatusCode::from_u16(failure.kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let text = match failure.kind {
            FailureKind::Internal | FailureKind::BadAnswer => "This is our fault. Please try again in a moment.",
            _ => &failure.detail,
        };
        let mut response = page(
            status,
            None,
            pages::trouble(&Look::plain("Tessera"), "Something went wrong", text, ("/", "Start again")),
        );
        if let Some(wait) = failure.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
        }
        response
    }
}

/// A failure that a program sees as a problem.
fn problem(head: &HeaderMap, failure: &Failure) -> Response {
    log(failure);
    Problem::of_failure(failure, &sent_request_id(head)).into_response()
}

fn log(failure: &Failure) {
    if failure.kind.status() >= 500 {
        let cause = failure.source().map(ToString::to_string).unwrap_or_default();
        tracing::error!(code = failure.kind.code(), cause, "{failure}");
    }
}

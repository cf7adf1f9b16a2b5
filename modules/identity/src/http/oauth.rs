//! Discovery, keys, and the authorization endpoint.

use axum::{
    Json,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};
use tessera_contract::Failure;
use url::form_urlencoded;

use super::{PageFault, Site, Visit, cookies, form_bytes, page, problem, see_other};
use crate::{
    authorization::{self, Params, Prompt, Refusal, SCOPES},
    pages,
    store::SignInRow,
};

/// How long others may keep what is published.
const KEEP: &str = "public, max-age=300";

pub(super) async fn discovery(State(site): State<Site>, request: Request) -> Response {
    let (head, _) = request.into_parts();
    let headers = head.headers.clone();
    match site.visit(head).await {
        Ok(visit) => ([(header::CACHE_CONTROL, KEEP)], Json(document(&visit.issuer))).into_response(),
        Err(failure) => problem(&headers, &failure),
    }
}

/// OpenID Connect Discovery §3, RFC 8414.
fn document(issuer: &str) -> Value {
    let at = |path: &str| format!("{issuer}/identity/oauth/{path}");
    json!({
        "issuer": issuer,
        "authorization_endpoint": at("authorize"),
        "token_endpoint": at("token"),
        "userinfo_endpoint": at("userinfo"),
        "jwks_uri": at("jwks"),
        "revocation_endpoint": at("revoke"),
        "end_session_endpoint": at("end-session"),
        "scopes_supported": SCOPES,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "token_endpoint_auth_methods_supported": ["none"],
        "revocation_endpoint_auth_methods_supported": ["none"],
        "code_challenge_methods_supported": ["S256"],
        "claims_supported": ["iss", "sub", "aud", "iat", "exp", "auth_time", "nonce", "email", "email_verified"],
        "prompt_values_supported": ["none", "login", "select_account", "create"],
        "authorization_response_iss_parameter_supported": true,
        "request_uri_parameter_supported": false,
    })
}

pub(super) async fn jwks(State(site): State<Site>, request: Request) -> Response {
    let (head, _) = request.into_parts();
    let headers = head.headers.clone();
    match keys(&site, head).await {
        Ok(keys) => ([(header::CACHE_CONTROL, KEEP)], Json(keys)).into_response(),
        Err(failure) => problem(&headers, &failure),
    }
}

async fn keys(site: &Site, head: http::request::Parts) -> Result<Value, Failure> {
    let visit = site.visit(head).await?;
    let keys = site.identity.issuer.published_keys(&visit.cx).await?;
    serde_json::to_value(keys).map_err(|e| Failure::internal("writing public keys", e))
}

/// The same by POST (OpenID Connect Core §3.1.2.1): a cookie of ours does not come with another site's form, so it goes
/// on as a link.
pub(super) async fn authorize_posted(State(_): State<Site>, request: Request) -> Result<Response, PageFault> {
    let (head, body) = request.into_parts();
    let form = form_bytes(&head.headers, body).await?;
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(form_urlencoded::parse(&form)).finish();
    Ok(see_other(&format!("/identity/oauth/authorize?{query}"))?)
}

pub(super) async fn authorize(State(site): State<Site>, request: Request) -> Result<Response, PageFault> {
    let visit = site.visit(request.into_parts().0).await?;
    let Some(params) = Params::parse(visit.query().as_bytes()) else {
        return Ok(refused(&site, &visit, "The application's request says something twice.").await);
    };
    let asked = match authorization::check(&params, |id| site.client(&visit, id)) {
        Ok(asked) => asked,
        Err(Refusal::Person(why)) => return Ok(refused(&site, &visit, why).await),
        Err(Refusal::Application { redirect_uri, state, error, description }) => {
            let answer = [("error", error), ("error_description", description)];
            return Ok(answer_at(&visit, &redirect_uri, state.as_deref(), &answer)?);
        }
    };
    let signed_in = signed_in(&site, &visit).await?;
    let old = |row: &SignInRow| is_older(row, asked.max_age, site.identity.store.now().as_micros());
    match (signed_in, asked.prompt) {
        (Some((token, row)), Prompt::WhenNeeded | Prompt::None) if !old(&row) => {
            let code = site.identity.issuer.authorize(&visit.cx, &token, &row, &asked).await?;
            Ok(answer_at(&visit, &asked.redirect_uri, asked.state.as_deref(), &[("code", &code)])?)
        }
        (_, Prompt::None) => {
            let answer = [("error", "login_required"), ("error_description", "nobody is signed in in this browser")];
            Ok(answer_at(&visit, &asked.redirect_uri, asked.state.as_deref(), &answer)?)
        }
        (_, Prompt::Create) => Ok(see_other(&format!("/identity/sign-up?{}", visit.query()))?),
        (_, Prompt::WhenNeeded | Prompt::Login) => Ok(see_other(&format!("/identity/sign-in?{}", visit.query()))?),
    }
}

/// Who signed in in this browser, with the secret that says so.
pub(super) async fn signed_in(site: &Site, visit: &Visit) -> Result<Option<(String, SignInRow)>, Failure> {
    let Some(token) = issuer_cookie(visit.headers(), visit.https()) else { return Ok(None) };
    let row = site.identity.issuer.signed_in(&visit.cx, &token).await?;
    Ok(row.map(|row| (token, row)))
}

fn issuer_cookie(headers: &HeaderMap, https: bool) -> Option<String> {
    cookies::read(headers, &cookies::host_name(cookies::ISSUER, https)).map(str::to_owned)
}

fn is_older(row: &SignInRow, max_age: Option<u32>, now: i64) -> bool {
    max_age.is_some_and(|seconds| now.saturating_sub(row.authenticated_at) > i64::from(seconds) * 1_000_000)
}

/// An answer to the application (RFC 6749 §4.1.2), with the issuer's name (RFC 9207).
fn answer_at(
    visit: &Visit,
    redirect_uri: &str,
    state: Option<&str>,
    answer: &[(&str, &str)],
) -> Result<Response, Failure> {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(answer).extend_pairs(state.map(|state| ("state", state))).append_pair("iss", &visit.issuer);
    let joint = if redirect_uri.contains('?') { '&' } else { '?' };
    see_other(&format!("{redirect_uri}{joint}{}", query.finish()))
}

async fn refused(site: &Site, visit: &Visit, why: &str) -> Response {
    let title = "This sign-in link does not work";
    let text = format!("{why} Go back to the application and try again; if that does not help, tell its makers.");
    page(
        StatusCode::BAD_REQUEST,
        None,
        pages::trouble(&site.look(visit).await, title, &text, ("/", "To the front page")),
    )
}

//! The token endpoint, revocation (RFC 7009) and userinfo (OpenID Connect Core §5.3).

use axum::{
    Json,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use tessera_contract::Failure;

use super::{Site, Visit, log};
use crate::{
    authorization::{Params, is_verifier},
    client::Client,
    issuer::{Exchange, NoTokens, Tokens, has_scope},
    store,
};

/// An error of RFC 6749 §5.2.
struct Refused {
    status: StatusCode,
    error: &'static str,
    description: String,
    retry_after: Option<u64>,
}

fn refused(error: &'static str, description: impl Into<String>) -> Refused {
    Refused { status: StatusCode::BAD_REQUEST, error, description: description.into(), retry_after: None }
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        log(&failure);
        let error = match failure.kind.status() {
            500.. => "temporarily_unavailable",
            _ => "invalid_request",
        };
        Self {
            status: StatusCode::from_u16(failure.kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            error,
            retry_after: failure.retry_after.map(|wait| wait.as_secs().max(1)),
            description: failure.detail,
        }
    }
}

impl From<NoTokens> for Refused {
    fn from(none: NoTokens) -> Self {
        match none {
            NoTokens::InvalidGrant(why) => refused("invalid_grant", why),
            NoTokens::Failure(failure) => failure.into(),
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let body = Json(json!({"error": self.error, "error_description": self.description}));
        let mut response = (self.status, [(header::CACHE_CONTROL, "no-store")], body).into_response();
        if let Some(wait) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait));
        }
        response
    }
}

pub(super) async fn token(State(site): State<Site>, request: Request) -> Response {
    answer(tokens(&site, request).await)
}

pub(super) async fn revoke(State(site): State<Site>, request: Request) -> Response {
    answer(revoked(&site, request).await)
}

fn answer(outcome: Result<Value, Refused>) -> Response {
    match outcome {
        Ok(body) => ([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response(),
        Err(refused) => refused.into_response(),
    }
}

async fn tokens(site: &Site, request: Request) -> Result<Value, Refused> {
    let (visit, form) = form(site, request).await?;
    let client = client(site, &visit, &form)?;
    let field =
        |name: &'static str| form.get(name).ok_or_else(|| refused("invalid_request", format!("the form lacks {name}")));
    let issuer = &site.identity.issuer;
    let tokens: Tokens = match field("grant_type")? {
        "authorization_code" => {
            let verifier = field("code_verifier")?;
            if !is_verifier(verifier) {
                return Err(refused("invalid_grant", "code_verifier is 43 to 128 of A-Z a-z 0-9 - . _ ~"));
            }
            let exchange = Exchange {
                client_id: client.id,
                code: field("code")?.to_owned(),
                redirect_uri: field("redirect_uri")?.to_owned(),
                verifier: verifier.to_owned(),
            };
            issuer.exchange(&visit.cx, exchange).await?
        }
        "refresh_token" => issuer.refresh(&visit.cx, &client.id, field("refresh_token")?).await?,
        _ => return Err(refused("unsupported_grant_type", "grant_type is authorization_code or refresh_token")),
    };
    Ok(json!({
        "access_token": tokens.access_token,
        "token_type": "Bearer",
        "expires_in": tokens.expires_in,
        "refresh_token": tokens.refresh_token,
        "id_token": tokens.id_token,
        "scope": tokens.scope,
    }))
}

async fn revoked(site: &Site, request: Request) -> Result<Value, Refused> {
    let (visit, form) = form(site, request).await?;
    let client = client(site, &visit, &form)?;
    let token = form.get("token").ok_or_else(|| refused("invalid_request", "the form lacks token"))?;
    if token.contains('.') {
        let why = "an access token cannot be revoked, it expires by itself; revoke the refresh token";
        return Err(refused("unsupported_token_type", why));
    }
    site.identity.issuer.revoke(&visit.cx, &client.id, token, false).await?;
    Ok(json!({}))
}

async fn form(site: &Site, request: Request) -> Result<(Visit, Params), Refused> {
    let (visit, form) = site.posted(request).await?;
    let form = Params::parse(&form).ok_or_else(|| refused("invalid_request", "a parameter comes twice"))?;
    Ok((visit, form))
}

/// Public clients: they say who they are and prove it with PKCE.
fn client(site: &Site, visit: &Visit, form: &Params) -> Result<Client, Refused> {
    let known = form.get("client_id").and_then(|id| site.client(visit, id));
    let known = known.filter(|_| !visit.headers().contains_key(header::AUTHORIZATION));
    known.ok_or_else(|| {
        let why = "send a known client_id in the form, and no Authorization: clients have no secret here";
        Refused { status: StatusCode::UNAUTHORIZED, ..refused("invalid_client", why) }
    })
}

pub(super) async fn userinfo(State(site): State<Site>, request: Request) -> Response {
    match person(&site, request).await {
        Ok(Some(claims)) => ([(header::CACHE_CONTROL, "no-store")], Json(claims)).into_response(),
        Ok(None) => {
            let challenge = [(header::WWW_AUTHENTICATE, "Bearer error=\"invalid_token\"")];
            let body = json!({"error": "invalid_token", "error_description": "the access token does not hold here"});
            (StatusCode::UNAUTHORIZED, challenge, Json(body)).into_response()
        }
        Err(failure) => Refused::from(failure).into_response(),
    }
}

async fn person(site: &Site, request: Request) -> Result<Option<Value>, Failure> {
    let visit = site.visit(request.into_parts().0).await?;
    let sent = visit.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = sent.and_then(|value| value.split_once(' ')).filter(|(kind, _)| kind.eq_ignore_ascii_case("bearer"));
    let Some((_, token)) = token else { return Ok(None) };
    let Some(claims) = site.identity.issuer.access_claims(&visit.cx, token.trim()).await? else { return Ok(None) };
    let account = store::account(&site.identity.store.tenant(&visit.cx), &claims.sub).await?;
    Ok(account.filter(|_| has_scope(&claims.scope, "openid")).map(|account| match has_scope(&claims.scope, "email") {
        true => json!({"sub": account.account_id, "email": account.email, "email_verified": false}),
        false => json!({"sub": account.account_id}),
    }))
}

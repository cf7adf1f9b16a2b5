//! The app's session cookie, and what keeps other sites from using it.

use async_trait::async_trait;
use http::{HeaderMap, Method, header, request::Parts};
use subtle::ConstantTimeEq;
use tessera_contract::{Caller, Failure, FailureKind};
use tessera_types::TenantId;

use super::Client;
use crate::config::Secret;

/// The header that repeats the session's token on every method that changes something.
pub const CSRF_HEADER: &str = "x-csrf-token";

/// A session that stands.
#[derive(Debug, Clone)]
pub struct Session {
    /// Who signed in.
    pub caller: Caller,
    /// What [`CSRF_HEADER`] has to say. The app reads it from its session's own resource; another site cannot.
    pub csrf_token: Secret<String>,
}

/// Where sessions are kept.
#[async_trait]
pub trait Sessions: Send + Sync + 'static {
    /// The tenant's session of this cookie; `None` when it is unknown, signed out or run out.
    async fn resolve(&self, tenant: &TenantId, cookie: &str) -> Result<Option<Session>, Failure>;
}

/// The name of the session's cookie. Set it `HttpOnly; SameSite=Lax; Path=/`, over https also `Secure`: the prefix
/// `__Host-` keeps a neighbouring host name from planting one (RFC 6265bis §4.1.3.2).
pub const fn session_cookie(https: bool) -> &'static str {
    if https { "__Host-tessera_session" } else { "tessera_session" }
}

/// The values of the session cookies that were sent.
pub(super) fn cookies(headers: &HeaderMap, https: bool) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(move |(name, value)| *name == session_cookie(https) && !value.is_empty()).map(|(_, value)| value)
}

/// Who the session belongs to. A cookie that no longer stands is as good as none.
pub(super) async fn caller(
    sessions: &dyn Sessions,
    tenant: &TenantId,
    cookie: &str,
    head: &Parts,
    client: &Client,
) -> Result<Caller, Failure> {
    let Some(session) = sessions.resolve(tenant, cookie).await? else {
        return Ok(Caller::Anonymous);
    };
    if !matches!(head.method, Method::GET | Method::HEAD | Method::OPTIONS) {
        same_origin(&head.headers, client)?;
        repeats_token(&head.headers, &session)?;
    }
    Ok(session.caller)
}

/// What a browser says of the page the request came from (Fetch §3.1, Fetch Metadata).
fn same_origin(headers: &HeaderMap, client: &Client) -> Result<(), Failure> {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("unreadable"));
    let scheme = if client.https { "https" } else { "http" };
    let here = format!("{scheme}://{}", client.authority);
    let origin = text("origin").is_none_or(|origin| origin.eq_ignore_ascii_case(&here));
    let site = text("sec-fetch-site").is_none_or(|site| matches!(site, "same-origin" | "none"));
    match origin && site {
        true => Ok(()),
        false => Err(foreign("the request comes from a page of another site")),
    }
}

fn repeats_token(headers: &HeaderMap, session: &Session) -> Result<(), Failure> {
    let sent = headers.get(CSRF_HEADER).map_or(&b""[..], |value| value.as_bytes());
    let wanted = session.csrf_token.expose().as_bytes();
    match !wanted.is_empty() && bool::from(sent.ct_eq(wanted)) {
        true => Ok(()),
        false => Err(foreign("with a session cookie, this method needs the session's token in x-csrf-token")),
    }
}

fn foreign(why: &str) -> Failure {
    Failure::new(FailureKind::Forbidden, why)
}

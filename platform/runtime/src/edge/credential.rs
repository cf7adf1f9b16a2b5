//! The one credential of a request.

use http::{HeaderMap, header};
use tessera_contract::{CX_HEADER, Failure, FailureKind};

use super::{refused, session};
use crate::config::Secret;

/// What a request shows for itself.
#[derive(Debug)]
pub(super) enum Credential {
    /// Nothing.
    None,
    /// `Authorization: Bearer` and an access token.
    Token(Secret<String>),
    /// `Authorization: Bearer` and an API key's secret.
    ApiKey(Secret<String>),
    /// The app's session.
    Cookie(Secret<String>),
    /// A context that another process signed.
    Signed(Secret<String>),
}

impl Credential {
    /// The credential of a request that came over `https` or not.
    ///
    /// # Errors
    /// [`FailureKind::InvalidRequest`] for several at once: nobody could say whose request it is.
    /// [`FailureKind::Unauthenticated`] for a scheme that is not `Bearer`.
    pub(super) fn of(headers: &HeaderMap, https: bool) -> Result<Self, Failure> {
        let mut found = Vec::new();
        for value in headers.get_all(header::AUTHORIZATION) {
            found.push(bearer(value.to_str().unwrap_or_default())?);
        }
        let signed = headers.get_all(CX_HEADER).iter().filter_map(|value| value.to_str().ok());
        found.extend(signed.map(|token| Self::Signed(Secret::new(token.to_owned()))));
        found.extend(session::cookies(headers, https).map(|value| Self::Cookie(Secret::new(value.to_owned()))));
        match (found.pop(), found.is_empty()) {
            (None, _) => Ok(Self::None),
            (Some(only), true) => Ok(only),
            (Some(_), false) => {
                let several =
                    "the request carries several credentials; send one: a bearer token, or the session cookie";
                Err(Failure::new(FailureKind::InvalidRequest, several))
            }
        }
    }
}

/// RFC 6750 §2.1.
fn bearer(value: &str) -> Result<Credential, Failure> {
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    let token = token.trim();
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
        return Err(refused("send Authorization: Bearer and an access token or an API key"));
    }
    let secret = Secret::new(token.to_owned());
    Ok(if token.starts_with("sk_") { Credential::ApiKey(secret) } else { Credential::Token(secret) })
}

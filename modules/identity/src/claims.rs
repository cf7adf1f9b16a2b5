//! What tokens say: access tokens (RFC 9068) and ID tokens (OpenID Connect Core §2).

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, jwk::JwkSet};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tessera_contract::Failure;
use tessera_types::AccountId;

/// The `typ` of an access token.
pub(crate) const ACCESS_TOKEN: &str = "at+jwt";
/// The `typ` of an ID token.
pub(crate) const ID_TOKEN: &str = "JWT";

/// An access token's claims. Times are seconds since 1970.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct AccessClaims {
    pub(crate) iss: String,
    pub(crate) sub: AccountId,
    pub(crate) aud: String,
    pub(crate) client_id: String,
    pub(crate) iat: i64,
    pub(crate) exp: i64,
    pub(crate) jti: String,
    pub(crate) scope: String,
    pub(crate) auth_time: i64,
}

/// An ID token's claims.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct IdClaims {
    pub(crate) iss: String,
    pub(crate) sub: AccountId,
    pub(crate) aud: String,
    pub(crate) iat: i64,
    pub(crate) exp: i64,
    pub(crate) auth_time: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) nonce: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) email: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) email_verified: Option<bool>,
}

/// A signed token.
pub(crate) fn sign<C: Serialize>(claims: &C, kind: &str, key_id: &str, key: &EncodingKey) -> Result<String, Failure> {
    let mut header = Header::new(Algorithm::ES256);
    (header.typ, header.kid) = (Some(kind.to_owned()), Some(key_id.to_owned()));
    jsonwebtoken::encode(&header, claims, key).map_err(|e| Failure::internal("signing a token", e))
}

/// The claims of a token of this `kind` that one of `keys` signed. Whether they hold now is for the caller to see.
pub(crate) fn read<C: DeserializeOwned>(token: &str, kind: &str, keys: &JwkSet) -> Option<C> {
    let header = jsonwebtoken::decode_header(token).ok()?;
    if header.alg != Algorithm::ES256 || header.typ.as_deref() != Some(kind) {
        return None;
    }
    let key = DecodingKey::from_jwk(keys.find(header.kid.as_deref()?)?).ok()?;
    let mut rules = Validation::new(Algorithm::ES256);
    rules.required_spec_claims.clear();
    (rules.validate_exp, rules.validate_nbf, rules.validate_aud) = (false, false, false);
    Some(jsonwebtoken::decode::<C>(token, &key, &rules).ok()?.claims)
}

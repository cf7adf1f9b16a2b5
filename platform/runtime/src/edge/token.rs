//! Access tokens: JWTs (RFC 7519) of the tenant's issuer, after the profile of RFC 9068.

use async_trait::async_trait;
use jsonwebtoken::{
    Algorithm, DecodingKey, Header, Validation,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse},
};
use serde::Deserialize;
use tessera_contract::{Caller, Failure};
use tessera_types::{TenantId, Timestamp};

use super::{
    issuer::{Issuer, IssuerCache},
    refused,
};

/// Signatures that are taken. None with a shared secret: whoever can check those could make them.
const ALGORITHMS: [Algorithm; 3] = [Algorithm::ES256, Algorithm::EdDSA, Algorithm::RS256];
/// How far the issuer's clock may be from ours, in seconds.
const LEEWAY: i64 = 30;
const LONGEST: usize = 8 * 1024;
/// Base64url characters of a 2048-bit RSA modulus (RFC 7518 §3.3 wants no shorter key).
const RSA_MODULUS: usize = 342;

/// What an access token says of its subject, after it was checked.
#[derive(Debug, Clone, Deserialize)]
pub struct Claims {
    /// Who issued it.
    #[serde(rename = "iss")]
    pub issuer: String,
    /// About whom: opaque, the issuer's.
    #[serde(rename = "sub")]
    pub subject: String,
    #[serde(rename = "aud")]
    audience: Audience,
    #[serde(rename = "exp")]
    expires: f64,
    #[serde(rename = "nbf", default)]
    not_before: Option<f64>,
    /// Space-separated scopes (RFC 8693 §4.2).
    #[serde(default)]
    pub scope: String,
    /// Everything else.
    #[serde(flatten)]
    pub other: serde_json::Map<String, serde_json::Value>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Audience {
    fn names(&self, audience: &str) -> bool {
        match self {
            Audience::One(one) => one == audience,
            Audience::Many(many) => many.iter().any(|one| one == audience),
        }
    }
}

/// From a subject to a caller of ours. The claims were checked; what they mean is the issuer's matter.
#[async_trait]
pub trait Subjects: Send + Sync + 'static {
    /// The caller that `claims` name. Errors are [`tessera_contract::FailureKind::Unauthenticated`] for a subject that
    /// is nobody here.
    async fn caller(&self, tenant: &TenantId, claims: &Claims) -> Result<Caller, Failure>;
}

/// The meaning that Tessera's own issuer gives: `sub` is the account and `profile` the profile; with `"kind": "staff"`,
/// `sub` is the member of staff and `scope` what it may do.
#[derive(Debug, Clone, Copy, Default)]
pub struct OwnSubjects;

#[async_trait]
impl Subjects for OwnSubjects {
    async fn caller(&self, _: &TenantId, claims: &Claims) -> Result<Caller, Failure> {
        let text = |name: &str| claims.other.get(name).and_then(|value| value.as_str());
        if text("kind") == Some("staff") {
            let scopes = claims.scope.split_ascii_whitespace().map(str::to_owned).collect();
            return Ok(Caller::Staff { subject: claims.subject.clone(), scopes });
        }
        let account = claims.subject.parse().map_err(|_| refused("the token's subject is not an account's id"))?;
        let profile = text("profile").map(str::parse).transpose();
        Ok(Caller::Viewer { account, profile: profile.map_err(|_| refused("the token's profile is not an id"))? })
    }
}

/// The claims of `token`, when the tenant's issuer signed it for this tenant and it holds at `now`.
pub(super) async fn verify(
    token: &str,
    tenant: &TenantId,
    issuers: &IssuerCache,
    now: Timestamp,
) -> Result<Claims, Failure> {
    let header = header(token)?;
    let issuer = issuers.get(tenant, |issuer| key(issuer, &header).is_some()).await?;
    believed(token, &header, &issuer, now)
}

/// The claims of `token`, when `issuer` signed it for its audience and it holds at `now`; an ID token of a provider, say.
///
/// # Errors
/// [`tessera_contract::FailureKind::Unauthenticated`], with what does not hold.
pub fn verified(token: &str, issuer: &Issuer, now: Timestamp) -> Result<Claims, Failure> {
    believed(token, &header(token)?, issuer, now)
}

fn believed(token: &str, header: &Header, issuer: &Issuer, now: Timestamp) -> Result<Claims, Failure> {
    let key =
        key(issuer, header).ok_or_else(|| refused("the token is not signed with a key of this tenant's issuer"))?;
    let key = DecodingKey::from_jwk(key).map_err(|e| Failure::internal("reading the issuer's public key", e))?;
    let data = jsonwebtoken::decode::<Claims>(token, &key, &signature_alone(header.alg));
    let claims = data.map_err(|_| refused("the token's signature or claims do not hold"))?.claims;
    check(&claims, issuer, header, now)?;
    Ok(claims)
}

fn header(token: &str) -> Result<Header, Failure> {
    if token.len() > LONGEST {
        return Err(refused("the token is too long"));
    }
    let header =
        jsonwebtoken::decode_header(token).map_err(|_| refused("the bearer token is not a JWT or an API key"))?;
    match header.extras.inner().contains_key("crit") || !ALGORITHMS.contains(&header.alg) {
        true => Err(refused("the token is signed in a way that is not taken here; use ES256, EdDSA or RS256")),
        false => Ok(header),
    }
}

/// The key the header names; without a name, the issuer's only one. A key of another kind than the signature is none.
fn key<'a>(issuer: &'a Issuer, header: &Header) -> Option<&'a Jwk> {
    let keys = &issuer.keys.keys;
    let named = match &header.kid {
        Some(kid) => keys.iter().find(|key| key.common.key_id.as_deref() == Some(kid)),
        None => keys.first().filter(|_| keys.len() == 1),
    };
    named.filter(|key| fits(key, header.alg))
}

fn fits(key: &Jwk, algorithm: Algorithm) -> bool {
    let kind = match (&key.algorithm, algorithm) {
        (AlgorithmParameters::EllipticCurve(ec), Algorithm::ES256) => ec.curve == EllipticCurve::P256,
        (AlgorithmParameters::OctetKeyPair(okp), Algorithm::EdDSA) => okp.curve == EllipticCurve::Ed25519,
        (AlgorithmParameters::RSA(rsa), Algorithm::RS256) => rsa.n.len() >= RSA_MODULUS,
        _ => false,
    };
    let for_signing = key.common.public_key_use.as_ref().is_none_or(|of| *of == PublicKeyUse::Signature);
    let same_algorithm = key.common.key_algorithm.is_none_or(|of| of == KeyAlgorithm::from(algorithm));
    kind && for_signing && same_algorithm
}

/// Only the signature: the library would ask the machine for the time.
fn signature_alone(algorithm: Algorithm) -> Validation {
    let mut rules = Validation::new(algorithm);
    rules.required_spec_claims.clear();
    (rules.validate_exp, rules.validate_nbf, rules.validate_aud) = (false, false, false);
    rules
}

fn check(claims: &Claims, issuer: &Issuer, header: &Header, now: Timestamp) -> Result<(), Failure> {
    let now = now.as_seconds();
    let typ = |wanted: &String| {
        header.typ.as_deref().is_some_and(|typ| typ.trim_start_matches("application/").eq_ignore_ascii_case(wanted))
    };
    if !issuer.token_type.as_ref().is_none_or(typ) {
        return Err(refused("the token is not an access token"));
    }
    if claims.issuer != issuer.url || !claims.audience.names(&issuer.audience) {
        return Err(refused("the token is another issuer's, or meant for another audience"));
    }
    if claims.expires <= (now - LEEWAY) as f64 {
        return Err(refused("the token has expired; refresh it"));
    }
    match claims.not_before.is_some_and(|from| from > (now + LEEWAY) as f64) {
        true => Err(refused("the token is not valid yet")),
        false => Ok(()),
    }
}

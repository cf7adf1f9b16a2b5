//! A context between processes: a short-lived token signed for one contract, never bare headers.

use std::{net::IpAddr, sync::Arc, time::Duration};

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use tessera_types::{Clock, Sensitive, TenantId, Territory, Timestamp};

use crate::{Caller, Cx, Failure, FailureKind, TraceContext, cx::DEFAULT_TIMEOUT};

/// The header that carries a signed context.
pub const CX_HEADER: &str = "tessera-cx";
/// The header of an answer to another process: the audit of the deployment hears of what staff did by this call from here.
pub const RECORDED_HEADER: &str = "tessera-recorded";
const LIFE: Duration = Duration::from_secs(30);

/// RFC 7519 claims of a signed context.
#[derive(Serialize, Deserialize)]
struct Claims {
    aud: String,
    exp: i64,
    tenant: TenantId,
    caller: Caller,
    request_id: String,
    traceparent: String,
    remaining_ms: u64,
    business_now: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    territory: Option<Territory>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    idempotency_key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    address: Option<Sensitive<IpAddr>>,
}

/// Signs and checks contexts with a secret that the deployment's processes share (HMAC-SHA-256).
#[derive(Clone)]
pub struct CxSigner {
    pub(crate) encode: Arc<EncodingKey>,
    pub(crate) decode: Arc<DecodingKey>,
    /// The algorithm alone: audience and time are looked at here, of which the time is by the injected clock.
    pub(crate) rules: Arc<Validation>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl CxSigner {
    /// With the deployment's shared `secret` (32 bytes or more).
    pub fn new(secret: &[u8], clock: Arc<dyn Clock>) -> Self {
        let (encode, decode) = (EncodingKey::from_secret(secret), DecodingKey::from_secret(secret));
        let mut rules = Validation::new(Algorithm::HS256);
        (rules.validate_aud, rules.validate_exp) = (false, false);
        rules.required_spec_claims.clear();
        Self { encode: Arc::new(encode), decode: Arc::new(decode), rules: Arc::new(rules), clock }
    }

    /// The context as a token that only the contract `audience` takes, for 30 seconds.
    pub fn sign(&self, cx: &Cx, audience: &str) -> Result<String, Failure> {
        let claims = Claims {
            aud: audience.to_owned(),
            exp: self.clock.now().plus(LIFE).as_seconds(),
            tenant: cx.tenant.clone(),
            caller: cx.caller.clone(),
            request_id: cx.request_id.to_string(),
            traceparent: cx.trace.to_string(),
            remaining_ms: u64::try_from(cx.remaining().as_millis()).unwrap_or(u64::MAX),
            business_now: cx.business_now.as_micros(),
            territory: cx.territory.clone(),
            idempotency_key: cx.idempotency_key.as_deref().map(str::to_owned),
            address: cx.address,
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encode)
            .map_err(|e| Failure::internal("signing a context", e))
    }

    /// The context in `token`. Errors are [`FailureKind::Unauthenticated`]: forged, expired, or for another contract.
    pub fn verify(&self, token: &str, audience: &str) -> Result<Cx, Failure> {
        let refuse = |why: &str| Failure::new(FailureKind::Unauthenticated, format!("the signed context {why}"));
        let decoded = jsonwebtoken::decode::<Claims>(token, &self.decode, &self.rules);
        let claims = decoded.ok().map(|decoded| decoded.claims).filter(|claims| claims.aud == audience);
        let claims = claims.ok_or_else(|| refuse("is forged, or meant for another contract"))?;
        if claims.exp < self.clock.now().as_seconds() {
            return Err(refuse("has expired"));
        }
        let mut cx = Cx::new(claims.tenant, claims.caller, Timestamp::from_micros(claims.business_now));
        cx.request_id = claims.request_id.into();
        cx.trace = TraceContext::parse(&claims.traceparent).unwrap_or(cx.trace);
        cx.deadline = tokio::time::Instant::now() + Duration::from_millis(claims.remaining_ms).min(DEFAULT_TIMEOUT * 6);
        cx.territory = claims.territory;
        cx.idempotency_key = claims.idempotency_key.map(Into::into);
        cx.address = claims.address;
        Ok(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tessera_types::ManualClock;

    #[test]
    fn a_context_arrives_whole_and_only_at_its_audience_in_time() {
        let clock = Arc::new(ManualClock::at(Timestamp::from_micros(1_800_000_000_000_000)));
        let signer = CxSigner::new(&[7; 32], clock.clone());
        let cx = Cx::service("acme".parse().unwrap(), "playback", clock.as_ref()).with_idempotency_key("k1");
        let token = signer.sign(&cx, "entitlement").unwrap();

        let arrived = signer.verify(&token, "entitlement").unwrap();
        assert_eq!((&arrived.tenant, &arrived.caller), (&cx.tenant, &cx.caller));
        assert_eq!((&arrived.request_id, arrived.business_now), (&cx.request_id, cx.business_now));
        assert_eq!(arrived.idempotency_key, cx.idempotency_key);

        assert!(signer.verify(&token, "billing").is_err(), "another contract's token");
        assert!(CxSigner::new(&[8; 32], clock.clone()).verify(&token, "entitlement").is_err(), "another secret");
        clock.advance(Duration::from_secs(32));
        assert!(signer.verify(&token, "entitlement").is_err(), "an expired token");
    }
}

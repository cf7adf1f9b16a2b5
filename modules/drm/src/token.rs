//! Licence tokens: what a session may fetch licences for, signed by this module for itself (JWT, HS256, RFC 7515/7519).

use std::time::Duration;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use tessera_contract::Failure;
use tessera_contract_drm::{DrmError, KeyLabel};
use tessera_contract_entitlement::{PlayFacts, Viewing};
use tessera_runtime::secrets::KeyRing;
use tessera_types::{AssetId, PlaybackSessionId, TenantId, Timestamp};

const AUDIENCE: &str = "tessera-drm-licence";
const LONGEST: usize = 8 * 1024;
/// However soon a title's window ends, a licence request gets entitlement's reason and not an expired token.
const SHORTEST: Duration = Duration::from_secs(60);

/// What a token says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Claims {
    aud: String,
    exp: i64,
    pub(crate) tenant: TenantId,
    pub(crate) session: PlaybackSessionId,
    pub(crate) asset: AssetId,
    /// The only keys that it may have; all of the asset's where there is no list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keys: Option<Vec<KeyLabel>>,
    pub(crate) viewing: Viewing,
    pub(crate) facts: PlayFacts,
}

impl Claims {
    /// For `session` of `tenant`, until `expires`.
    pub(crate) fn new(
        tenant: TenantId,
        session: PlaybackSessionId,
        (asset, keys): (AssetId, Option<Vec<KeyLabel>>),
        (viewing, facts): (Viewing, PlayFacts),
        expires: Timestamp,
    ) -> Self {
        Self { aud: AUDIENCE.into(), exp: expires.as_seconds(), tenant, session, asset, keys, viewing, facts }
    }

    /// Whether the session may have the asset's key of this label; the one without a label has the empty one.
    pub(crate) fn may_have(&self, label: &str) -> bool {
        self.keys.as_ref().is_none_or(|keys| keys.iter().any(|key| key.as_str() == label))
    }
}

/// When a token made at `now` stops working: after `lifetime`, or when the title's window closes if that comes first.
/// In whole seconds, as a JWT has them.
pub(crate) fn expires_at(now: Timestamp, business_now: Timestamp, lifetime: Duration, facts: &PlayFacts) -> Timestamp {
    let left =
        facts.available_until.map_or(lifetime, |end| end.since(business_now).clamp(SHORTEST.min(lifetime), lifetime));
    Timestamp::from_micros(now.plus(left).as_seconds() * 1_000_000)
}

/// Signs with the ring's current key, and names it.
pub(crate) fn sign(keys: &KeyRing, claims: &Claims) -> Result<String, Failure> {
    let header = Header { kid: Some(keys.current().to_owned()), ..Header::new(Algorithm::HS256) };
    jsonwebtoken::encode(&header, claims, &EncodingKey::from_secret(keys.current_key()))
        .map_err(|e| Failure::internal("signing a licence token", e))
}

/// The claims of a token that this module signed for `tenant` and that holds at `now`.
pub(crate) fn verify(keys: &KeyRing, token: &str, tenant: &TenantId, now: Timestamp) -> Result<Claims, DrmError> {
    let header = Some(token).filter(|token| token.len() <= LONGEST).and_then(|t| jsonwebtoken::decode_header(t).ok());
    let header = header.filter(|header| header.alg == Algorithm::HS256 && !header.extras.inner().contains_key("crit"));
    let key = header.and_then(|header| keys.get(header.kid.as_deref()?)).ok_or_else(forged)?;
    let data = jsonwebtoken::decode::<Claims>(token, &DecodingKey::from_secret(key), &signature_alone());
    let claims = data.map_err(|_| forged())?.claims;
    if claims.aud != AUDIENCE {
        return Err(forged());
    }
    if claims.tenant != *tenant {
        return Err(DrmError::TokenInvalid("the playback token belongs to another service than this host's".into()));
    }
    match claims.exp <= now.as_seconds() {
        true => Err(DrmError::TokenInvalid("the playback token has run out: start playback again".into())),
        false => Ok(claims),
    }
}

fn forged() -> DrmError {
    DrmError::TokenInvalid("this is not a playback token of ours: start playback, and send the token it gave".into())
}

/// Only the signature: the library would ask the machine for the time.
fn signature_alone() -> Validation {
    let mut rules = Validation::new(Algorithm::HS256);
    rules.required_spec_claims.clear();
    (rules.validate_exp, rules.validate_nbf, rules.validate_aud) = (false, false, false);
    rules
}

#[cfg(test)]
mod tests {
    use tessera_runtime::config::Secret;

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_768_478_400_000_000);
    const HOUR: Duration = Duration::from_secs(3600);

    fn facts(available_until: Option<Timestamp>) -> PlayFacts {
        PlayFacts {
            title_id: "ttl_1".parse().unwrap(),
            free: false,
            plans: vec!["basic".into()],
            available_from: None,
            available_until,
            territories: None,
            minimum_age: 0,
        }
    }

    fn claims(tenant: &str) -> Claims {
        let viewing = Viewing { account_id: "acc_1".parse().unwrap(), territory: None, age_limit: None };
        let (session, asset) = ("pbs_1".parse().unwrap(), "ast_1".parse().unwrap());
        Claims::new(tenant.parse().unwrap(), session, (asset, None), (viewing, facts(None)), NOW.plus(HOUR))
    }

    fn ring(id: &str, byte: u8) -> KeyRing {
        KeyRing::new(id, Secret::new([byte; 32])).unwrap()
    }

    fn refused(keys: &KeyRing, token: &str, tenant: &str, now: Timestamp) -> bool {
        matches!(verify(keys, token, &tenant.parse().unwrap(), now), Err(DrmError::TokenInvalid(_)))
    }

    #[test]
    fn holds_for_its_tenant_until_it_runs_out() {
        let keys = ring("1", 1);
        let token = sign(&keys, &claims("acme")).unwrap();
        assert_eq!(verify(&keys, &token, &"acme".parse().unwrap(), NOW).unwrap(), claims("acme"));
        assert!(refused(&keys, &token, "globex", NOW), "another tenant");
        assert!(!refused(&keys, &token, "acme", NOW.plus(HOUR - Duration::from_secs(1))));
        assert!(refused(&keys, &token, "acme", NOW.plus(HOUR)), "the last second is over");
    }

    #[test]
    fn every_changed_character_is_noticed() {
        let keys = ring("1", 1);
        let token = sign(&keys, &claims("acme")).unwrap();
        for at in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            assert!(refused(&keys, &String::from_utf8(changed).unwrap(), "acme", NOW), "character {at}");
        }
        for bad in ["", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", &"x".repeat(LONGEST + 1)] {
            assert!(refused(&keys, bad, "acme", NOW), "{bad:.20}");
        }
    }

    #[test]
    fn an_older_key_s_tokens_hold_while_it_is_in_the_ring() {
        let token = sign(&ring("1", 1), &claims("acme")).unwrap();
        assert!(refused(&ring("2", 2), &token, "acme", NOW));
        let rotated = ring("2", 2).with_older("1", Secret::new([1; 32])).unwrap();
        assert!(!refused(&rotated, &token, "acme", NOW));
        assert!(refused(&ring("1", 2), &token, "acme", NOW), "the same id with another key");
    }

    #[test]
    fn a_token_meant_for_something_else_is_none() {
        let keys = ring("1", 1);
        let other = Claims { aud: "catalog".into(), ..claims("acme") };
        assert!(refused(&keys, &sign(&keys, &other).unwrap(), "acme", NOW));
    }

    #[test]
    fn lives_no_longer_than_the_title_s_window() {
        let lifetime = 6 * HOUR;
        // The tenant's time is two days ahead: what counts is how much of the window is left by it.
        let business_now = NOW.plus(48 * HOUR);
        for (until, expected) in [
            (None, lifetime),
            (Some(business_now.plus(100 * HOUR)), lifetime),
            (Some(business_now.plus(2 * HOUR)), 2 * HOUR),
            (Some(business_now.minus(HOUR)), SHORTEST),
        ] {
            assert_eq!(expires_at(NOW, business_now, lifetime, &facts(until)), NOW.plus(expected), "{until:?}");
        }
    }
}

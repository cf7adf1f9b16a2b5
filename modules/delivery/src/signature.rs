//! Signed URLs: a path prefix that says what may be fetched and until when.
//!
//! `KEY_ID.PAYLOAD.MAC`: the payload is base64url of JSON, the MAC is HMAC-SHA-256 (RFC 2104) over everything before it.
//! It names no viewer, and its expiry is rounded up, so that all viewers of a tier share one URL.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use tessera_contract_delivery::DeliveryError;
use tessera_runtime::secrets::KeyRing;
use tessera_types::{AssetId, TenantId, Territory, Timestamp};

/// What the MAC is over begins with this: a key that is used elsewhere too signs nothing that would hold here.
const PURPOSE: &[u8] = b"tessera signed media path 1\n";
const LONGEST: usize = 1024;

/// What a signed URL allows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pass {
    #[serde(rename = "t")]
    pub(crate) tenant: TenantId,
    #[serde(rename = "a")]
    pub(crate) asset: AssetId,
    #[serde(rename = "r")]
    pub(crate) tier: String,
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub(crate) territory: Option<Territory>,
    #[serde(rename = "h", default, skip_serializing_if = "Option::is_none")]
    pub(crate) max_height: Option<u32>,
    /// Sorted, each once.
    #[serde(rename = "v", default, skip_serializing_if = "Option::is_none")]
    pub(crate) codecs: Option<Vec<String>>,
    /// Seconds since the Unix epoch.
    #[serde(rename = "e")]
    pub(crate) expires: i64,
}

/// When a URL signed at `now` stops working: at least `seconds` from now, rounded up to a multiple of `step`.
pub(crate) fn expires_at(now: Timestamp, seconds: u64, step: u64) -> Timestamp {
    let limit = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let (earliest, step) = (now.as_seconds().saturating_add(limit(seconds)), limit(step).max(1));
    let rounded = earliest.saturating_add(step - 1).div_euclid(step).saturating_mul(step);
    Timestamp::from_micros(rounded.saturating_mul(1_000_000))
}

/// The path segment that carries `pass`, signed with the ring's current key.
pub(crate) fn sign(keys: &KeyRing, pass: &Pass) -> String {
    let payload = serde_json::to_vec(pass).expect("a pass has only strings and numbers");
    let signed = format!("{}.{}", keys.current(), BASE64_URL_SAFE_NO_PAD.encode(payload));
    let mac = mac(keys.current_key(), &signed).finalize().into_bytes();
    format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(mac))
}

/// What a path segment of `tenant`'s host allows at `now`.
pub(crate) fn verify(keys: &KeyRing, token: &str, tenant: &TenantId, now: Timestamp) -> Result<Pass, DeliveryError> {
    let pass = signed_by_us(keys, token).filter(|pass| pass.tenant == *tenant).ok_or_else(invalid)?;
    match pass.expires <= now.as_seconds() {
        true => Err(DeliveryError::UrlInvalid("this URL has run out: start playback again for a fresh one".into())),
        false => Ok(pass),
    }
}

pub(crate) fn invalid() -> DeliveryError {
    DeliveryError::UrlInvalid("this URL was not signed for this: use the manifest URL that playback gave".into())
}

fn signed_by_us(keys: &KeyRing, token: &str) -> Option<Pass> {
    if token.len() > LONGEST {
        return None;
    }
    let (signed, sent) = token.rsplit_once('.')?;
    let (key_id, payload) = signed.split_once('.')?;
    // In constant time. The decoder takes one text for given bytes, so that no other text passes for this one.
    let sent = BASE64_URL_SAFE_NO_PAD.decode(sent).ok()?;
    mac(keys.get(key_id)?, signed).verify_slice(&sent).ok()?;
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}

fn mac(key: &[u8; 32], signed: &str) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(PURPOSE);
    mac.update(signed.as_bytes());
    mac
}

#[cfg(test)]
mod tests {
    use tessera_runtime::config::Secret;

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_768_478_400_000_000);

    fn ring(id: &str, byte: u8) -> KeyRing {
        KeyRing::new(id, Secret::new([byte; 32])).unwrap()
    }

    fn pass() -> Pass {
        Pass {
            tenant: "acme".parse().unwrap(),
            asset: "ast_1".parse().unwrap(),
            tier: "standard".into(),
            territory: Some("DE".parse().unwrap()),
            max_height: Some(1080),
            codecs: Some(vec!["avc1".into(), "mp4a".into()]),
            expires: NOW.as_seconds() + 60,
        }
    }

    fn holds(keys: &KeyRing, token: &str, tenant: &str, now: Timestamp) -> bool {
        verify(keys, token, &tenant.parse().unwrap(), now).is_ok()
    }

    #[test]
    fn holds_for_its_tenant_until_it_runs_out() {
        let (keys, minute) = (ring("1", 1), std::time::Duration::from_secs(60));
        let token = sign(&keys, &pass());
        assert_eq!(verify(&keys, &token, &"acme".parse().unwrap(), NOW).unwrap(), pass());
        assert!(!holds(&keys, &token, "globex", NOW));
        assert!(!holds(&keys, &token, "acme", NOW.plus(minute)));
        assert!(!holds(&ring("1", 2), &token, "acme", NOW), "another key of the same id");
        let rotated = ring("2", 2).with_older("1", Secret::new([1; 32])).unwrap();
        assert!(holds(&rotated, &token, "acme", NOW), "an older key that is still taken");
    }

    #[test]
    fn no_other_text_passes_for_a_token() {
        let keys = ring("1", 1).with_older("2", Secret::new([2; 32])).unwrap();
        let token = sign(&keys, &pass());
        for at in 0..token.len() {
            for other in (b'-'..=b'z').filter(|other| *other != token.as_bytes()[at]) {
                let mut changed = token.clone().into_bytes();
                changed[at] = other;
                let changed = String::from_utf8(changed).unwrap();
                assert!(!holds(&keys, &changed, "acme", NOW), "{changed} differs at {at}");
            }
            assert!(!holds(&keys, &token[..at], "acme", NOW), "cut at {at}");
        }
        for bad in ["", "..", "1..", &format!("{token}="), &format!("{token}A"), &"1.".repeat(600)] {
            assert!(!holds(&keys, bad, "acme", NOW), "{bad:.40}");
        }
    }

    #[test]
    fn everybody_within_a_step_shares_an_expiry() {
        let second = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000);
        assert_eq!(expires_at(second(1), 100, 60), second(120));
        assert_eq!(expires_at(second(20), 100, 60), second(120));
        assert_eq!(expires_at(second(21), 100, 60), second(180));
        assert_eq!(expires_at(second(0), u64::MAX, 0), Timestamp::from_micros(i64::MAX));
    }
}

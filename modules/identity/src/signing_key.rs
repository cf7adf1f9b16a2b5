//! The life of a signing key: published, then signing, then published until nothing it signed holds any more.

use std::time::Duration;

use jsonwebtoken::{
    Algorithm, EncodingKey,
    jwk::{Jwk, JwkSet, KeyAlgorithm, PublicKeyUse, ThumbprintHash},
};
use p256::{SecretKey, pkcs8::EncodePrivateKey};
use tessera_contract::Failure;
use tessera_types::Timestamp;

use crate::{
    config::{TokenConfig, seconds},
    secret::Keyring,
    store::SigningKeyRow,
};

/// What a verifier's clock may be behind.
const LEEWAY: Duration = Duration::from_secs(60);

/// A fresh ES256 key.
pub(crate) struct Generated {
    pub(crate) key_id: String,
    pub(crate) private: Vec<u8>,
    pub(crate) public: Jwk,
}

/// Makes a key pair; its id is its thumbprint (RFC 7638).
pub(crate) fn generate() -> Result<Generated, Failure> {
    // One in 2^32 random values is not a scalar of the curve.
    let secret = std::iter::repeat_with(|| SecretKey::from_slice(&rand::random::<[u8; 32]>()))
        .find_map(Result::ok)
        .expect("an endless supply of random values has one");
    let der = secret.to_pkcs8_der().map_err(|e| Failure::internal("encoding a signing key", e))?;
    let key = EncodingKey::from_ec_der(der.as_bytes());
    let made = Jwk::from_encoding_key(&key, Algorithm::ES256);
    let mut public = made.map_err(|e| Failure::internal("making a signing key's public half", e))?;
    let key_id = public.thumbprint(ThumbprintHash::SHA256);
    let key_id = key_id.map_err(|e| Failure::internal("naming a signing key", e))?;
    public.common.key_id = Some(key_id.clone());
    public.common.public_key_use = Some(PublicKeyUse::Signature);
    public.common.key_algorithm = Some(KeyAlgorithm::ES256);
    Ok(Generated { key_id, private: der.as_bytes().to_vec(), public })
}

impl Generated {
    /// As it is stored: `generation` counts from 1, and it signs from `signs_from` on.
    pub(crate) fn row(
        &self,
        keyring: &Keyring,
        tenant: &str,
        generation: i64,
        now: Timestamp,
        signs_from: Timestamp,
    ) -> Result<SigningKeyRow, Failure> {
        let public = serde_json::to_string(&self.public);
        Ok(SigningKeyRow {
            generation,
            key_id: self.key_id.clone(),
            sealed: keyring.seal(&purpose(tenant, &self.key_id), &self.private)?,
            master_key_id: keyring.current().to_owned(),
            public_jwk: public.map_err(|e| Failure::internal("writing a signing key's public half", e))?,
            created_at: now.as_micros(),
            signs_from: signs_from.as_micros(),
        })
    }
}

/// What a private half is sealed for.
pub(crate) fn purpose<'t>(tenant: &'t str, key_id: &'t str) -> [&'t str; 3] {
    ["signing key", tenant, key_id]
}

/// The private half.
pub(crate) fn open(keyring: &Keyring, tenant: &str, row: &SigningKeyRow) -> Result<EncodingKey, Failure> {
    let private = keyring.open_stored(&purpose(tenant, &row.key_id), &row.sealed)?;
    Ok(EncodingKey::from_ec_der(&private))
}

/// The key that signs at `now`: the newest whose time has come. `keys` are oldest first, here and below.
pub(crate) fn signing(keys: &[SigningKeyRow], now: Timestamp) -> Option<&SigningKeyRow> {
    keys.iter().rev().find(|key| key.signs_from <= now.as_micros())
}

/// Whether it is time for a successor.
pub(crate) fn is_due(keys: &[SigningKeyRow], config: &TokenConfig, now: Timestamp) -> bool {
    keys.last()
        .is_none_or(|newest| Timestamp::from_micros(newest.signs_from).plus(seconds(config.rotate_seconds)) <= now)
}

/// Whether all that the key at `at` signed has expired.
pub(crate) fn is_retired(keys: &[SigningKeyRow], at: usize, config: &TokenConfig, now: Timestamp) -> bool {
    keys.get(at + 1).is_some_and(|successor| {
        let last_signed = Timestamp::from_micros(successor.signs_from);
        last_signed.plus(seconds(config.access_seconds)).plus(LEEWAY) <= now
    })
}

/// The public halves of all keys that are not retired.
pub(crate) fn published(keys: &[SigningKeyRow], config: &TokenConfig, now: Timestamp) -> Result<JwkSet, Failure> {
    let live = keys.iter().enumerate().filter(|(at, _)| !is_retired(keys, *at, config, now));
    let parsed = live.map(|(_, key)| serde_json::from_str(&key.public_jwk)).collect::<Result<Vec<Jwk>, _>>();
    Ok(JwkSet { keys: parsed.map_err(|e| Failure::internal("reading a stored public key", e))? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(generation: i64, signs_from: i64) -> SigningKeyRow {
        SigningKeyRow {
            generation,
            key_id: generation.to_string(),
            sealed: vec![],
            master_key_id: "1".into(),
            public_jwk: serde_json::to_string(&generate().unwrap().public).unwrap(),
            created_at: 0,
            signs_from: signs_from * 1_000_000,
        }
    }

    #[test]
    fn a_key_is_published_before_it_signs_and_until_its_tokens_expire() {
        let config = TokenConfig { access_seconds: 600, rotate_seconds: 1000, ..TokenConfig::default() };
        let keys = [key(1, 0), key(2, 2000)];
        let at = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000);
        for (now, signs, published_keys) in [(100, 1, 2), (1999, 1, 2), (2000, 2, 2), (2659, 2, 2), (2660, 2, 1)] {
            assert_eq!(signing(&keys, at(now)).unwrap().generation, signs, "at {now}");
            assert_eq!(published(&keys, &config, at(now)).unwrap().keys.len(), published_keys, "at {now}");
        }
        assert!(!is_due(&keys, &config, at(2999)));
        assert!(is_due(&keys, &config, at(3000)));
        assert!(is_due(&[], &config, at(0)));
    }
}

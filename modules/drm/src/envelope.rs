//! Content keys at rest: encrypted under a master key, and bound to where they belong.
//!
//! AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce before the ciphertext. Tenant, asset, label and key id are
//! authenticated, so that a row copied to another place does not open.

use aes_gcm::{
    Aes256Gcm, KeyInit,
    aead::{Aead, Payload},
};
use tessera_types::{AssetId, TenantId};

use crate::content_key::{ContentKey, hex};

const NONCE: usize = 12;

/// Whose key it is.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) tenant: &'a TenantId,
    pub(crate) asset: &'a AssetId,
    /// Empty for the key without one.
    pub(crate) label: &'a str,
}

/// The envelope does not open: another master key made it, or it was altered or moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sealed;

impl Place<'_> {
    /// Unambiguous, for none of the parts holds a line break.
    fn authenticated(&self, key_id: &[u8; 16]) -> Vec<u8> {
        let label = if self.label.is_empty() { String::new() } else { format!("\n{}", self.label) };
        format!("tessera content key 1\n{}\n{}\n{}{label}", self.tenant, self.asset, hex(key_id)).into_bytes()
    }
}

/// Encrypts key and IV. `nonce` is fresh and random.
pub(crate) fn wrap(master: &[u8; 32], place: Place<'_>, key: &ContentKey, nonce: [u8; NONCE]) -> Vec<u8> {
    let clear = [key.key, key.iv].concat();
    let payload = Payload { msg: &clear, aad: &place.authenticated(&key.key_id) };
    let sealed = Aes256Gcm::new(master.into()).encrypt(&nonce.into(), payload);
    let sealed = sealed.expect("32 bytes are far below what AES-GCM can encrypt");
    [nonce.as_slice(), &sealed].concat()
}

/// Decrypts what [`wrap`] made for the same place and key id.
pub(crate) fn unwrap(
    master: &[u8; 32],
    place: Place<'_>,
    key_id: [u8; 16],
    wrapped: &[u8],
) -> Result<ContentKey, Sealed> {
    let (nonce, sealed) = wrapped.split_first_chunk::<NONCE>().ok_or(Sealed)?;
    let payload = Payload { msg: sealed, aad: &place.authenticated(&key_id) };
    let clear = Aes256Gcm::new(master.into()).decrypt(&(*nonce).into(), payload).map_err(|_| Sealed)?;
    let (key, iv) = clear.split_first_chunk::<16>().ok_or(Sealed)?;
    Ok(ContentKey { key_id, key: *key, iv: iv.try_into().map_err(|_| Sealed)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MASTER: [u8; 32] = [9; 32];

    #[test]
    fn opens_only_in_its_place_with_its_key() {
        let (tenant, other): (TenantId, TenantId) = ("acme".parse().unwrap(), "globex".parse().unwrap());
        let (asset, sequel): (AssetId, AssetId) = ("ast_1".parse().unwrap(), "ast_2".parse().unwrap());
        let place = Place { tenant: &tenant, asset: &asset, label: "" };
        let key = ContentKey::of_random([[1; 16], [2; 16], [3; 16]]);
        let wrapped = wrap(&MASTER, place, &key, [4; 12]);
        assert_eq!(unwrap(&MASTER, place, key.key_id, &wrapped), Ok(key.clone()));
        assert!(!wrapped.windows(16).any(|window| window == key.key), "the key stands in the clear");

        assert_eq!(unwrap(&[8; 32], place, key.key_id, &wrapped), Err(Sealed), "another master key");
        assert_eq!(unwrap(&MASTER, Place { tenant: &other, ..place }, key.key_id, &wrapped), Err(Sealed));
        assert_eq!(unwrap(&MASTER, Place { asset: &sequel, ..place }, key.key_id, &wrapped), Err(Sealed));
        assert_eq!(unwrap(&MASTER, Place { label: "hd", ..place }, key.key_id, &wrapped), Err(Sealed), "another label");
        assert_eq!(unwrap(&MASTER, place, [7; 16], &wrapped), Err(Sealed), "another key id");
        for at in 0..wrapped.len() {
            let mut changed = wrapped.clone();
            changed[at] ^= 1;
            assert_eq!(unwrap(&MASTER, place, key.key_id, &changed), Err(Sealed), "byte {at} changed");
            assert_eq!(unwrap(&MASTER, place, key.key_id, &wrapped[..at]), Err(Sealed), "{at} bytes");
        }
    }
}

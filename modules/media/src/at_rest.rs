//! The keys of track files at rest: one an attempt, kept under a master key. The files' own encryption is
//! `tessera-at-rest`'s, which the origin uses too.

use aes_gcm::{
    Aes256Gcm, KeyInit,
    aead::{Aead, Payload},
};
use tessera_types::{AssetId, TenantId};

const NONCE: usize = 12;

/// The key of the track files that one attempt makes.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct AssetKey(pub(crate) [u8; 16]);

impl std::fmt::Debug for AssetKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AssetKey(…)")
    }
}

/// Whose key it is: authenticated, so that an envelope copied to another row does not open.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) tenant: &'a TenantId,
    pub(crate) asset: &'a AssetId,
}

impl Place<'_> {
    /// Unambiguous, for none of the parts holds a line break.
    fn authenticated(&self) -> Vec<u8> {
        format!("tessera asset key 1\n{}\n{}", self.tenant, self.asset).into_bytes()
    }
}

/// The envelope does not open: another master key made it, or it was altered or moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the asset's key does not open: the master key that it was made under is another one")]
pub(crate) struct Sealed;

/// Encrypts the key with AES-256-GCM (NIST SP 800-38D). `nonce` is fresh and random, and stands before the ciphertext.
pub(crate) fn wrap(master: &[u8; 32], place: Place<'_>, key: &AssetKey, nonce: [u8; NONCE]) -> Vec<u8> {
    let payload = Payload { msg: &key.0, aad: &place.authenticated() };
    let sealed = Aes256Gcm::new(master.into()).encrypt(&nonce.into(), payload);
    [nonce.as_slice(), &sealed.expect("16 bytes are far below what AES-GCM can encrypt")].concat()
}

/// Decrypts what [`wrap`] made for the same place.
pub(crate) fn unwrap(master: &[u8; 32], place: Place<'_>, wrapped: &[u8]) -> Result<AssetKey, Sealed> {
    let (nonce, sealed) = wrapped.split_first_chunk::<NONCE>().ok_or(Sealed)?;
    let payload = Payload { msg: sealed, aad: &place.authenticated() };
    let clear = Aes256Gcm::new(master.into()).decrypt(&(*nonce).into(), payload).map_err(|_| Sealed)?;
    Ok(AssetKey(clear.try_into().map_err(|_| Sealed)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_opens_only_in_its_place_with_its_key() {
        let (tenant, other): (TenantId, TenantId) = ("acme".parse().unwrap(), "globex".parse().unwrap());
        let (asset, sequel): (AssetId, AssetId) = ("ast_1".parse().unwrap(), "ast_2".parse().unwrap());
        let place = Place { tenant: &tenant, asset: &asset };
        let key = AssetKey([3; 16]);
        let wrapped = wrap(&[9; 32], place, &key, [4; 12]);
        assert_eq!(unwrap(&[9; 32], place, &wrapped), Ok(key));
        assert_eq!(unwrap(&[8; 32], place, &wrapped), Err(Sealed));
        assert_eq!(unwrap(&[9; 32], Place { tenant: &other, ..place }, &wrapped), Err(Sealed));
        assert_eq!(unwrap(&[9; 32], Place { asset: &sequel, ..place }, &wrapped), Err(Sealed));
        for at in 0..wrapped.len() {
            let mut changed = wrapped.clone();
            changed[at] ^= 1;
            assert_eq!(unwrap(&[9; 32], place, &changed), Err(Sealed), "byte {at} changed");
            assert_eq!(unwrap(&[9; 32], place, &wrapped[..at]), Err(Sealed), "{at} bytes");
        }
    }
}

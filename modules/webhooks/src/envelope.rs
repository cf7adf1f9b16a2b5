//! Secrets at rest: encrypted under a master key, and bound to the address that they sign for.
//!
//! AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce before the ciphertext. Tenant, address and number are
//! authenticated, so that a row copied to another place does not open.

use aes_gcm::{
    Aes256Gcm, KeyInit,
    aead::{Aead, Payload},
};

use crate::signature::SECRET;

const NONCE: usize = 12;

/// Whose secret it is: tenant, address, number.
pub(crate) type Place<'a> = (&'a str, &'a str, i64);

fn authenticated((tenant, endpoint, number): Place<'_>) -> Vec<u8> {
    format!("tessera webhook secret 1\n{tenant}\n{endpoint}\n{number}").into_bytes()
}

/// Encrypts a secret. `nonce` is fresh and random.
pub(crate) fn wrap(master: &[u8; 32], place: Place<'_>, secret: &[u8; SECRET], nonce: [u8; NONCE]) -> Vec<u8> {
    let payload = Payload { msg: secret, aad: &authenticated(place) };
    let sealed = Aes256Gcm::new(master.into()).encrypt(&nonce.into(), payload);
    let sealed = sealed.expect("32 bytes are far below what AES-GCM can encrypt");
    [nonce.as_slice(), &sealed].concat()
}

/// Decrypts what [`wrap`] made for the same place; `None` when another master key made it, or it was altered or moved.
pub(crate) fn unwrap(master: &[u8; 32], place: Place<'_>, wrapped: &[u8]) -> Option<[u8; SECRET]> {
    let (nonce, sealed) = wrapped.split_first_chunk::<NONCE>()?;
    let payload = Payload { msg: sealed, aad: &authenticated(place) };
    Aes256Gcm::new(master.into()).decrypt(&(*nonce).into(), payload).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_opens_only_in_its_place_with_its_key() {
        let place = ("acme", "whk_1", 1);
        let wrapped = wrap(&[9; 32], place, &[7; 32], [4; 12]);
        assert_eq!(unwrap(&[9; 32], place, &wrapped), Some([7; 32]));
        assert_eq!(unwrap(&[8; 32], place, &wrapped), None, "another master key");
        for other in [("globex", "whk_1", 1), ("acme", "whk_2", 1), ("acme", "whk_1", 2)] {
            assert_eq!(unwrap(&[9; 32], other, &wrapped), None, "{other:?}");
        }
        for at in 0..wrapped.len() {
            let mut changed = wrapped.clone();
            changed[at] ^= 1;
            assert_eq!(unwrap(&[9; 32], place, &changed), None, "byte {at} changed");
            assert_eq!(unwrap(&[9; 32], place, &wrapped[..at]), None, "{at} bytes");
        }
    }
}

//! Random secrets, their hashes, and what is sealed under the master key.

use aes_gcm::{
    Aes256Gcm, Nonce,
    aead::{Aead, KeyInit, Payload},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tessera_contract::{Failure, FailureKind};
use tessera_runtime::secrets::{KeyRing, SECRET_BYTES};

const NONCE_BYTES: usize = 12;
/// What a sealed text begins with: the form that follows.
const FORM: u8 = 1;

/// 256 random bits as text.
pub(crate) fn random_token() -> String {
    BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

/// What is stored of a random token: SHA-256 in hexadecimal. The token has 256 bits, so a slow hash adds nothing.
pub(crate) fn hash(token: &str) -> String {
    hex(&Sha256::digest(token))
}

/// BASE64URL(SHA-256(text)), as PKCE wants it (RFC 7636 §4.2).
pub(crate) fn challenge_of(verifier: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}

/// Whether two texts are the same, in a time that does not tell how much of them is.
pub(crate) fn same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The keys that come from the master keys, one for each purpose. What is sealed is under the one in use; what an older
/// one sealed still opens.
pub(crate) struct Keyring {
    current: String,
    cipher: Aes256Gcm,
    older: Vec<Aes256Gcm>,
    signing: [u8; SECRET_BYTES],
}

impl Keyring {
    pub(crate) fn new(masters: &KeyRing) -> Self {
        let cipher = |master: &[u8; SECRET_BYTES]| Aes256Gcm::new(&mac(master, &["tessera.identity.seal.v1"]).into());
        Self {
            current: masters.current().to_owned(),
            cipher: cipher(masters.current_key()),
            older: masters.all().skip(1).map(|(_, master)| cipher(master)).collect(),
            signing: mac(masters.current_key(), &["tessera.identity.sign.v1"]),
        }
    }

    /// Id of the master key that seals.
    pub(crate) fn current(&self) -> &str {
        &self.current
    }

    /// A proof that we said `parts`, in hexadecimal.
    pub(crate) fn proof(&self, parts: &[&str]) -> String {
        hex(&mac(&self.signing, parts))
    }

    /// `plain` encrypted and authenticated (AES-256-GCM), to be opened for the same `purpose` only.
    pub(crate) fn seal(&self, purpose: &[&str], plain: &[u8]) -> Result<Vec<u8>, Failure> {
        let nonce: [u8; NONCE_BYTES] = rand::random();
        let payload = Payload { msg: plain, aad: &joined(purpose) };
        let sealed = self.cipher.encrypt(&Nonce::from(nonce), payload);
        let sealed = sealed.map_err(|_| Failure::new(FailureKind::Internal, "a secret could not be encrypted"))?;
        Ok([&[FORM], &nonce[..], &sealed].concat())
    }

    /// What was sealed for `purpose`; `None` when it was not, or under a master key that is not there.
    pub(crate) fn open(&self, purpose: &[&str], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.strip_prefix(&[FORM])?.split_first_chunk::<NONCE_BYTES>()?;
        let purpose = joined(purpose);
        let open =
            |cipher: &Aes256Gcm| cipher.decrypt(&Nonce::from(*nonce), Payload { msg: sealed, aad: &purpose }).ok();
        std::iter::once(&self.cipher).chain(&self.older).find_map(open)
    }

    /// As [`Self::open`], for what we stored ourselves.
    pub(crate) fn open_stored(&self, purpose: &[&str], sealed: &[u8]) -> Result<Vec<u8>, Failure> {
        self.open(purpose, sealed).ok_or_else(|| {
            let what = purpose.first().copied().unwrap_or_default();
            let detail =
                format!("a stored {what} was sealed under a master key that is not there; import it from an export");
            Failure::new(FailureKind::Internal, detail)
        })
    }
}

fn mac(key: &[u8], parts: &[&str]) -> [u8; SECRET_BYTES] {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(&joined(parts));
    mac.finalize().into_bytes().into()
}

/// Unambiguous: each part with its length before it.
fn joined(parts: &[&str]) -> Vec<u8> {
    parts.iter().flat_map(|part| [&(part.len() as u64).to_be_bytes()[..], part.as_bytes()].concat()).collect()
}

#[cfg(test)]
mod tests {
    use tessera_runtime::config::Secret;

    use super::*;

    fn ring(id: &str, byte: u8) -> KeyRing {
        KeyRing::new(id, Secret::new([byte; 32])).unwrap()
    }

    #[test]
    fn what_an_older_master_key_sealed_opens_while_it_is_in_the_ring() {
        let sealed = Keyring::new(&ring("1", 1)).seal(&["refresh"], b"text").unwrap();
        let rotated = Keyring::new(&ring("2", 2).with_older("1", Secret::new([1; 32])).unwrap());
        assert_eq!((rotated.current(), rotated.open(&["refresh"], &sealed).as_deref()), ("2", Some(&b"text"[..])));
        assert_eq!(Keyring::new(&ring("2", 2)).open(&["refresh"], &sealed), None);
        let anew = rotated.seal(&["refresh"], b"text").unwrap();
        assert!(Keyring::new(&ring("2", 2)).open(&["refresh"], &anew).is_some(), "the key in use seals");
    }

    #[test]
    fn what_is_sealed_opens_for_its_purpose_and_under_its_key_alone() {
        let (ours, theirs) = (Keyring::new(&ring("1", 1)), Keyring::new(&ring("1", 2)));
        let sealed = ours.seal(&["refresh", "acme"], b"text").unwrap();
        assert_eq!(ours.open(&["refresh", "acme"], &sealed).as_deref(), Some(&b"text"[..]));
        assert_eq!(ours.open(&["refresh", "globex"], &sealed), None);
        assert_eq!(ours.open(&["refresha", "cme"], &sealed), None);
        assert_eq!(theirs.open(&["refresh", "acme"], &sealed), None);
        let mut changed = sealed.clone();
        changed[20] ^= 1;
        assert_eq!(ours.open(&["refresh", "acme"], &changed), None);
        assert_eq!(ours.open(&["refresh", "acme"], &sealed[..8]), None);
    }

    #[test]
    fn the_challenge_is_rfc_7636_s() {
        assert_eq!(
            challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }
}

//! The chain of a trail: each record's hash is made of the record and of the hash before it.

use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tessera_runtime::{config::Secret, secrets::SECRET_BYTES};
use tessera_types::{TenantId, Timestamp};

/// Hashes records: HMAC-SHA-256, keyed, so that whoever can write to the database alone cannot make a chain that holds.
#[derive(Clone)]
pub(crate) struct Chain {
    mac: Arc<Hmac<Sha256>>,
}

/// What a hash is made of, besides the tenant.
pub(crate) struct Link<'a> {
    pub(crate) before: &'a str,
    pub(crate) number: i64,
    pub(crate) taken_at: Timestamp,
    pub(crate) record: &'a str,
}

impl Chain {
    pub(crate) fn new(key: &Secret<[u8; SECRET_BYTES]>) -> Self {
        let mac = Hmac::new_from_slice(key.expose()).expect("HMAC takes keys of any length");
        Self { mac: Arc::new(mac) }
    }

    /// The hash before a trail's first record.
    pub(crate) fn root(&self, tenant: &TenantId) -> String {
        self.hash(&[b"tessera.audit.root.v1", tenant.as_str().as_bytes()])
    }

    /// A record's hash, in hexadecimal.
    pub(crate) fn link(&self, tenant: &TenantId, link: &Link<'_>) -> String {
        let (number, taken_at) = (link.number.to_be_bytes(), link.taken_at.as_micros().to_be_bytes());
        self.hash(&[
            b"tessera.audit.record.v1",
            tenant.as_str().as_bytes(),
            link.before.as_bytes(),
            &number,
            &taken_at,
            link.record.as_bytes(),
        ])
    }

    /// Unambiguous: each part with its length before it.
    fn hash(&self, parts: &[&[u8]]) -> String {
        let mut mac = Hmac::clone(&self.mac);
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_a_link_makes_another_hash() {
        let (chain, other) = (Chain::new(&Secret::new([1; 32])), Chain::new(&Secret::new([2; 32])));
        let (acme, globex): (TenantId, TenantId) = ("acme".parse().unwrap(), "globex".parse().unwrap());
        let link = |before, number, at, record| Link { before, number, taken_at: Timestamp::from_micros(at), record };
        let hash = chain.link(&acme, &link("aa", 1, 5, "{}"));
        assert_eq!(hash, chain.link(&acme, &link("aa", 1, 5, "{}")));
        assert_eq!(hash.len(), 64);
        for different in [
            other.link(&acme, &link("aa", 1, 5, "{}")),
            chain.link(&globex, &link("aa", 1, 5, "{}")),
            chain.link(&acme, &link("ab", 1, 5, "{}")),
            chain.link(&acme, &link("aa", 2, 5, "{}")),
            chain.link(&acme, &link("aa", 1, 6, "{}")),
            chain.link(&acme, &link("aa", 1, 5, "{ }")),
            chain.root(&acme),
        ] {
            assert_ne!(hash, different);
        }
    }
}

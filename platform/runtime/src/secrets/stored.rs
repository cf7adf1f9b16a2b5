//! A secret's file: the key in use, and below it older ones, each on a line of its own.
//!
//! A line is the key's id, its 64 hexadecimal digits and when it was made (RFC 3339). A file that was never rotated is
//! the digits alone, and their id is `1`.

use sha2::{Digest, Sha256};
use tessera_types::Timestamp;

use super::{KeyRing, SECRET_BYTES, SecretError};
use crate::config::Secret;

/// The id of a key that was never replaced.
const FIRST: &str = "1";

/// A key as its file has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKey {
    /// Its id: `1`, `2` and so on.
    pub id: String,
    /// When it was made; `None` is unknown, for the first.
    pub made: Option<Timestamp>,
    key: Secret<[u8; SECRET_BYTES]>,
}

impl StoredKey {
    /// What tells this key from another of the same id, and tells nothing else of it: 16 hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        let digest = Sha256::new().chain_update("tessera key fingerprint\n").chain_update(self.key.expose()).finalize();
        hex(&digest[..8])
    }

    /// The key.
    pub fn key(&self) -> &Secret<[u8; SECRET_BYTES]> {
        &self.key
    }
}

/// The keys of one purpose; the first is in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRing {
    keys: Vec<StoredKey>,
}

impl StoredRing {
    /// A fresh ring of one key.
    pub(super) fn of_first(key: [u8; SECRET_BYTES]) -> Self {
        Self { keys: vec![StoredKey { id: FIRST.into(), made: None, key: Secret::new(key) }] }
    }

    /// What [`Self::text`] wrote; `None` when it is something else.
    pub fn parse(text: &str) -> Option<Self> {
        let mut keys: Vec<StoredKey> = Vec::new();
        for line in text.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let key = match words[..] {
                [digits] => StoredKey { id: FIRST.into(), made: None, key: Secret::new(decode(digits)?) },
                [id, digits, made] if super::is_name(id) => {
                    let made = if made == "-" { None } else { Some(made.parse().ok()?) };
                    StoredKey { id: id.to_owned(), made, key: Secret::new(decode(digits)?) }
                }
                _ => return None,
            };
            if keys.iter().any(|known| known.id == key.id) {
                return None;
            }
            keys.push(key);
        }
        (!keys.is_empty()).then_some(Self { keys })
    }

    /// As its file has it.
    pub fn text(&self) -> Secret<String> {
        let line = |stored: &StoredKey| {
            let made = stored.made.map_or_else(|| "-".to_owned(), |made| made.to_string());
            format!("{} {} {made}\n", stored.id, hex(stored.key.expose()))
        };
        Secret::new(match &self.keys[..] {
            [only] if only.id == FIRST && only.made.is_none() => format!("{}\n", hex(only.key.expose())),
            keys => keys.iter().map(line).collect(),
        })
    }

    /// The keys; the first is in use.
    pub fn keys(&self) -> &[StoredKey] {
        &self.keys
    }

    /// The key in use.
    pub fn current(&self) -> &StoredKey {
        &self.keys[0] // a ring is made with a key in it
    }

    /// Since when the key `id` is no longer used; `None` while it is, or when it is not there.
    pub fn replaced_at(&self, id: &str) -> Option<Timestamp> {
        let at = self.keys.iter().position(|key| key.id == id)?;
        at.checked_sub(1).and_then(|successor| self.keys[successor].made)
    }

    /// The same ring with a fresh key in use, and the others below it.
    #[must_use]
    pub fn rotated(mut self, now: Timestamp) -> Self {
        let highest = self.keys.iter().filter_map(|key| key.id.parse::<u64>().ok()).max().unwrap_or_default();
        let key = StoredKey { id: (highest + 1).to_string(), made: Some(now), key: Secret::new(rand::random()) };
        self.keys.insert(0, key);
        self
    }

    /// The same ring without the key `id`; the key in use stays.
    #[must_use]
    pub fn without(mut self, id: &str) -> Self {
        let current = self.keys[0].id.clone();
        self.keys.retain(|key| key.id == current || key.id != id);
        self
    }

    /// For those who use the keys.
    ///
    /// # Errors
    /// As [`KeyRing::new`].
    pub fn ring(&self) -> Result<KeyRing, SecretError> {
        let current = self.current();
        let ring = KeyRing::new(&current.id, current.key.clone())?;
        self.keys[1..].iter().try_fold(ring, |ring, older| ring.with_older(&older.id, older.key.clone()))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn decode(digits: &str) -> Option<[u8; SECRET_BYTES]> {
    if digits.len() != SECRET_BYTES * 2 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let mut secret = [0; SECRET_BYTES];
    for (at, byte) in secret.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&digits[at * 2..at * 2 + 2], 16).ok()?;
    }
    Some(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_768_478_400_000_000);

    #[test]
    fn a_rotated_ring_is_read_as_it_was_written_and_a_first_key_stays_one_line_of_digits() {
        let first = StoredRing::of_first([7; 32]);
        assert_eq!(*first.text().expose(), format!("{}\n", "07".repeat(32)));
        assert_eq!(StoredRing::parse(first.text().expose()), Some(first.clone()));

        let later = NOW.plus(std::time::Duration::from_secs(60));
        let rotated = first.clone().rotated(NOW).rotated(later);
        assert_eq!(StoredRing::parse(rotated.text().expose()), Some(rotated.clone()));
        let ids: Vec<_> = rotated.keys().iter().map(|key| key.id.as_str()).collect();
        assert_eq!(ids, ["3", "2", "1"]);
        assert_eq!(
            (rotated.replaced_at("3"), rotated.replaced_at("2"), rotated.replaced_at("1")),
            (None, Some(later), Some(NOW))
        );
        let ring = rotated.ring().unwrap();
        assert_eq!((ring.current(), ring.get("1")), ("3", Some(&[7; 32])));
        assert!(!format!("{rotated:?}").contains('7'.to_string().repeat(2).as_str()), "keys never print");
    }

    #[test]
    fn a_retired_key_is_gone_its_number_is_not_given_again_and_the_one_in_use_stays() {
        let ring = StoredRing::of_first([7; 32]).rotated(NOW);
        assert_eq!(ring.clone().without("2"), ring, "it is in use");
        let left = ring.without("1");
        assert_eq!(left.ring().unwrap().get("1"), None);
        assert_eq!(StoredRing::parse(left.text().expose()), Some(left.clone()));
        assert_eq!(left.rotated(NOW).current().id, "3");
    }

    #[test]
    fn keys_have_different_fingerprints() {
        let (one, other) = (StoredRing::of_first([1; 32]), StoredRing::of_first([2; 32]));
        assert_ne!(one.current().fingerprint(), other.current().fingerprint());
        assert_eq!(one.current().fingerprint().len(), 16);
    }

    #[test]
    fn half_a_file_is_none() {
        let whole = StoredRing::of_first([7; 32]).rotated(NOW).text().expose().clone();
        for cut in 0..whole.len() - 1 {
            let half = StoredRing::parse(&whole[..cut]);
            assert!(half.is_none_or(|ring| ring.keys().len() == 1), "{cut} bytes");
        }
        for bad in ["", "\n", "1 07 -", &format!("1 {0} -\n1 {0} -\n", "07".repeat(32)), "a b c d"] {
            assert_eq!(StoredRing::parse(bad), None, "{bad:?}");
        }
    }
}

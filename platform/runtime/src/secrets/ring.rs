//! Keys by id: one in use, older ones still taken, so that a key can be replaced.

use std::collections::BTreeMap;

use super::{SECRET_BYTES, SecretError, is_name};
use crate::config::Secret;

/// One key that is used from now on, and older ones that made what is still around.
#[derive(Debug, Clone)]
pub struct KeyRing {
    current: String,
    keys: BTreeMap<String, Secret<[u8; SECRET_BYTES]>>,
}

impl KeyRing {
    /// A ring whose current key is `key`. The id travels beside what the key made.
    ///
    /// # Errors
    /// The id is not 1 to 64 of a-z, 0-9, `-` and `_`.
    pub fn new(id: &str, key: Secret<[u8; SECRET_BYTES]>) -> Result<Self, SecretError> {
        let empty = Self { current: id.to_owned(), keys: BTreeMap::new() };
        empty.with_older(id, key)
    }

    /// The same ring with one more key that is taken and no longer used.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_older(mut self, id: &str, key: Secret<[u8; SECRET_BYTES]>) -> Result<Self, SecretError> {
        if !is_name(id) {
            return Err(SecretError::Name(id.chars().take(80).collect()));
        }
        self.keys.entry(id.to_owned()).or_insert(key);
        Ok(self)
    }

    /// Id of the key to use.
    pub fn current(&self) -> &str {
        &self.current
    }

    /// The key to use.
    pub fn current_key(&self) -> &[u8; SECRET_BYTES] {
        self.get(&self.current).expect("a ring is made with its current key in it")
    }

    /// Every key that is taken with its id, the one to use first.
    pub fn all(&self) -> impl Iterator<Item = (&str, &[u8; SECRET_BYTES])> {
        let older = self.keys.iter().filter(|(id, _)| **id != self.current);
        let older = older.map(|(id, key)| (id.as_str(), key.expose()));
        std::iter::once((self.current(), self.current_key())).chain(older)
    }

    /// The key of this id, if it is still taken.
    pub fn get(&self, id: &str) -> Option<&[u8; SECRET_BYTES]> {
        self.keys.get(id).map(Secret::expose)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_key_is_taken_and_not_used() {
        let ring = KeyRing::new("2", Secret::new([2; 32])).unwrap().with_older("1", Secret::new([1; 32])).unwrap();
        assert_eq!((ring.current(), ring.current_key()), ("2", &[2; 32]));
        assert_eq!((ring.get("1"), ring.get("3")), (Some(&[1; 32]), None));
        assert_eq!(ring.all().collect::<Vec<_>>(), [("2", &[2; 32]), ("1", &[1; 32])]);
        assert!(!format!("{ring:?}").contains("[1, 1"), "keys never print");
    }

    #[test]
    fn an_id_is_a_plain_name() {
        for bad in ["", "a.b", "A", "ü", &"x".repeat(65)] {
            assert!(KeyRing::new(bad, Secret::new([0; 32])).is_err(), "{bad:?}");
        }
    }
}

//! What tus headers say (tus 1.0.0, <https://tus.io/protocols/resumable-upload>), without the HTTP around them.

use base64::{Engine, prelude::BASE64_STANDARD};
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// Bytes of `Upload-Metadata` at most.
const METADATA_MAX: usize = 4096;
/// The algorithms of `Upload-Checksum` that are taken.
pub(crate) const ALGORITHMS: &str = "sha1,sha256";

/// Whether a text is `Upload-Metadata`: keys, each with a Base64 value or none, between commas.
pub(crate) fn is_metadata(text: &str) -> bool {
    let pair = |pair: &str| {
        let mut parts = pair.trim().split(' ');
        let key = parts.next().is_some_and(|key| !key.is_empty() && key.bytes().all(|b| b.is_ascii_graphic()));
        let value = parts.next().is_none_or(|value| BASE64_STANDARD.decode(value).is_ok());
        key && value && parts.next().is_none()
    };
    text.len() <= METADATA_MAX && (text.is_empty() || text.split(',').all(pair))
}

/// A running checksum and what it has to come to.
pub(crate) struct Checksum {
    running: Running,
    expected: Vec<u8>,
}

enum Running {
    Sha1(Sha1),
    Sha256(Sha256),
}

impl Checksum {
    /// Reads `sha1 <Base64>`; `None` for an algorithm that is not taken, or not a checksum of it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (algorithm, value) = text.trim().split_once(' ')?;
        let expected = BASE64_STANDARD.decode(value.trim()).ok()?;
        let (running, length) = match algorithm {
            "sha1" => (Running::Sha1(Sha1::new()), 20),
            "sha256" => (Running::Sha256(Sha256::new()), 32),
            _ => return None,
        };
        (expected.len() == length).then_some(Self { running, expected })
    }

    /// Takes the next bytes.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match &mut self.running {
            Running::Sha1(running) => running.update(bytes),
            Running::Sha256(running) => running.update(bytes),
        }
    }

    /// Whether the bytes are those that were meant.
    pub(crate) fn holds(self) -> bool {
        match self.running {
            Running::Sha1(running) => running.finalize().as_slice() == self.expected,
            Running::Sha256(running) => running.finalize().as_slice() == self.expected,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_keys_with_base64_values() {
        for (text, taken) in [
            ("", true),
            ("filename d29ybGQubXA0,is_confidential", true),
            ("filename d29ybGQubXA0, type dmlkZW8=", true),
            ("filename not*base64", false),
            ("filename d29ybGQ= more", false),
            (",", false),
            (&"x".repeat(5000), false),
        ] {
            assert_eq!(is_metadata(text), taken, "{text:?}");
        }
    }

    #[test]
    fn a_checksum_holds_for_its_bytes_alone() {
        let of = |bytes: &[u8]| {
            let mut checksum = Checksum::parse("sha1 qvTGHdzF6KLavt4PO0gs2a6pQ00=").unwrap();
            checksum.update(bytes);
            checksum.holds()
        };
        assert!(of(b"hello") && !of(b"hellp"));
        for bad in ["md5 XUFAKrxLKna5cZ2REBfFkg==", "sha1 aGVsbG8=", "sha1", "sha1 *"] {
            assert!(Checksum::parse(bad).is_none(), "{bad}");
        }
    }
}

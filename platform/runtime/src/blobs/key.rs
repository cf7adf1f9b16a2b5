//! Names of blobs: no name leaves its tenant's folder.

use std::{fmt, str::FromStr};

/// A blob's key below its tenant: 1 to 12 segments with `/` between them, each 1 to 128 of letters, digits, `-`, `_`,
/// `.` and `~`, none beginning with a dot. Keys sort bytewise.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlobKey(String);

/// The text is not a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a blob key is 1 to 12 segments of letters, digits, '-', '_', '.' and '~' with '/' between them, none beginning \
     with a dot or longer than 128, got {0:?}"
)]
pub struct BlobKeyError(String);

impl BlobKey {
    /// The text form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its segments.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }

    /// The key of `name` below this one.
    ///
    /// # Errors
    /// The whole is not a key.
    pub fn join(&self, name: &str) -> Result<Self, BlobKeyError> {
        format!("{}/{name}", self.0).parse()
    }
}

impl FromStr for BlobKey {
    type Err = BlobKeyError;
    fn from_str(text: &str) -> Result<Self, BlobKeyError> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-_.~".contains(&b);
        let segment = |s: &str| (1..=128).contains(&s.len()) && !s.starts_with('.') && s.bytes().all(allowed);
        match text.split('/').count() <= 12 && text.split('/').all(segment) {
            true => Ok(Self(text.to_owned())),
            false => Err(BlobKeyError(text.chars().take(140).collect())),
        }
    }
}

impl fmt::Display for BlobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

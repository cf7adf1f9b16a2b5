//! Opaque identifiers with a typed prefix and a time-ordered body.

use serde::{Deserialize, Serialize};

use crate::{Timestamp, text::text_type};

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Empty, longer than 128 bytes, or with a character outside `A-Z a-z 0-9 - . _ ~`.
    #[error("an id is 1 to 128 URL-safe characters (letters, digits, '-', '.', '_', '~'), got {0:?}")]
    NotUrlSafe(String),
    /// The minting module got an id that it cannot have minted.
    #[error("expected an id that begins with {expected:?}, got {got:?}")]
    WrongPrefix {
        /// The prefix the module mints, with its underscore.
        expected: &'static str,
        /// What was sent.
        got: String,
    },
}

fn check(text: &str) -> Result<(), IdError> {
    let safe = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    match (1..=128).contains(&text.len()) && text.bytes().all(safe) && text != "." && text != ".." {
        true => Ok(()),
        false => Err(IdError::NotUrlSafe(text.chars().take(140).collect())),
    }
}

/// A prefix and 32 hexadecimal digits of a UUIDv7 (RFC 9562 §5.7): ids of one kind sort by the time they were minted.
fn mint(prefix: &str, now: Timestamp) -> String {
    let millis = u64::try_from(now.as_micros() / 1000).unwrap_or(0);
    let body = uuid::Builder::from_unix_timestamp_millis(millis, &rand::random()).into_uuid();
    format!("{prefix}{}", body.simple())
}

macro_rules! ids {
    ($($(#[$doc:meta])* $type:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        text_type!($type, IdError, check, schema = schemars::json_schema!({
            "type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[A-Za-z0-9._~-]+$",
            "description": concat!("Opaque id; Tessera's own begin with `", $prefix, "`."),
        }));

        impl $type {
            /// The prefix of the ids that Tessera's own module mints.
            pub const PREFIX: &str = $prefix;

            /// A fresh id; `now` orders it among its kind.
            pub fn mint(now: Timestamp) -> Self {
                Self(mint(Self::PREFIX, now))
            }

            /// For the minting module alone: an id that it cannot have minted is the caller's mistake.
            pub fn expect_minted(&self) -> Result<(), IdError> {
                match self.0.starts_with(Self::PREFIX) {
                    true => Ok(()),
                    false => Err(IdError::WrongPrefix { expected: Self::PREFIX, got: self.0.clone() }),
                }
            }
        }
    )*};
}

ids! {
    /// Something a viewer can choose to watch.
    TitleId = "ttl_";
    /// A person or household that signs in and pays.
    AccountId = "acc_";
    /// One viewer within an account.
    ProfileId = "prf_";
    /// A packaged piece of media, with its track files.
    AssetId = "ast_";
    /// A resumable upload.
    UploadId = "upl_";
    /// One press of play, until it ends.
    PlaybackSessionId = "pbs_";
    /// What is for sale.
    OfferId = "off_";
    /// A recurring agreement to pay.
    SubscriptionId = "sub_";
    /// A right to watch.
    GrantId = "grt_";
    /// An export of a tenant's data.
    ExportId = "exp_";
    /// An API key (the id, never the secret).
    KeyId = "key_";
    /// An address that events are brought to.
    WebhookId = "whk_";
    /// One event on its way to one address.
    DeliveryId = "dlv_";
    /// A record of the audit trail.
    AuditRecordId = "aud_";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minted_ids_sort_by_time_and_pass_their_own_check() {
        let (early, late) =
            (TitleId::mint(Timestamp::from_micros(1_000_000)), TitleId::mint(Timestamp::from_micros(2_000_000)));
        assert!(early < late);
        assert_eq!(early.expect_minted(), Ok(()));
    }

    #[test]
    fn foreign_ids_are_opaque_but_must_be_url_safe() {
        let foreign: TitleId = "cms-4711.v2~x".parse().unwrap();
        assert!(matches!(foreign.expect_minted(), Err(IdError::WrongPrefix { expected: "ttl_", .. })));
        for bad in ["", "a/b", "a b", "ü", ".", "..", "a%2f", &"x".repeat(129)] {
            assert!(bad.parse::<TitleId>().is_err(), "{bad:?} must not be an id");
        }
    }
}

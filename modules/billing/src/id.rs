//! Ids that only billing mints and no other contract names.

use tessera_contract::Failure;
use tessera_types::Timestamp;

/// The prefix of a checkout's id.
const CHECKOUT: &str = "chk_";
/// The prefix of a ledger transaction's id.
const TRANSACTION: &str = "ltx_";

/// A fresh checkout id.
pub(crate) fn checkout(now: Timestamp) -> String {
    mint(CHECKOUT, now)
}

/// A fresh ledger transaction id.
pub(crate) fn transaction(now: Timestamp) -> String {
    mint(TRANSACTION, now)
}

/// A checkout id that we cannot have minted is the caller's mistake.
pub(crate) fn expect_checkout(id: &str) -> Result<(), Failure> {
    match minted(CHECKOUT, id) {
        true => Ok(()),
        false => Err(Failure::invalid("checkout_id", format!("expected an id that begins with {CHECKOUT:?}"))),
    }
}

/// A cursor holds a ledger transaction's id, or is not ours.
pub(crate) fn expect_transaction(id: &str) -> Result<(), Failure> {
    match minted(TRANSACTION, id) {
        true => Ok(()),
        false => Err(Failure::invalid("cursor", "pass next_cursor of the page before, unchanged")),
    }
}

fn minted(prefix: &str, id: &str) -> bool {
    id.len() <= 64 && id.strip_prefix(prefix).is_some_and(|body| body.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// A prefix and a UUIDv7 (RFC 9562 §5.7), as all ids of ours.
fn mint(prefix: &str, now: Timestamp) -> String {
    let millis = u64::try_from(now.as_micros() / 1000).unwrap_or(0);
    let body = uuid::Builder::from_unix_timestamp_millis(millis, &rand::random()).into_uuid();
    format!("{prefix}{}", body.simple())
}

//! All SQL of billing, a file a concept.

mod checkouts;
pub(crate) mod holdings;
pub(crate) mod ledger;
mod offers;
mod purchases;
mod subscriptions;

use tessera_contract::{Failure, FailureKind};
use tessera_types::{Money, Timestamp};

pub(crate) use checkouts::{checkout, checkout_in, insert_checkout, update_checkout};
pub(crate) use offers::{OfferFilter, archive_offer, insert_offer, offer_in, offers};
pub(crate) use purchases::{insert_purchase, purchases};
pub(crate) use subscriptions::{
    agreement, agreement_in, delete_agreement, due, insert_agreement, renewals_open, subscriptions, update_agreement,
};

/// Something stored is not what we write.
pub(crate) fn corrupt(what: String) -> Failure {
    Failure::new(FailureKind::Internal, format!("reading the billing store: {what}"))
}

/// A stored text back as the type it was written from.
fn parsed<T: std::str::FromStr>(text: &str, what: &str) -> Result<T, Failure>
where
    T::Err: std::error::Error,
{
    text.parse().map_err(|e: T::Err| corrupt(format!("{what}: {e}")))
}

fn money(amount_minor: i64, currency: &str) -> Result<Money, Failure> {
    Ok(Money::new(amount_minor, parsed(currency, "a currency")?))
}

fn count(number: i64) -> Result<u32, Failure> {
    u32::try_from(number).map_err(|_| corrupt(format!("{number} is not a count")))
}

fn time(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

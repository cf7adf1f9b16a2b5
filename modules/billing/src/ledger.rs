//! The double-entry ledger.
//!
//! A transaction's entries sum to zero in each currency; debit is positive, credit negative. The chart of accounts:
//!
//! | account | what it holds |
//! | --- | --- |
//! | `gateway:receivable` | what the gateway took from cards and owes us |
//! | `revenue:subscription` | a subscription's periods |
//! | `revenue:rental` | rentals |
//!
//! Revenue is recognised when it is charged, tax included: there is no deferral over a period, and no payout or fee,
//! for the gateway's contract tells of none. Both would be further accounts and further transactions, not other ones.

use std::collections::BTreeMap;

use tessera_contract_billing::LedgerEntry;
use tessera_types::{Currency, Money, Timestamp};

const RECEIVABLE: &str = "gateway:receivable";

/// What was sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sold {
    /// A period of a subscription.
    Subscription,
    /// A rental.
    Rental,
}

impl Sold {
    fn revenue(self) -> &'static str {
        match self {
            Sold::Subscription => "revenue:subscription",
            Sold::Rental => "revenue:rental",
        }
    }
}

/// A transaction that balances; there is no other way to make one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Booking {
    /// What it belongs to; booked once.
    pub(crate) reference: String,
    /// What it was, for a person to read.
    pub(crate) description: String,
    /// When, business time.
    pub(crate) booked_at: Timestamp,
    entries: Vec<LedgerEntry>,
}

/// Why entries are no transaction.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LedgerError {
    /// Fewer than two entries, or one of nothing.
    #[error("a transaction has at least two entries, none of them zero")]
    Incomplete,
    /// The entries of a currency do not sum to zero.
    #[error("the entries in {0} sum to {1}, not to zero")]
    Unbalanced(Currency, i128),
}

impl Booking {
    /// A transaction of these entries.
    pub(crate) fn new(
        reference: String,
        description: String,
        booked_at: Timestamp,
        entries: Vec<LedgerEntry>,
    ) -> Result<Self, LedgerError> {
        if entries.len() < 2 || entries.iter().any(|entry| entry.amount.amount_minor == 0) {
            return Err(LedgerError::Incomplete);
        }
        let mut sums = BTreeMap::<&Currency, i128>::new();
        for LedgerEntry { amount, .. } in &entries {
            *sums.entry(&amount.currency).or_default() += i128::from(amount.amount_minor);
        }
        if let Some((currency, sum)) = sums.into_iter().find(|(_, sum)| *sum != 0) {
            return Err(LedgerError::Unbalanced(currency.clone(), sum));
        }
        Ok(Self { reference, description, booked_at, entries })
    }

    /// A charge that succeeded: the gateway owes us, and we have sold something.
    pub(crate) fn sale(
        sold: Sold,
        reference: String,
        description: String,
        booked_at: Timestamp,
        price: &Money,
    ) -> Result<Self, LedgerError> {
        let credit = Money::new(price.amount_minor.saturating_neg(), price.currency.clone());
        let entries = vec![
            LedgerEntry { account: RECEIVABLE.into(), amount: price.clone() },
            LedgerEntry { account: sold.revenue().into(), amount: credit },
        ];
        Self::new(reference, description, booked_at, entries)
    }

    /// The legs.
    pub(crate) fn entries(&self) -> &[LedgerEntry] {
        &self.entries
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry((account, amount, currency): (u8, i64, bool)) -> LedgerEntry {
        let currency = if currency { "EUR" } else { "USD" }.parse().unwrap();
        LedgerEntry { account: format!("account:{account}"), amount: Money::new(amount, currency) }
    }

    fn booking(entries: Vec<LedgerEntry>) -> Result<Booking, LedgerError> {
        Booking::new("chk_1".into(), "a sale".into(), Timestamp::from_micros(0), entries)
    }

    proptest! {
        #[test]
        fn whatever_is_booked_sums_to_zero_in_each_currency(
            legs in prop::collection::vec((0u8..4, -3i64..=3, any::<bool>()), 0..6),
        ) {
            let entries: Vec<_> = legs.into_iter().map(entry).collect();
            let sum = |code: &str| {
                entries.iter().filter(|e| e.amount.currency.as_str() == code).map(|e| e.amount.amount_minor).sum::<i64>()
            };
            let sound = entries.len() >= 2 && entries.iter().all(|e| e.amount.amount_minor != 0);
            prop_assert_eq!(booking(entries.clone()).is_ok(), sound && sum("EUR") == 0 && sum("USD") == 0);
        }

        #[test]
        fn every_price_is_a_sale_that_balances(minor in 1i64..=i64::MAX, rental in any::<bool>()) {
            let sold = if rental { Sold::Rental } else { Sold::Subscription };
            let price = Money::new(minor, "EUR".parse().unwrap());
            let sale = Booking::sale(sold, "chk_1".into(), "a sale".into(), Timestamp::from_micros(0), &price).unwrap();
            let sum: i128 = sale.entries().iter().map(|e| i128::from(e.amount.amount_minor)).sum();
            prop_assert_eq!((sum, sale.entries().len()), (0, 2));
        }
    }

    #[test]
    fn extreme_amounts_are_refused_and_do_not_overflow() {
        let entries = vec![entry((0, i64::MAX, true)), entry((1, i64::MAX, true)), entry((2, i64::MIN, true))];
        assert!(matches!(booking(entries), Err(LedgerError::Unbalanced(_, sum)) if sum == i128::from(i64::MAX) - 1));
    }
}

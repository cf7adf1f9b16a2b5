//! Money as integers of a currency's minor unit. Never a float.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::text_type;

/// A currency by its ISO 4217 alphabetic code, `EUR`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency(String);

/// The text is not three capital letters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a currency is three capital letters (ISO 4217), got {0:?}")]
pub struct CurrencyError(String);

text_type!(
    Currency,
    CurrencyError,
    |text| match text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase()) {
        true => Ok(()),
        false => Err(CurrencyError(text.chars().take(16).collect())),
    },
    schema = schemars::json_schema!({
        "type": "string", "pattern": "^[A-Z]{3}$", "description": "ISO 4217 alphabetic currency code.",
    })
);

impl Currency {
    /// Digits after the decimal point in the minor unit (ISO 4217 table A.1).
    pub fn minor_digits(&self) -> u32 {
        match self.as_str() {
            "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "UYI" | "VND"
            | "VUV" | "XAF" | "XOF" | "XPF" => 0,
            "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
            _ => 2,
        }
    }
}

/// An amount of one currency, in its minor unit: `{"amount_minor": 799, "currency": "EUR"}` is 7.99 €.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Money {
    /// Integer count of the minor unit (cents); negative for what is owed back.
    pub amount_minor: i64,
    /// The currency of the amount.
    pub currency: Currency,
}

/// Why two amounts do not add.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Amounts of different currencies have no sum.
    #[error("cannot add {0} and {1}")]
    CurrencyMismatch(Currency, Currency),
    /// The sum does not fit 64 bits.
    #[error("the sum of {0} and {1} overflows")]
    Overflow(i64, i64),
}

impl Money {
    /// `amount_minor` of `currency`.
    pub fn new(amount_minor: i64, currency: Currency) -> Self {
        Self { amount_minor, currency }
    }

    /// The exact sum. Errors when the currencies differ or the sum overflows.
    pub fn checked_add(&self, other: &Money) -> Result<Money, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::CurrencyMismatch(self.currency.clone(), other.currency.clone()));
        }
        let sum = self.amount_minor.checked_add(other.amount_minor);
        let sum = sum.ok_or(MoneyError::Overflow(self.amount_minor, other.amount_minor))?;
        Ok(Money::new(sum, self.currency.clone()))
    }
}

impl std::fmt::Display for Money {
    /// `7.99 EUR`: for logs and messages; a front end formats by its own locale.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let digits = self.currency.minor_digits() as usize;
        let (sign, value) = (if self.amount_minor < 0 { "-" } else { "" }, self.amount_minor.unsigned_abs());
        if digits == 0 {
            return write!(f, "{sign}{value} {}", self.currency);
        }
        let unit = 10u64.pow(digits as u32);
        write!(f, "{sign}{}.{:0digits$} {}", value / unit, value % unit, self.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(amount: i64, currency: &str) -> Money {
        Money::new(amount, currency.parse().unwrap())
    }

    #[test]
    fn prints_in_the_currency_s_own_minor_unit() {
        for (value, text) in [
            (money(799, "EUR"), "7.99 EUR"),
            (money(-5, "EUR"), "-0.05 EUR"),
            (money(500, "JPY"), "500 JPY"),
            (money(1_234, "KWD"), "1.234 KWD"),
        ] {
            assert_eq!(value.to_string(), text);
        }
    }

    #[test]
    fn adds_only_like_to_like() {
        assert_eq!(money(799, "EUR").checked_add(&money(1, "EUR")), Ok(money(800, "EUR")));
        assert!(matches!(money(1, "EUR").checked_add(&money(1, "USD")), Err(MoneyError::CurrencyMismatch(..))));
        assert!(matches!(money(i64::MAX, "EUR").checked_add(&money(1, "EUR")), Err(MoneyError::Overflow(..))));
    }
}

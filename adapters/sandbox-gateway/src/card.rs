//! Test cards: which number does what, and what makes a card a possible one.

use tessera_contract_payment_gateway::{CreateToken, GatewayError};
use tessera_types::Timestamp;

/// What a test card does when it is charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behaviour {
    /// The charge succeeds.
    Succeeds,
    /// The bank refuses without a reason.
    Declined,
    /// The bank refuses for want of money.
    InsufficientFunds,
    /// The bank says that the card has expired, whatever is printed on it.
    Expired,
    /// The charge succeeds, and its answer is lost.
    AnswerLost,
    /// The request is lost: nothing is charged, and nobody answers.
    RequestLost,
    /// The charge is pending for a while, then succeeds.
    Slow,
}

/// Number, behaviour, its stored name, and what it does in words.
const TEST_CARDS: &[(&str, Behaviour, &str, &str)] = &[
    ("4242424242424242", Behaviour::Succeeds, "succeeds", "succeeds"),
    ("4000000000000002", Behaviour::Declined, "declined", "is declined"),
    ("4000000000009995", Behaviour::InsufficientFunds, "insufficient_funds", "has no funds"),
    ("4000000000000069", Behaviour::Expired, "expired", "has expired at its bank"),
    ("4000000000000259", Behaviour::AnswerLost, "answer_lost", "is charged, but the answer times out"),
    ("4000000000000341", Behaviour::RequestLost, "request_lost", "times out and is not charged"),
    ("4000000000000077", Behaviour::Slow, "slow", "stays pending for a while, then succeeds"),
];

impl Behaviour {
    /// Its name in the store.
    pub(crate) fn name(self) -> &'static str {
        TEST_CARDS.iter().find(|card| card.1 == self).map_or("declined", |card| card.2)
    }

    /// Back from the store.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        TEST_CARDS.iter().find(|card| card.2 == name).map(|card| card.1)
    }
}

/// A card that was checked. Its number is not in here, and goes no further.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CheckedCard {
    pub(crate) behaviour: Behaviour,
    pub(crate) brand: &'static str,
    pub(crate) last4: String,
    /// First instant it is no longer valid.
    pub(crate) expires_at: Timestamp,
}

/// Checks a card at `now`. Errors are `invalid_card`, and never repeat what was sent.
pub(crate) fn check(card: &CreateToken, now: Timestamp) -> Result<CheckedCard, GatewayError> {
    let number: String = card.card_number.chars().filter(|c| *c != ' ').collect();
    if !(12..=19).contains(&number.len()) || !number.bytes().all(|b| b.is_ascii_digit()) {
        return Err(invalid("a card number is 12 to 19 digits; spaces may stand between them"));
    }
    if !luhn(&number) {
        return Err(invalid("the card number is mistyped: its check digit does not fit"));
    }
    let code = &card.security_code;
    if !(3..=4).contains(&code.len()) || !code.bytes().all(|b| b.is_ascii_digit()) {
        return Err(invalid("the security code is the three or four digits on the card"));
    }
    let expires_at = expiry(card.expiry_month, card.expiry_year)?;
    if expires_at <= now {
        return Err(invalid("the card has expired: check month and year, or use another card"));
    }
    let known = TEST_CARDS.iter().find(|test| test.0 == number).ok_or_else(not_a_test_card)?;
    let last4 = number[number.len() - 4..].to_owned();
    Ok(CheckedCard { behaviour: known.1, brand: "visa", last4, expires_at })
}

/// The end of the month of expiry: a card is valid through its last day.
fn expiry(month: u8, year: u16) -> Result<Timestamp, GatewayError> {
    if !(1..=12).contains(&month) || !(2000..=2199).contains(&year) {
        return Err(invalid("the expiry is a month from 1 to 12 and a year with four digits"));
    }
    let first: Timestamp =
        format!("{year:04}-{month:02}-01T00:00:00Z").parse().map_err(|_| invalid("no such month"))?;
    Ok(first.plus_months(1))
}

/// The check digit of ISO/IEC 7812-1, annex B.
fn luhn(number: &str) -> bool {
    let sum: u32 = number
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, byte)| match (place % 2, u32::from(byte - b'0')) {
            (0, digit) => digit,
            (_, digit) => digit * 2 - if digit > 4 { 9 } else { 0 },
        })
        .sum();
    sum.is_multiple_of(10)
}

fn not_a_test_card() -> GatewayError {
    let spaced = |number: &str| {
        let groups: Vec<_> = (0..number.len()).step_by(4).map(|at| &number[at..number.len().min(at + 4)]).collect();
        groups.join(" ")
    };
    let cards: Vec<_> = TEST_CARDS.iter().map(|(number, _, _, does)| format!("{} {does}", spaced(number))).collect();
    invalid(&format!("this is a sandbox that takes no real card; its test cards: {}", cards.join("; ")))
}

fn invalid(why: &str) -> GatewayError {
    GatewayError::InvalidCard(why.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-01-15T12:00:00Z".parse().unwrap()
    }

    fn card(number: &str, month: u8, year: u16, code: &str) -> CreateToken {
        CreateToken { card_number: number.into(), expiry_month: month, expiry_year: year, security_code: code.into() }
    }

    #[test]
    fn every_test_card_is_a_possible_number_and_known() {
        for (number, behaviour, name, _) in TEST_CARDS {
            let checked = check(&card(number, 12, 2030, "123"), now()).unwrap();
            assert_eq!((checked.behaviour, &*checked.last4), (*behaviour, &number[12..]), "{name}");
            assert_eq!(Behaviour::from_name(behaviour.name()), Some(*behaviour));
        }
    }

    #[test]
    fn an_impossible_card_is_refused_and_the_answer_never_repeats_its_number() {
        for (bad, why) in [
            (card("4242 4242 4242 4241", 12, 2030, "123"), "mistyped"),
            (card("4242", 12, 2030, "123"), "12 to 19 digits"),
            (card("4242-4242-4242-4242", 12, 2030, "123"), "12 to 19 digits"),
            (card("４２４２424242424242", 12, 2030, "123"), "12 to 19 digits"),
            (card("5555 5555 5555 4444", 12, 2030, "123"), "sandbox"),
            (card("4242 4242 4242 4242", 13, 2030, "123"), "month from 1 to 12"),
            (card("4242 4242 4242 4242", 12, 30, "123"), "four digits"),
            (card("4242 4242 4242 4242", 12, 2025, "123"), "expired"),
            (card("4242 4242 4242 4242", 12, 2030, "12"), "security code"),
            (card("4242 4242 4242 4242", 12, 2030, "12a"), "security code"),
        ] {
            let refusal = check(&bad, now()).unwrap_err();
            assert!(matches!(&refusal, GatewayError::InvalidCard(detail) if detail.contains(why)), "{why}: {refusal}");
            assert!(!refusal.to_string().contains("5555"), "{refusal}");
        }
    }

    #[test]
    fn a_card_is_valid_through_the_last_day_of_its_month() {
        let last = "2026-01-31T23:59:59Z".parse().unwrap();
        let first = "2026-02-01T00:00:00Z".parse().unwrap();
        assert!(check(&card("4242424242424242", 1, 2026, "1234"), last).is_ok());
        assert!(check(&card("4242424242424242", 1, 2026, "1234"), first).is_err());
    }
}

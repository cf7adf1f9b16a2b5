//! What becomes of a charge: plain functions of the card's behaviour and the time.

use tessera_contract::Failure;
use tessera_contract_payment_gateway::{Charge, ChargeState, CreateCharge};
use tessera_types::{Money, Sensitive, Timestamp};

use crate::{card::Behaviour, config::SandboxGatewayConfig};

/// A token as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredToken {
    pub(crate) behaviour: Behaviour,
    pub(crate) expires_at: Timestamp,
}

/// A charge as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredCharge {
    pub(crate) reference: String,
    pub(crate) token: Sensitive<String>,
    pub(crate) amount: Money,
    pub(crate) statement: String,
    pub(crate) decline_code: Option<String>,
    pub(crate) settles_at: Timestamp,
    pub(crate) created_at: Timestamp,
}

/// What the gateway does about a new charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Whether a charge is kept at all.
    pub(crate) kept: bool,
    /// Whether the caller gets an answer.
    pub(crate) answered: bool,
    /// Why it is declined.
    pub(crate) decline_code: Option<&'static str>,
    /// When it succeeds, unless declined.
    pub(crate) settles_at: Timestamp,
}

/// What happens when `token` is charged. A card that ran out by `business_now` is declined, so that moving a test
/// tenant's time past a card's expiry shows a renewal that fails.
pub(crate) fn plan(
    token: &StoredToken,
    business_now: Timestamp,
    now: Timestamp,
    config: &SandboxGatewayConfig,
) -> Plan {
    let succeeds = Plan { kept: true, answered: true, decline_code: None, settles_at: now };
    let declined = |code| Plan { decline_code: Some(code), ..succeeds };
    if token.expires_at <= business_now {
        return declined("expired_card");
    }
    match token.behaviour {
        Behaviour::Succeeds => succeeds,
        Behaviour::Declined => declined("card_declined"),
        Behaviour::InsufficientFunds => declined("insufficient_funds"),
        Behaviour::Expired => declined("expired_card"),
        Behaviour::AnswerLost => Plan { answered: false, ..succeeds },
        Behaviour::RequestLost => Plan { kept: false, answered: false, ..succeeds },
        Behaviour::Slow => Plan { settles_at: now.plus(config.pending()), ..succeeds },
    }
}

impl StoredCharge {
    /// Whether `request` asks for this same charge.
    pub(crate) fn is_for(&self, request: &CreateCharge) -> bool {
        let CreateCharge { payment_token, amount, statement } = request;
        (&self.token, &self.amount, &self.statement) == (payment_token, amount, statement)
    }

    /// As it stands at `now`.
    pub(crate) fn at(self, now: Timestamp) -> Charge {
        let state = match &self.decline_code {
            Some(_) => ChargeState::Declined,
            None if self.settles_at <= now => ChargeState::Succeeded,
            None => ChargeState::Pending,
        };
        let decline_message = self.decline_code.as_deref().map(message);
        Charge {
            reference: self.reference,
            amount: self.amount,
            state,
            decline_code: self.decline_code,
            decline_message,
            created_at: self.created_at,
        }
    }
}

fn message(code: &str) -> String {
    match code {
        "insufficient_funds" => "The card has not enough funds for this. Use another card.",
        "expired_card" => "The card has expired. Use another card.",
        _ => "The card was declined by its bank. Use another card, or ask the bank.",
    }
    .into()
}

/// Whether `request` can be a charge at all.
pub(crate) fn check(request: &CreateCharge) -> Result<(), Failure> {
    if request.amount.amount_minor <= 0 {
        let detail = format!("a charge is for more than nothing, got {}", request.amount);
        return Err(Failure::invalid("amount", detail));
    }
    let visible = request.statement.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
    match (1..=22).contains(&request.statement.len()) && visible {
        true => Ok(()),
        false => Err(Failure::invalid("statement", "a statement is 1 to 22 visible ASCII characters")),
    }
}

/// Whether `text` can be a key or a token: nothing else is ever in the store, and some of it a store would choke on.
pub(crate) fn is_name(text: &str) -> bool {
    (1..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_768_478_400_000_000);

    fn planned(behaviour: Behaviour, expires_at: Timestamp) -> Plan {
        plan(&StoredToken { behaviour, expires_at }, NOW, NOW, &SandboxGatewayConfig::default())
    }

    #[test]
    fn each_test_card_has_its_own_outcome() {
        let valid = NOW.plus_months(1);
        for (behaviour, kept, answered, decline_code) in [
            (Behaviour::Succeeds, true, true, None),
            (Behaviour::Declined, true, true, Some("card_declined")),
            (Behaviour::InsufficientFunds, true, true, Some("insufficient_funds")),
            (Behaviour::Expired, true, true, Some("expired_card")),
            (Behaviour::AnswerLost, true, false, None),
            (Behaviour::RequestLost, false, false, None),
            (Behaviour::Slow, true, true, None),
        ] {
            let plan = planned(behaviour, valid);
            assert_eq!((plan.kept, plan.answered, plan.decline_code), (kept, answered, decline_code), "{behaviour:?}");
        }
        assert!(planned(Behaviour::Slow, valid).settles_at > NOW);
    }

    #[test]
    fn a_card_that_ran_out_is_declined_whatever_it_did_before() {
        assert_eq!(planned(Behaviour::Succeeds, NOW).decline_code, Some("expired_card"));
    }
}

//! What the gateway's answer means.

use tessera_contract_payment_gateway::{Charge, ChargeState, GatewayError};

/// How a charge ended, as far as the gateway told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The money is taken.
    Paid,
    /// No money moved, for this reason and in these words.
    Refused(Refusal, String),
    /// The gateway knows of no charge under this key.
    NoCharge,
    /// Money may have moved or not: ask again, do not charge again.
    Unknown,
}

/// Why no money moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The card's bank refused.
    Declined,
    /// The gateway does not know the token.
    TokenInvalid,
}

impl Refusal {
    /// Its name in the store.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Refusal::Declined => "declined",
            Refusal::TokenInvalid => "token_invalid",
        }
    }

    /// Back from the store.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Refusal::Declined, Refusal::TokenInvalid].into_iter().find(|refusal| refusal.name() == name)
    }
}

/// The names of all outcomes in metrics.
pub(crate) const NAMES: [&str; 5] = ["paid", "declined", "token_invalid", "no_charge", "unknown"];

impl Outcome {
    /// Its name in metrics, one of [`NAMES`].
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Outcome::Paid => "paid",
            Outcome::Refused(refusal, _) => refusal.name(),
            Outcome::NoCharge => "no_charge",
            Outcome::Unknown => "unknown",
        }
    }
}

/// Of a new charge. Every error but the two that say so leaves the outcome open.
pub(crate) fn of_charge(answer: Result<Charge, GatewayError>) -> Outcome {
    match answer {
        Ok(charge) => of_state(charge),
        Err(GatewayError::TokenNotFound(detail) | GatewayError::InvalidCard(detail)) => {
            Outcome::Refused(Refusal::TokenInvalid, detail)
        }
        Err(GatewayError::ChargeNotFound(_) | GatewayError::Failure(_) | GatewayError::Unknown { .. }) => {
            Outcome::Unknown
        }
    }
}

/// Of asking after a charge.
pub(crate) fn of_question(answer: Result<Charge, GatewayError>) -> Outcome {
    match answer {
        Ok(charge) => of_state(charge),
        Err(GatewayError::ChargeNotFound(_)) => Outcome::NoCharge,
        Err(
            GatewayError::TokenNotFound(_)
            | GatewayError::InvalidCard(_)
            | GatewayError::Failure(_)
            | GatewayError::Unknown { .. },
        ) => Outcome::Unknown,
    }
}

/// What the buyer of something that was never charged is told.
pub(crate) fn never_charged() -> Outcome {
    let message = "The payment did not reach the bank and no money moved. Please try again.";
    Outcome::Refused(Refusal::Declined, message.into())
}

fn of_state(charge: Charge) -> Outcome {
    match charge.state {
        ChargeState::Succeeded => Outcome::Paid,
        ChargeState::Declined => {
            let message = charge.decline_message.unwrap_or_else(|| "The card was declined. Use another card.".into());
            Outcome::Refused(Refusal::Declined, message)
        }
        ChargeState::Pending | ChargeState::Unknown => Outcome::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use tessera_contract::{Failure, FailureKind};

    use super::*;

    #[test]
    fn only_a_clear_answer_ends_a_charge() {
        let failure = |kind| GatewayError::Failure(Failure::new(kind, "as it may be"));
        for kind in FailureKind::ALL {
            assert_eq!(of_charge(Err(failure(*kind))), Outcome::Unknown, "{kind:?}");
            assert_eq!(of_question(Err(failure(*kind))), Outcome::Unknown, "{kind:?}");
        }
        let newer = || GatewayError::Unknown { code: "new".into(), status: 402, detail: String::new() };
        assert_eq!(of_charge(Err(newer())), Outcome::Unknown);
        assert_eq!(of_charge(Err(GatewayError::ChargeNotFound("?".into()))), Outcome::Unknown);
        assert_eq!(of_question(Err(GatewayError::ChargeNotFound("no".into()))), Outcome::NoCharge);
        let gone = of_charge(Err(GatewayError::TokenNotFound("gone".into())));
        assert_eq!(gone, Outcome::Refused(Refusal::TokenInvalid, "gone".into()));
    }
}

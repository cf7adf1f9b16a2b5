//! What an account has or is about to have: the gate before a charge.

use tessera_contract_billing::BillingError;
use tessera_types::Timestamp;

/// That an account has a thing, or that its charge is pending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Holding {
    /// The charge's outcome is not known.
    pub(crate) pending: bool,
    /// First instant the account no longer has it, business time; open while it is renewed.
    pub(crate) until: Option<Timestamp>,
}

/// Whether an account with `holding` may buy the thing at `now`.
///
/// A canceled subscription counts until its period ends: the account has paid for that time already.
pub(crate) fn admit(holding: Option<&Holding>, now: Timestamp) -> Result<(), BillingError> {
    match holding {
        None => Ok(()),
        Some(Holding { pending: true, .. }) => Err(BillingError::ChargePending(
            "a charge for this has an unknown outcome; it is being asked after, and nothing is charged twice: look at \
             that checkout in a minute"
                .into(),
        )),
        Some(Holding { until: Some(until), .. }) if *until <= now => Ok(()),
        Some(Holding { until: Some(until), .. }) => {
            Err(BillingError::AlreadyOwned(format!("the account has this already, until {until}")))
        }
        Some(Holding { until: None, .. }) => {
            Err(BillingError::AlreadyOwned("the account has this already, and it is renewed each month".into()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_is_sold_again_only_once_its_time_has_run_out() {
        let now = Timestamp::from_micros(1_000);
        let held = |pending, until: Option<i64>| Holding { pending, until: until.map(Timestamp::from_micros) };
        let code = |holding: Option<Holding>| match admit(holding.as_ref(), now) {
            Ok(()) => "sold",
            Err(BillingError::ChargePending(_)) => "pending",
            Err(BillingError::AlreadyOwned(_)) => "owned",
            Err(other) => panic!("{other:?}"),
        };
        for (holding, expected) in [
            (None, "sold"),
            (Some(held(true, None)), "pending"),
            (Some(held(false, None)), "owned"),
            (Some(held(false, Some(1_001))), "owned"),
            (Some(held(false, Some(1_000))), "sold"),
        ] {
            assert_eq!(code(holding.clone()), expected, "{holding:?}");
        }
    }
}

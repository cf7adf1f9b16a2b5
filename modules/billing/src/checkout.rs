//! A checkout: one purchase, from the click to its outcome.

use tessera_contract_billing::{BillingError, Checkout, CheckoutState};
use tessera_types::{AccountId, Timestamp};

use crate::outcome::Refusal;

/// A checkout as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredCheckout {
    /// As its buyer sees it.
    pub(crate) checkout: Checkout,
    /// Whose it is.
    pub(crate) account_id: AccountId,
    /// Why it was declined.
    pub(crate) refusal: Option<Refusal>,
    /// When it was begun, wall time.
    pub(crate) started_at: Timestamp,
}

impl StoredCheckout {
    /// Whether its outcome is not known yet.
    pub(crate) fn is_pending(&self) -> bool {
        self.checkout.state == CheckoutState::Pending
    }

    /// What `create_checkout` answers, the first time and at every repeat of its key.
    pub(crate) fn answer(self) -> Result<Checkout, BillingError> {
        let message = || self.checkout.decline_message.clone().unwrap_or_default();
        match self.refusal {
            None => Ok(self.checkout),
            Some(Refusal::Declined) => Err(BillingError::CardDeclined(message())),
            Some(Refusal::TokenInvalid) => Err(BillingError::PaymentTokenInvalid(message())),
        }
    }

    /// When what was bought begins, business time: when its outcome became known at `now`, wall time. An outcome that
    /// took long does not cost the buyer time that they paid for.
    pub(crate) fn begins_at(&self, now: Timestamp) -> Timestamp {
        self.checkout.created_at.plus(now.since(self.started_at))
    }
}

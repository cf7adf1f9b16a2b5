//! A subscription's life: begun, renewed period by period, canceled. Plain functions of what is stored.

use tessera_contract_billing::{Subscription, SubscriptionState};
use tessera_types::{Sensitive, Timestamp};

use crate::holding::Holding;

/// A subscription as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Agreement {
    /// As others see it.
    pub(crate) subscription: Subscription,
    /// The checkout that began it.
    pub(crate) checkout_id: String,
    /// Where periods are counted from, business time.
    pub(crate) anchor: Timestamp,
    /// The current period's number, from 0.
    pub(crate) period: i32,
    /// Since when the next period's charge has no known outcome, wall time.
    pub(crate) renewing_since: Option<Timestamp>,
    /// The gateway's token.
    pub(crate) payment_token: Sensitive<String>,
}

/// A period's first instant, and the first after it. Months are counted from the anchor, never from the period before:
/// from 31 January the periods begin on 28 February, 31 March, 30 April.
pub(crate) fn period(anchor: Timestamp, number: i32) -> (Timestamp, Timestamp) {
    (anchor.plus_months(number), anchor.plus_months(number.saturating_add(1)))
}

impl Agreement {
    /// Whether the next period is to be charged at `now`.
    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        self.is_active() && self.renewing_since.is_none() && self.subscription.period_ends_at <= now
    }

    /// Whether it is renewed.
    pub(crate) fn is_active(&self) -> bool {
        self.subscription.state == SubscriptionState::Active
    }

    /// The idempotency key of the charge for period `number`: the same at every attempt.
    pub(crate) fn charge_key(&self, number: i32) -> String {
        format!("{}.{number}", self.subscription.subscription_id)
    }

    /// Paid for the first time: active from `began`.
    pub(crate) fn begun(mut self, began: Timestamp) -> Self {
        self.anchor = began;
        self.subscription.state = SubscriptionState::Active;
        self.in_period(0)
    }

    /// The next period is paid. A subscription that was canceled meanwhile stays so, and keeps what is paid.
    pub(crate) fn renewed(self) -> Self {
        let next = self.period + 1;
        self.in_period(next)
    }

    /// Not renewed any more. A renewal under way keeps its mark: should it turn out to be paid, that period is the
    /// viewer's.
    pub(crate) fn canceled(mut self) -> Self {
        self.subscription.state = SubscriptionState::Canceled;
        self.subscription.version += 1;
        self
    }

    /// The renewal under way came to nothing: there is no charge.
    pub(crate) fn unmarked(self) -> Self {
        Self { renewing_since: None, ..self }
    }

    /// How its account has it: open while it is renewed, pending while a charge for it has no known outcome.
    pub(crate) fn holding(&self) -> Holding {
        let until = (!self.is_active()).then_some(self.subscription.period_ends_at);
        Holding { pending: self.renewing_since.is_some(), until }
    }

    fn in_period(mut self, number: i32) -> Self {
        self.period = number;
        self.renewing_since = None;
        (self.subscription.period_starts_at, self.subscription.period_ends_at) = period(self.anchor, number);
        self.subscription.version += 1;
        self
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use tessera_types::Money;

    use super::*;

    fn agreement(anchor: Timestamp) -> Agreement {
        let subscription = Subscription {
            subscription_id: "sub_1".parse().unwrap(),
            account_id: "acc_1".parse().unwrap(),
            offer_id: "off_1".parse().unwrap(),
            plan: "basic".into(),
            price: Money::new(799, "EUR".parse().unwrap()),
            max_streams: 2,
            state: SubscriptionState::Incomplete,
            period_starts_at: anchor,
            period_ends_at: anchor,
            version: 1,
        };
        let (checkout_id, payment_token) = ("chk_1".into(), "tok_1".into());
        Agreement { subscription, checkout_id, anchor, period: 0, renewing_since: None, payment_token }.begun(anchor)
    }

    /// Renews whatever is due at `now`; the keys that were charged.
    fn advance(mut agreement: Agreement, now: Timestamp) -> (Agreement, Vec<String>) {
        let mut charged = Vec::new();
        while agreement.is_due(now) {
            charged.push(agreement.charge_key(agreement.period + 1));
            agreement = agreement.renewed();
        }
        (agreement, charged)
    }

    #[test]
    fn periods_from_the_31st_end_on_the_last_day_and_come_back_to_the_31st() {
        let anchor: Timestamp = "2026-01-31T10:00:00Z".parse().unwrap();
        let ends: Vec<_> = (0..4).map(|number| period(anchor, number).1.to_string()[..10].to_owned()).collect();
        assert_eq!(ends, ["2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31"]);
    }

    #[test]
    fn a_canceled_subscription_keeps_a_period_that_was_paid_meanwhile() {
        let canceled = agreement("2026-01-31T10:00:00Z".parse().unwrap()).canceled();
        assert_eq!(canceled.holding().until, Some(canceled.subscription.period_ends_at));
        let renewed = canceled.clone().renewed();
        assert_eq!(renewed.subscription.state, SubscriptionState::Canceled);
        assert!(renewed.holding().until > canceled.holding().until);
        assert!(renewed.subscription.version > canceled.subscription.version);
    }

    proptest! {
        #[test]
        fn periods_adjoin_and_never_drift(anchor in 0i64..4_000_000_000, number in 0i32..600) {
            let anchor = Timestamp::from_micros(anchor * 1_000_000);
            let ((start, end), (next, _)) = (period(anchor, number), period(anchor, number + 1));
            prop_assert_eq!(end, next);
            let days = end.since(start).as_secs_f64() / 86_400.0;
            prop_assert!((28.0..=31.0).contains(&days), "{} days", days);
            prop_assert_eq!(period(anchor, number * 12).0, anchor.plus_months(number * 12));
        }

        #[test]
        fn moving_time_in_two_steps_charges_what_one_step_charges(
            anchor in 0i64..4_000_000_000, first in 0u64..700, second in 0u64..700,
        ) {
            let anchor = Timestamp::from_micros(anchor * 1_000_000);
            let after = |days: u64| anchor.plus(Duration::from_secs(days * 86_400));
            let (at_once, all) = advance(agreement(anchor), after(first + second));
            let (half_way, mut some) = advance(agreement(anchor), after(first));
            let (in_steps, rest) = advance(half_way, after(first + second));
            some.extend(rest);
            prop_assert_eq!(&some, &all);
            prop_assert_eq!(&in_steps, &at_once);
            let distinct: std::collections::BTreeSet<_> = all.iter().collect();
            prop_assert_eq!(distinct.len(), all.len(), "each period is charged under a key of its own");
            let now = after(first + second);
            prop_assert!(at_once.subscription.period_starts_at <= now && now < at_once.subscription.period_ends_at);
        }
    }
}

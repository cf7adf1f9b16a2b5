//! Talking to the gateway: charge once, ask as often as needed.

use std::{sync::Arc, time::Duration};

use tessera_contract::Cx;
use tessera_contract_payment_gateway::{CreateCharge, GetCharge, PaymentGateway};
use tessera_types::{Money, Sensitive};
use tokio::time::Instant;

use crate::outcome::{self, Outcome};

/// What is to be charged.
#[derive(Debug, Clone)]
pub(crate) struct Bill {
    /// The charge's idempotency key.
    pub(crate) key: String,
    /// The gateway's token.
    pub(crate) payment_token: Sensitive<String>,
    /// How much.
    pub(crate) amount: Money,
}

/// The gateway, and how long it may take.
pub(crate) struct Till {
    pub(crate) gateway: Arc<dyn PaymentGateway>,
    pub(crate) statement: String,
    pub(crate) timeout: Duration,
}

impl Till {
    /// Charges. The gateway gets what is left of `cx`'s time, and never more than is configured.
    pub(crate) async fn charge(&self, cx: &Cx, bill: &Bill) -> Outcome {
        let outcome = self.charged(cx, bill).await;
        count("charge", outcome.name(), 1);
        outcome
    }

    async fn charged(&self, cx: &Cx, bill: &Bill) -> Outcome {
        let Bill { key, payment_token, amount } = bill.clone();
        let cx = cx.as_service("billing").with_idempotency_key(key.as_str()).with_timeout(self.timeout);
        let request = CreateCharge { payment_token, amount, statement: self.statement.clone() };
        match tokio::time::timeout_at(cx.deadline, self.gateway.create_charge(&cx, request)).await {
            Ok(answer) => {
                if let Err(error) = &answer {
                    tracing::warn!(key, %error, "a charge was not answered");
                }
                outcome::of_charge(answer)
            }
            Err(_) => {
                tracing::warn!(key, "a charge was not answered in time");
                Outcome::Unknown
            }
        }
    }

    /// Asks after a charge.
    pub(crate) async fn ask(&self, cx: &Cx, key: &str) -> Outcome {
        let cx = cx.as_service("billing").with_timeout(self.timeout);
        let request = GetCharge { reference: key.to_owned() };
        let outcome = match tokio::time::timeout_at(cx.deadline, self.gateway.get_charge(&cx, request)).await {
            Ok(answer) => outcome::of_question(answer),
            Err(_) => Outcome::Unknown,
        };
        count("question", outcome.name(), 1);
        outcome
    }
}

fn count(asked: &'static str, outcome: &'static str, times: u64) {
    metrics::counter!("tessera_billing_charges_total", "asked" => asked, "outcome" => outcome).increment(times);
}

/// Begins the counts at zero, so that the first one is seen as a rise.
pub(crate) fn announce() {
    for outcome in outcome::NAMES {
        count("charge", outcome, 0);
        count("question", outcome, 0);
    }
}

/// `cx` with `time` from now on, however much it had before: for work that goes on when its caller has gone away.
pub(crate) fn with_time(cx: &Cx, time: Duration) -> Cx {
    let mut cx = cx.as_service("billing");
    cx.deadline = Instant::now() + time;
    cx
}

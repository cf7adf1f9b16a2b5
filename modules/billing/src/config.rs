//! `[billing]` of `tessera.toml`.

use std::time::Duration;

use serde::Deserialize;
use tessera_contract::Failure;

/// Settings of the built-in billing.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BillingConfig {
    /// What cardholders read on their statement, 1 to 22 visible ASCII characters. Default `TESSERA`.
    pub statement: String,
    /// How long the gateway has to answer a charge, in seconds; after that its outcome is unknown. Default 20.
    pub charge_timeout_seconds: u32,
    /// After how many seconds an unknown outcome is asked after first; then again and again with back-off. Default 5.
    pub ask_after_seconds: u32,
    /// After how many seconds a charge that the gateway does not know was never made. Longer than the gateway may take
    /// to act on a request that it has got, or a charge may still arrive after it was given up. Default 60.
    pub never_charged_after_seconds: u32,
    /// For how many seconds of the tenant's time a subscription still opens its plan when its period has ended and its
    /// renewal has not been decided: longer than the scheduler takes to come round, or streams break off at the turn of
    /// a period. A canceled subscription ends when its period does. Default 3600.
    pub renewal_grace_seconds: u32,
    /// How many renewals are charged at once, at least 1; the periods of one subscription go one after the other.
    /// Default 8.
    pub renewals_at_once: u32,
    /// How long a repeated checkout waits for the first one to end before it answers `pending`, in seconds. Default 2.
    pub repeat_wait_seconds: u32,
}

impl Default for BillingConfig {
    fn default() -> Self {
        Self {
            statement: "TESSERA".into(),
            charge_timeout_seconds: 20,
            ask_after_seconds: 5,
            never_charged_after_seconds: 60,
            renewal_grace_seconds: 3600,
            renewals_at_once: 8,
            repeat_wait_seconds: 2,
        }
    }
}

impl BillingConfig {
    /// Whether the settings go together. Errors name the field.
    pub fn check(&self) -> Result<(), Failure> {
        let visible = self.statement.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
        if !(1..=22).contains(&self.statement.len()) || !visible {
            return Err(Failure::invalid("billing.statement", "billing.statement is 1 to 22 visible ASCII characters"));
        }
        if self.never_charged_after_seconds <= self.charge_timeout_seconds {
            let detail = format!(
                "billing.never_charged_after_seconds ({}) must be more than billing.charge_timeout_seconds ({})",
                self.never_charged_after_seconds, self.charge_timeout_seconds
            );
            return Err(Failure::invalid("billing.never_charged_after_seconds", detail));
        }
        if self.renewals_at_once == 0 {
            return Err(Failure::invalid("billing.renewals_at_once", "billing.renewals_at_once is at least 1"));
        }
        Ok(())
    }

    pub(crate) fn charge_timeout(&self) -> Duration {
        seconds(self.charge_timeout_seconds)
    }

    pub(crate) fn ask_after(&self) -> Duration {
        seconds(self.ask_after_seconds)
    }

    pub(crate) fn never_charged_after(&self) -> Duration {
        seconds(self.never_charged_after_seconds)
    }

    pub(crate) fn at_once(&self) -> usize {
        self.renewals_at_once as usize
    }

    pub(crate) fn repeat_wait(&self) -> Duration {
        seconds(self.repeat_wait_seconds)
    }

    pub(crate) fn renewal_grace(&self) -> Duration {
        seconds(self.renewal_grace_seconds)
    }
}

fn seconds(count: u32) -> Duration {
    Duration::from_secs(count.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_charge_is_not_given_up_while_it_may_still_be_answered() {
        assert!(BillingConfig::default().check().is_ok());
        let hasty = BillingConfig { never_charged_after_seconds: 20, ..BillingConfig::default() };
        let refusal = hasty.check().unwrap_err();
        assert_eq!(refusal.param.as_deref(), Some("billing.never_charged_after_seconds"));
    }
}

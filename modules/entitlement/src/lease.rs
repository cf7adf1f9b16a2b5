//! Stream slots: who holds one, and whether there is one left.

use tessera_contract_entitlement::{DecisionReason, EntitlementError};
use tessera_types::{PlaybackSessionId, Sensitive, Timestamp};

/// A slot that is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) session_id: PlaybackSessionId,
    pub(crate) device_id: String,
    pub(crate) device_name: Sensitive<String>,
    pub(crate) expires_at: Timestamp,
}

/// Of the account's slots, those that stand in the way of `session` on `device`: other devices' that have not run out.
pub(crate) fn in_the_way<'h>(
    held: &'h [Held],
    session: &PlaybackSessionId,
    device: &str,
    now: Timestamp,
) -> Vec<&'h Held> {
    let others = |slot: &&Held| slot.session_id != *session && slot.device_id != device && slot.expires_at > now;
    held.iter().filter(others).collect()
}

/// Whether there is a slot left beside `others`. The refusal names the devices.
pub(crate) fn check_slot(others: &[&Held], max_streams: u32) -> Result<(), EntitlementError> {
    if others.len() < max_streams as usize {
        return Ok(());
    }
    let names: Vec<&str> = others.iter().map(|slot| slot.device_name.as_str()).collect();
    let streams = if max_streams == 1 { "Your one stream is" } else { "All of your streams are" };
    let detail =
        format!("{streams} in use ({}). Stop watching there, or wait a minute, and try again.", names.join(", "));
    Err(EntitlementError::StreamLimitReached(detail))
}

/// A denial as an error.
pub(crate) fn refusal(reason: DecisionReason, message: String) -> EntitlementError {
    match reason {
        DecisionReason::GrantEnded => EntitlementError::GrantEnded(message),
        DecisionReason::GrantRevoked => EntitlementError::GrantRevoked(message),
        DecisionReason::NotYetAvailable => EntitlementError::NotYetAvailable(message),
        DecisionReason::NoLongerAvailable => EntitlementError::NoLongerAvailable(message),
        DecisionReason::TerritoryBlocked => EntitlementError::TerritoryBlocked(message),
        DecisionReason::AgeLimit => EntitlementError::AgeLimit(message),
        DecisionReason::NotEntitled
        | DecisionReason::Free
        | DecisionReason::Plan
        | DecisionReason::Title
        | DecisionReason::Unknown => EntitlementError::NotEntitled(message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(session: &str, device: &str, expires: i64) -> Held {
        Held {
            session_id: session.parse().unwrap(),
            device_id: device.into(),
            device_name: format!("{device} at home").into(),
            expires_at: Timestamp::from_micros(expires),
        }
    }

    #[test]
    fn own_slots_and_those_that_ran_out_are_not_in_the_way() {
        let held = [slot("pbs_1", "tv", 10), slot("pbs_2", "phone", 10), slot("pbs_3", "old", 5)];
        let now = Timestamp::from_micros(5);
        let devices = |session: &str, device: &str| {
            let session = session.parse().unwrap();
            in_the_way(&held, &session, device, now).iter().map(|s| s.device_id.clone()).collect::<Vec<_>>()
        };
        assert_eq!(devices("pbs_9", "laptop"), ["tv", "phone"]);
        assert_eq!(devices("pbs_9", "tv"), ["phone"]);
        assert_eq!(devices("pbs_2", "elsewhere"), ["tv"]);
    }

    #[test]
    fn a_refusal_names_the_devices() {
        let (tv, phone) = (slot("pbs_1", "tv", 10), slot("pbs_2", "phone", 10));
        assert!(check_slot(&[&tv], 2).is_ok());
        let refusal = check_slot(&[&tv, &phone], 2).unwrap_err().to_string();
        assert!(refusal.contains("tv at home, phone at home"), "{refusal}");
    }
}

//! A press of play, as asked for: checked before anybody else is asked.

use tessera_contract::{Caller, Cx, Failure, FailureKind};
use tessera_contract_playback::{SessionState, StartPlayback};
use tessera_types::{AccountId, ProfileId, Sensitive, TitleId};

use crate::session::Session;

/// Characters of a device's id, and of its name.
const DEVICE_ID_MAX: usize = 128;
const DEVICE_NAME_MAX: usize = 100;
/// Seven days: longer than anything that has one position.
const POSITION_MAX_SECONDS: u32 = 7 * 24 * 60 * 60;

/// Who wants to watch what, on which device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Press {
    pub(crate) account_id: AccountId,
    /// The account's first when absent.
    pub(crate) profile_id: Option<ProfileId>,
    pub(crate) title_id: TitleId,
    pub(crate) device_id: String,
    pub(crate) device_name: Sensitive<String>,
}

impl Press {
    /// The press that a session came from.
    pub(crate) fn of(session: &Session) -> Self {
        let SessionState { account_id, profile_id, title_id, device_id, .. } = session.state.clone();
        Self { account_id, profile_id: Some(profile_id), title_id, device_id, device_name: session.device_name.clone() }
    }
}

/// The press of the caller. Errors are `invalid_request` with the field.
pub(crate) fn checked(cx: &Cx, request: StartPlayback, default_device_name: &str) -> Result<Press, Failure> {
    let StartPlayback { title_id, device_id, device_name, profile_id } = request;
    bounded("device_id", &device_id, DEVICE_ID_MAX)?;
    let named = device_name.as_ref().map(|name| name.trim()).filter(|name| !name.is_empty());
    let device_name = named.unwrap_or(default_device_name).to_owned();
    bounded("device_name", &device_name, DEVICE_NAME_MAX)?;
    let signed_in_as = match &cx.caller {
        Caller::Viewer { profile, .. } => profile.clone(),
        Caller::Anonymous | Caller::Staff { .. } | Caller::Service { .. } => None,
    };
    let (account_id, profile_id) = (account(cx)?.clone(), profile_id.or(signed_in_as));
    Ok(Press { account_id, profile_id, title_id, device_id, device_name: device_name.into() })
}

/// The account that calls.
pub(crate) fn account(cx: &Cx) -> Result<&AccountId, Failure> {
    cx.account().ok_or_else(|| Failure::new(FailureKind::Forbidden, "playing is a signed-in viewer's"))
}

/// Whether a position can be one.
pub(crate) fn check_position(seconds: u32) -> Result<(), Failure> {
    match seconds <= POSITION_MAX_SECONDS {
        true => Ok(()),
        false => Err(Failure::invalid(
            "position_seconds",
            format!("position_seconds is 0 to {POSITION_MAX_SECONDS}, got {seconds}"),
        )),
    }
}

fn bounded(field: &str, text: &str, max: usize) -> Result<(), Failure> {
    match (1..=max).contains(&text.chars().count()) && !text.chars().any(char::is_control) {
        true => Ok(()),
        false => Err(Failure::invalid(field, format!("{field} is 1 to {max} characters on one line"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tessera_types::Timestamp;

    fn cx(profile: Option<&str>) -> Cx {
        let profile = profile.map(|id| id.parse().unwrap());
        let caller = Caller::Viewer { account: "acc_1".parse().unwrap(), profile };
        Cx::new("acme".parse().unwrap(), caller, Timestamp::from_micros(0))
    }

    fn request(device_id: &str, device_name: Option<&str>) -> StartPlayback {
        StartPlayback {
            title_id: "ttl_1".parse().unwrap(),
            device_id: device_id.into(),
            device_name: device_name.map(Into::into),
            profile_id: None,
        }
    }

    #[test]
    fn a_device_without_a_name_gets_one_and_bounds_are_kept() {
        for (name, expected) in [(None, "A device"), (Some("  "), "A device"), (Some(" TV "), "TV")] {
            assert_eq!(checked(&cx(None), request("d", name), "A device").unwrap().device_name.as_str(), expected);
        }
        for (bad, field) in [
            (request("", None), "device_id"),
            (request(&"d".repeat(129), None), "device_id"),
            (request("a\u{0}b", None), "device_id"),
            (request("d", Some("two\nlines")), "device_name"),
            (request("d", Some(&"x".repeat(101))), "device_name"),
        ] {
            assert_eq!(checked(&cx(None), bad, "A device").unwrap_err().param.as_deref(), Some(field));
        }
    }

    #[test]
    fn the_profile_is_the_requests_then_the_tokens() {
        let asked = StartPlayback { profile_id: "prf_asked".parse().ok(), ..request("d", None) };
        let profile = |cx: &Cx, request| checked(cx, request, "-").unwrap().profile_id.map(String::from);
        assert_eq!(profile(&cx(Some("prf_token")), asked).as_deref(), Some("prf_asked"));
        assert_eq!(profile(&cx(Some("prf_token")), request("d", None)).as_deref(), Some("prf_token"));
        assert_eq!(profile(&cx(None), request("d", None)), None);
    }

    #[test]
    fn a_position_is_bounded() {
        assert!(check_position(604_800).is_ok());
        assert_eq!(check_position(604_801).unwrap_err().param.as_deref(), Some("position_seconds"));
    }
}

//! What the errors of the modules that playback asks are to its own caller.

use std::time::Duration;

use tessera_contract::{ContractError, Failure, FailureKind};
use tessera_contract_catalog::CatalogError;
use tessera_contract_delivery::DeliveryError;
use tessera_contract_drm::DrmError;
use tessera_contract_entitlement::EntitlementError;
use tessera_contract_playback::PlaybackError;
use tessera_contract_viewers::ViewersError;

/// When to come back to a module that could not be reached and did not say.
const COME_BACK: Duration = Duration::from_secs(2);

/// Entitlement's no, or its silence.
#[derive(Debug)]
pub(crate) enum NoSlot {
    /// It decided against it.
    Refused(PlaybackError),
    /// It could not be asked, or gave no usable answer: whether there is a slot is not known.
    Unknown(Failure),
    /// The slot is held where nobody answers; one can be had where decisions are made now.
    OutOfReach(Failure),
}

impl From<NoSlot> for PlaybackError {
    fn from(no: NoSlot) -> Self {
        match no {
            NoSlot::Refused(error) => error,
            NoSlot::Unknown(failure) | NoSlot::OutOfReach(failure) => failure.into(),
        }
    }
}

pub(crate) fn of_entitlement(error: EntitlementError) -> NoSlot {
    use EntitlementError as E;
    NoSlot::Refused(match error {
        E::NotEntitled(detail) => PlaybackError::NotEntitled(detail),
        E::GrantEnded(detail) => PlaybackError::GrantEnded(detail),
        E::GrantRevoked(detail) => PlaybackError::GrantRevoked(detail),
        E::NotYetAvailable(detail) => PlaybackError::NotYetAvailable(detail),
        E::NoLongerAvailable(detail) => PlaybackError::NoLongerAvailable(detail),
        E::TerritoryBlocked(detail) => PlaybackError::TerritoryBlocked(detail),
        E::AgeLimit(detail) => PlaybackError::AgeLimit(detail),
        E::StreamLimitReached(detail) => PlaybackError::StreamLimitReached(detail),
        E::LeaseNotFound(detail) => PlaybackError::LeaseLost(detail),
        // A refusal that a newer entitlement knows is a refusal all the same.
        E::Unknown { status: 403, detail, .. } => PlaybackError::NotEntitled(detail),
        E::LeaseOutOfReach(_) => return NoSlot::OutOfReach(failed("entitlement", &error)),
        E::GrantNotFound(_) | E::Failure(_) | E::Unknown { .. } => {
            return NoSlot::Unknown(failed("entitlement", &error));
        }
    })
}

pub(crate) fn of_catalog(error: CatalogError) -> PlaybackError {
    match error {
        CatalogError::TitleNotFound(detail) | CatalogError::TitleIncomplete(detail) => {
            PlaybackError::TitleNotFound(detail)
        }
        // The id is the viewer's, and the catalog cannot have minted it.
        CatalogError::Failure(failure) if failure.kind == FailureKind::InvalidRequest => {
            PlaybackError::TitleNotFound(failure.detail)
        }
        CatalogError::Failure(_) | CatalogError::Unknown { .. } => failed("catalog", &error).into(),
    }
}

pub(crate) fn of_viewers(error: ViewersError) -> PlaybackError {
    match error {
        ViewersError::ProfileNotFound(detail) => PlaybackError::ProfileNotFound(detail),
        ViewersError::Failure(failure) if failure.kind == FailureKind::InvalidRequest => {
            PlaybackError::ProfileNotFound(failure.detail)
        }
        ViewersError::Failure(_) | ViewersError::Unknown { .. } => failed("viewers", &error).into(),
    }
}

pub(crate) fn of_delivery(error: DeliveryError) -> PlaybackError {
    match error {
        DeliveryError::AssetNotFound(_) => {
            PlaybackError::AssetNotReady("This title's film is not ready to be watched yet.".into())
        }
        DeliveryError::UrlInvalid(_) | DeliveryError::Failure(_) | DeliveryError::Unknown { .. } => {
            failed("delivery", &error).into()
        }
    }
}

pub(crate) fn of_drm(error: DrmError) -> PlaybackError {
    match error {
        DrmError::LicenceDenied(detail) => PlaybackError::NotEntitled(detail),
        DrmError::TokenInvalid(_) | DrmError::KeyNotFound(_) | DrmError::Failure(_) | DrmError::Unknown { .. } => {
            failed("drm", &error).into()
        }
    }
}

/// A module did not do its part. It is named, for the operator to know where to look; what it said goes to the log.
fn failed<E: ContractError + Clone>(module: &str, error: &E) -> Failure {
    let kind = error.failure().map(|failure| failure.kind);
    let wait = error.failure().and_then(|failure| failure.retry_after).unwrap_or(COME_BACK);
    match (kind, error.status()) {
        (
            Some(
                FailureKind::Unavailable
                | FailureKind::SwitchedOff
                | FailureKind::DeadlineExceeded
                | FailureKind::RateLimited
                | FailureKind::InProgress,
            ),
            _,
        )
        | (None, 502..=504) => {
            let detail = format!("{module} cannot be reached now: try again in a few seconds");
            Failure::unavailable(&detail, error.clone()).retry_after(wait)
        }
        (Some(FailureKind::Internal), _) | (None, 500..) => {
            Failure::internal(&format!("{module} failed with a fault of its own"), error.clone())
        }
        _ => {
            tracing::error!(module, code = error.code(), %error, "a module answered out of its contract");
            Failure::new(FailureKind::BadAnswer, format!("{module} answered what its contract does not allow here"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_of_entitlement_keeps_its_code_and_words() {
        let refusals = EntitlementError::CODES.iter().filter(|code| code.status < 500);
        for code in refusals.filter(|code| code.code != "grant_not_found") {
            let error = EntitlementError::from_wire(code.code, code.status, "because".into());
            let NoSlot::Refused(refusal) = of_entitlement(error) else { panic!("{} is a refusal", code.code) };
            let expected = if code.code == "lease_not_found" { "lease_lost" } else { code.code };
            assert_eq!((refusal.code(), refusal.to_string().as_str()), (expected, "because"));
        }
        let newer = EntitlementError::from_wire("parental_block", 403, "because".into());
        assert_eq!(PlaybackError::from(of_entitlement(newer)).code(), "not_entitled");
    }

    #[test]
    fn what_cannot_be_reached_is_named_and_says_when_to_come_back() {
        let failure = |kind| Failure::new(kind, "10.0.0.7:5432 refused the connection");
        for kind in [
            FailureKind::Unavailable,
            FailureKind::SwitchedOff,
            FailureKind::DeadlineExceeded,
            FailureKind::RateLimited,
        ] {
            for (error, module) in [
                (of_catalog(failure(kind).into()), "catalog"),
                (of_viewers(failure(kind).into()), "viewers"),
                (of_delivery(failure(kind).into()), "delivery"),
                (of_drm(failure(kind).into()), "drm"),
                (of_entitlement(failure(kind).into()).into(), "entitlement"),
            ] {
                let found = error.failure().unwrap();
                assert_eq!((error.status(), found.retry_after), (503, Some(COME_BACK)), "{error}");
                assert!(found.detail.contains(module) && !found.detail.contains("10.0.0.7"), "{error}");
            }
        }
    }

    #[test]
    fn what_is_missing_elsewhere_has_the_viewers_words() {
        for (error, code) in [
            (of_catalog(CatalogError::TitleNotFound("x".into())), "title_not_found"),
            (of_catalog(Failure::invalid("title_id", "x").into()), "title_not_found"),
            (of_viewers(Failure::invalid("profile_id", "x").into()), "profile_not_found"),
            (of_delivery(DeliveryError::AssetNotFound("x".into())), "asset_not_ready"),
            (of_delivery(DeliveryError::UrlInvalid("x".into())), "bad_answer"),
            (of_drm(Failure::new(FailureKind::Internal, "x").into()), "internal"),
        ] {
            assert_eq!(error.code(), code);
        }
    }
}

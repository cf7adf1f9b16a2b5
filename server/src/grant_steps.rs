//! What it takes to make a grant over there what it is here: a pure function of both.

use tessera_contract_entitlement::Grant;

/// What to do over there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// It is the same.
    Nothing,
    /// State it.
    Put,
    /// Revoke it: all else is the same.
    Revoke,
    /// State it, then revoke it.
    PutAndRevoke,
    /// A newer version stands there: it stays.
    NewerThere,
    /// The same version says something else there, and no statement can change that.
    Differs,
}

/// What makes `there` the same as `here`.
pub(crate) fn step(here: &Grant, there: Option<&Grant>) -> Step {
    let stated = if here.revoked { Step::PutAndRevoke } else { Step::Put };
    let Some(there) = there else { return stated };
    match (there.version.cmp(&here.version), says_the_same(here, there)) {
        (std::cmp::Ordering::Greater, _) => Step::NewerThere,
        (std::cmp::Ordering::Equal, true) if here.revoked == there.revoked => Step::Nothing,
        (std::cmp::Ordering::Equal | std::cmp::Ordering::Less, true) if here.revoked => Step::Revoke,
        (std::cmp::Ordering::Less, _) => stated,
        (std::cmp::Ordering::Equal, _) => Step::Differs,
    }
}

/// What differs between the two, in words; `None` when nothing does.
pub(crate) fn difference(here: Option<&Grant>, there: Option<&Grant>) -> Option<String> {
    let (here, there) = match (here, there) {
        (Some(here), Some(there)) => (here, there),
        (Some(_), None) => return Some("not over there".into()),
        (None, Some(_)) => return Some("only over there".into()),
        (None, None) => return None,
    };
    let mut fields = Vec::new();
    let mut compare = |name: &str, one: String, other: String| {
        if one != other {
            fields.push(format!("{name} is {one} here and {other} there"));
        }
    };
    compare("version", here.version.to_string(), there.version.to_string());
    compare("revoked", here.revoked.to_string(), there.revoked.to_string());
    compare("account_id", here.account_id.to_string(), there.account_id.to_string());
    compare("scope", format!("{:?}", here.scope), format!("{:?}", there.scope));
    compare("starts_at", here.starts_at.to_string(), there.starts_at.to_string());
    compare("ends_at", format!("{:?}", here.ends_at), format!("{:?}", there.ends_at));
    compare("max_streams", here.max_streams.to_string(), there.max_streams.to_string());
    (!fields.is_empty()).then(|| fields.join(", "))
}

/// Whether all but version and revocation is the same. Ids are each side's own.
fn says_the_same(here: &Grant, there: &Grant) -> bool {
    let but = |grant: &Grant| Grant { grant_id: here.grant_id.clone(), version: 0, revoked: false, ..grant.clone() };
    but(here) == but(there)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn grant(version: i64, revoked: bool, max_streams: u32) -> Grant {
        serde_json::from_value(json!({
            "grant_id": format!("grt_{version}"), "source": "crm", "reference": "1", "account_id": "acc_1",
            "scope": {"kind": "plan", "plan": "basic"}, "starts_at": "2026-01-01T00:00:00Z", "max_streams": max_streams,
            "revoked": revoked, "version": version,
        }))
        .unwrap()
    }

    #[test]
    fn each_pair_has_its_step() {
        for (here, there, expected) in [
            (grant(2, false, 1), None, Step::Put),
            (grant(2, true, 1), None, Step::PutAndRevoke),
            (grant(2, false, 1), Some(grant(2, false, 1)), Step::Nothing),
            (grant(2, true, 1), Some(grant(2, true, 1)), Step::Nothing),
            (grant(2, true, 1), Some(grant(2, false, 1)), Step::Revoke),
            (grant(2, true, 1), Some(grant(1, false, 1)), Step::Revoke),
            (grant(2, true, 1), Some(grant(1, false, 3)), Step::PutAndRevoke),
            (grant(2, false, 1), Some(grant(1, true, 1)), Step::Put),
            (grant(2, false, 1), Some(grant(2, false, 3)), Step::Differs),
            (grant(2, false, 1), Some(grant(2, true, 1)), Step::Differs),
            (grant(2, false, 1), Some(grant(3, false, 1)), Step::NewerThere),
        ] {
            assert_eq!(step(&here, there.as_ref()), expected, "{here:?} {there:?}");
        }
    }

    #[test]
    fn a_difference_names_its_fields_and_ids_are_none() {
        assert_eq!(difference(Some(&grant(1, false, 1)), Some(&grant(1, false, 1))), None);
        let found = difference(Some(&grant(2, false, 1)), Some(&grant(3, true, 1))).unwrap();
        assert_eq!(found, "version is 2 here and 3 there, revoked is false here and true there");
        assert_eq!(difference(Some(&grant(1, false, 1)), None).as_deref(), Some("not over there"));
    }
}

//! What a source may state, and which statement counts.

use tessera_contract::Failure;
use tessera_contract_entitlement::{Grant, GrantScope, PutGrant};

/// Whether a grant can be stored as stated. Errors are `invalid_request` with the field.
pub(crate) fn check(put: &PutGrant) -> Result<(), Failure> {
    check_name("source", &put.source, 40)?;
    check_name("reference", &put.reference, 128)?;
    if !(1..=100).contains(&put.max_streams) {
        return Err(Failure::invalid("max_streams", format!("max_streams is 1 to 100, got {}", put.max_streams)));
    }
    if put.ends_at.is_some_and(|end| end < put.starts_at) {
        return Err(Failure::invalid("ends_at", "the grant ends before it starts"));
    }
    match &put.scope {
        GrantScope::Plan { plan } => check_name("scope.plan", plan, 40),
        GrantScope::Title { .. } => Ok(()),
        GrantScope::Unknown => Err(Failure::invalid("scope.kind", "a scope is a plan or a title")),
    }
}

fn check_name(field: &str, name: &str, max: usize) -> Result<(), Failure> {
    let safe = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    match (1..=max).contains(&name.len()) && name.bytes().all(safe) {
        true => Ok(()),
        false => Err(Failure::invalid(field, format!("{field} is 1 to {max} URL-safe characters"))),
    }
}

/// What stands after `put` where `stored` stood: `None` when the statement is not newer and changes nothing.
pub(crate) fn apply(stored: &Grant, put: PutGrant) -> Option<Grant> {
    (put.version > stored.version).then(|| Grant {
        grant_id: stored.grant_id.clone(),
        source: put.source,
        reference: put.reference,
        account_id: put.account_id,
        scope: put.scope,
        starts_at: put.starts_at,
        ends_at: put.ends_at,
        max_streams: put.max_streams,
        revoked: false,
        version: put.version,
    })
}

/// What stands after a revocation: `None` when it is not newer and changes nothing.
pub(crate) fn revoke(stored: &Grant, version: i64) -> Option<Grant> {
    let newer = version > stored.version || (version == stored.version && !stored.revoked);
    newer.then(|| Grant { revoked: true, version, ..stored.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tessera_types::{GrantId, Timestamp};

    fn put(version: i64, max_streams: u32) -> PutGrant {
        PutGrant {
            source: "billing".into(),
            reference: "sub_1".into(),
            account_id: "acc_1".parse().unwrap(),
            scope: GrantScope::Plan { plan: "basic".into() },
            starts_at: Timestamp::from_micros(0),
            ends_at: None,
            max_streams,
            version,
        }
    }

    fn first(put: PutGrant) -> Grant {
        let empty = Grant {
            grant_id: GrantId::mint(Timestamp::from_micros(0)),
            source: String::new(),
            reference: String::new(),
            account_id: put.account_id.clone(),
            scope: GrantScope::Unknown,
            starts_at: put.starts_at,
            ends_at: None,
            max_streams: 1,
            revoked: false,
            version: i64::MIN,
        };
        apply(&empty, put).expect("any version is above the least")
    }

    #[test]
    fn what_is_out_of_bounds_is_named() {
        for (field, bad) in [
            ("source", PutGrant { source: "a b".into(), ..put(1, 1) }),
            ("max_streams", put(1, 0)),
            ("ends_at", PutGrant { ends_at: Some(Timestamp::from_micros(-1)), ..put(1, 1) }),
            ("scope.kind", PutGrant { scope: GrantScope::Unknown, ..put(1, 1) }),
        ] {
            assert_eq!(check(&bad).unwrap_err().param.as_deref(), Some(field));
        }
        assert!(check(&put(1, 1)).is_ok());
    }

    proptest! {
        /// Any order and repetition of a source's statements ends in its last one.
        #[test]
        fn statements_converge(order in prop::collection::vec(0..6usize, 1..20)) {
            // Version n is a put of n streams, but 4 is a revocation.
            let state = |stored: &Grant, version: usize| match version {
                4 => revoke(stored, 4),
                n => apply(stored, put(n as i64, n as u32 + 1)),
            };
            let mut grant = first(put(0, 1));
            for version in order.iter().copied() {
                grant = state(&grant, version).unwrap_or(grant);
            }
            let last = order.iter().copied().max().unwrap_or(0);
            prop_assert_eq!(grant.version, last as i64);
            prop_assert_eq!(grant.revoked, last == 4);
        }
    }
}

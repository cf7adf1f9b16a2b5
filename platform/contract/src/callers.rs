//! Which module of another process may call what: pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Caller, Failure, FailureKind, OperationInfo};

/// The name under which calls for a person (a viewer, staff, nobody in particular) are made: by whoever took the
/// person's request and found the module that answers it in another process.
pub const EDGE: &str = "edge";

/// What each calling module may call: a contract, one operation of it (`entitlement.decide`), or everything (`*`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Callers(BTreeMap<String, BTreeSet<String>>);

impl Callers {
    /// Lets `caller` call `what`, besides what it may already.
    pub fn allow<'w>(&mut self, caller: &str, what: impl IntoIterator<Item = &'w str>) {
        self.0.entry(caller.to_owned()).or_default().extend(what.into_iter().map(str::to_owned));
    }

    /// Lets `caller` call `what` and nothing else.
    pub fn set(&mut self, caller: &str, what: BTreeSet<String>) {
        self.0.insert(caller.to_owned(), what);
    }

    /// Whether the calling module may call the operation.
    ///
    /// # Errors
    /// [`FailureKind::Forbidden`], which names both.
    pub fn permit(&self, caller: &Caller, operation: &OperationInfo) -> Result<(), Failure> {
        let module = calling_module(caller);
        let OperationInfo { contract, name, .. } = operation;
        let may = |allowed: &BTreeSet<String>| {
            allowed.contains("*") || allowed.contains(*contract) || allowed.contains(&format!("{contract}.{name}"))
        };
        match self.0.get(module).is_some_and(may) {
            true => Ok(()),
            false => {
                let detail = format!("the module {module} may not call {contract}.{name}: [authorize] does not let it");
                Err(Failure::new(FailureKind::Forbidden, detail))
            }
        }
    }
}

/// The module that makes a call for `caller`: itself, or [`EDGE`] for a person.
pub fn calling_module(caller: &Caller) -> &str {
    match caller {
        Caller::Service { name } => name,
        Caller::Anonymous | Caller::Viewer { .. } | Caller::Staff { .. } => EDGE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Access, Idempotency, Limits, Method};

    const DECIDE: OperationInfo = OperationInfo {
        contract: "entitlement",
        module: "entitlement",
        name: "decide",
        method: Method::Post,
        path: "/v1/decisions",
        docs: "",
        access: Access::Service,
        idempotency: Idempotency::Natural,
        status: 200,
        limits: Limits::DEFAULT,
        safe: true,
        own: &[],
        grpc: None,
    };

    #[test]
    fn a_module_may_call_what_is_named_and_nothing_else() {
        let mut callers = Callers::default();
        callers.allow("playback", ["entitlement", "catalog"]);
        callers.allow("drm", ["entitlement.decide"]);
        callers.allow("billing", ["entitlement.put_grant"]);
        callers.allow(EDGE, ["*"]);
        let service = |name: &str| Caller::Service { name: name.into() };
        for allowed in [service("playback"), service("drm"), Caller::Anonymous] {
            callers.permit(&allowed, &DECIDE).unwrap();
        }
        for refused in [service("billing"), service("catalog"), service("entitlement"), service("")] {
            let failure = callers.permit(&refused, &DECIDE).unwrap_err();
            assert_eq!(failure.kind, FailureKind::Forbidden);
            let named =
                failure.detail.contains(calling_module(&refused)) && failure.detail.contains("entitlement.decide");
            assert!(named, "{failure}");
        }
        callers.set("playback", BTreeSet::from(["catalog".to_owned()]));
        assert!(callers.permit(&service("playback"), &DECIDE).is_err());
    }
}

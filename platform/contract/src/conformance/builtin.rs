//! Rules that follow from the operation table alone and hold for every contract.

use futures::future::BoxFuture;
use serde_json::{Map, Value};

use crate::{Access, Idempotency, OperationInfo};

use super::{Actor, Exchange, Role, Rule, Subject, Verdict, Violation};

/// The rules that every contract's implementation is held to.
pub fn access_rules() -> &'static [Rule] {
    const RULES: &[Rule] = &[
        Rule {
            name: "anonymous_is_unauthenticated",
            promise: "An operation that is not public answers 401 to a caller without a credential.",
            check: anonymous_is_unauthenticated,
        },
        Rule {
            name: "wrong_role_is_forbidden",
            promise: "A credential without the role or scope answers 403: of staff without the scope, a viewer, a module, a key.",
            check: wrong_role_is_forbidden,
        },
        Rule {
            name: "creating_needs_an_idempotency_key",
            promise: "An operation that creates or charges answers 400 idempotency_key_required without a key.",
            check: creating_needs_an_idempotency_key,
        },
    ];
    RULES
}

fn anonymous_is_unauthenticated<'s>(subject: &'s Subject<'_>) -> BoxFuture<'s, Result<(), Violation>> {
    Box::pin(async move {
        for operation in subject.operations().filter(|op| op.access != Access::Public) {
            let actor = Actor::ours(Role::Anonymous);
            subject.call(operation.name, &actor, placeholder(operation)).await?.refused(401, "unauthenticated")?;
        }
        Ok(())
    })
}

fn wrong_role_is_forbidden<'s>(subject: &'s Subject<'_>) -> BoxFuture<'s, Result<(), Violation>> {
    Box::pin(async move {
        for operation in subject.operations().filter(|op| op.access != Access::Public) {
            let powerless = Actor::ours(Role::StaffWithoutScope);
            subject.call(operation.name, &powerless, placeholder(operation)).await?.refused(403, "forbidden")?;
            for role in outsiders(operation.access, viewer(subject)) {
                if let Some(answer) = ask(subject, operation, role, placeholder(operation)).await? {
                    answer.refused(403, "forbidden")?;
                }
            }
        }
        Ok(())
    })
}

/// Roles that hold a credential, all scopes included, and still may not call.
fn outsiders(access: Access, viewer: Role) -> Vec<Role> {
    match access {
        Access::Public => vec![],
        Access::Viewer => vec![Role::Staff, Role::Service],
        Access::Staff(_) | Access::Platform(_) => vec![viewer, Role::Service],
        Access::Service => vec![viewer, Role::Staff],
        Access::ServiceOrStaff(_) => vec![viewer],
    }
}

/// The fixture's viewer, where it has one.
pub(super) fn viewer(subject: &Subject<'_>) -> Role {
    Role::Viewer(subject.given("/viewer").unwrap_or_else(|_| "acc_conformance".into()))
}

fn creating_needs_an_idempotency_key<'s>(subject: &'s Subject<'_>) -> BoxFuture<'s, Result<(), Violation>> {
    Box::pin(async move {
        for operation in subject.operations().filter(|op| op.idempotency == Idempotency::Key) {
            let Some(request) = subject.sample(operation) else { continue };
            let Some(role) = insider(operation.access, viewer(subject)) else { continue };
            let Some(answer) = ask(subject, operation, role, request).await? else { continue };
            // A sample that a rule beyond the schema refuses says nothing about keys.
            if answer.body["code"] != "invalid_request" {
                answer.refused(400, "idempotency_key_required")?;
            }
        }
        Ok(())
    })
}

/// A role that may call. `None` for operators of the deployment: tenants' credentials are all that rules have.
pub(super) fn insider(access: Access, viewer: Role) -> Option<Role> {
    match access {
        Access::Public => Some(Role::Anonymous),
        Access::Viewer => Some(viewer),
        Access::Staff(_) => Some(Role::Staff),
        Access::Platform(_) => None,
        Access::Service | Access::ServiceOrStaff(_) => Some(Role::Service),
    }
}

/// Calls in a role. `None` when the fixture has no such caller.
pub(super) async fn ask(
    subject: &Subject<'_>,
    operation: &OperationInfo,
    role: Role,
    request: Value,
) -> Result<Option<Exchange>, Violation> {
    match subject.call(operation.name, &Actor::ours(role), request).await {
        Ok(answer) => Ok(Some(answer)),
        Err(violation) if violation.verdict == Verdict::NotChecked => Ok(None),
        Err(violation) => Err(violation),
    }
}

/// A request with something in each path field: enough to reach the operation, not enough to do anything.
fn placeholder(operation: &OperationInfo) -> Value {
    Value::Object(
        operation.path_fields().map(|name| (name.to_owned(), Value::from("placeholder"))).collect::<Map<_, _>>(),
    )
}

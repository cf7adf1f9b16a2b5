//! Rules that follow from the operation table alone and hold for every contract.

use futures::future::BoxFuture;
use serde_json::{Map, Value};

use crate::{Access, Idempotency, OperationInfo};

use super::{Actor, Exchange, Role, Rule, Subject, Violation};

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
            promise: "A credential without the role or scope answers 403, whatever the request says.",
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
            let actor = Actor::ours(Role::StaffWithoutScope);
            subject.call(operation.name, &actor, placeholder(operation)).await?.refused(403, "forbidden")?;
        }
        Ok(())
    })
}

fn creating_needs_an_idempotency_key<'s>(subject: &'s Subject<'_>) -> BoxFuture<'s, Result<(), Violation>> {
    Box::pin(async move {
        for operation in subject.operations().filter(|op| op.idempotency == Idempotency::Key) {
            let Some(request) = subject.sample(operation) else { continue };
            let Some(answer) = ask(subject, operation, request).await? else { continue };
            // A sample that a rule beyond the schema refuses says nothing about keys.
            if answer.body["code"] != "invalid_request" {
                answer.refused(400, "idempotency_key_required")?;
            }
        }
        Ok(())
    })
}

/// Calls in a role that may. `None` when the fixture has no such caller.
async fn ask(subject: &Subject<'_>, operation: &OperationInfo, request: Value) -> Result<Option<Exchange>, Violation> {
    let role = match operation.access {
        Access::Public => Role::Anonymous,
        Access::Viewer => Role::Viewer("conformance".into()),
        Access::Staff(_) => Role::Staff,
        Access::Platform(_) => return Ok(None), // tenants' credentials are all that rules have
        Access::Service | Access::ServiceOrStaff(_) => Role::Service,
    };
    match subject.call(operation.name, &Actor::ours(role), request).await {
        Ok(answer) => Ok(Some(answer)),
        Err(Violation::NotReachable(_)) => Ok(None), // a server that is not there at all fails the rules before
        Err(violation) => Err(violation),
    }
}

/// A request with something in each path field: enough to reach the operation, not enough to do anything.
fn placeholder(operation: &OperationInfo) -> Value {
    Value::Object(
        operation.path_fields().map(|name| (name.to_owned(), Value::from("placeholder"))).collect::<Map<_, _>>(),
    )
}

//! Rules that follow from the operation table alone and hold for every contract.

use futures::future::BoxFuture;
use serde_json::{Map, Value};

use crate::{Access, OperationInfo};

use super::{Actor, Role, Rule, Subject, Violation};

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

/// A request with something in each path field: enough to reach the operation, not enough to do anything.
fn placeholder(operation: &OperationInfo) -> Value {
    Value::Object(
        operation.path_fields().map(|name| (name.to_owned(), Value::from("placeholder"))).collect::<Map<_, _>>(),
    )
}

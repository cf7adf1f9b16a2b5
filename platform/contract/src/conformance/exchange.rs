//! One request and its answer, as recorded.

use serde::Serialize;
use serde_json::Value;

use crate::OperationInfo;

use super::Actor;

/// A recorded request and answer.
#[derive(Debug, Clone, Serialize)]
pub struct Exchange {
    /// The operation's name.
    pub operation: &'static str,
    /// Who called.
    pub actor: Actor,
    /// The request's fields.
    pub request: Value,
    /// The status that came back.
    pub status: u16,
    /// The status of success that the contract declares.
    pub expected_status: u16,
    /// The body that came back, `null` when it was not JSON.
    pub body: Value,
}

/// What an implementation did that its contract does not allow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
pub enum Violation {
    /// It answered, and the answer breaks the contract.
    #[error("{0}")]
    NotConforming(String),
    /// It could not be asked.
    #[error("not reachable: {0}")]
    NotReachable(String),
    /// It did not answer in time.
    #[error("too slow: {0}")]
    Slow(String),
}

impl Violation {
    /// A broken rule, in words.
    pub fn new(what: impl Into<String>) -> Self {
        Self::NotConforming(what.into())
    }
}

impl Exchange {
    pub(crate) fn new(operation: &OperationInfo, actor: &Actor, request: Value, status: u16, body: Value) -> Self {
        let (operation, expected_status) = (operation.name, operation.status);
        Self { operation, actor: actor.clone(), request, status, expected_status, body }
    }

    /// The body of a success; a violation when it was refused.
    pub fn ok(&self) -> Result<&Value, Violation> {
        match self.status == self.expected_status {
            true => Ok(&self.body),
            false => Err(self.violation(&format!("expected success ({})", self.expected_status))),
        }
    }

    /// Expects a refusal with this status and code.
    pub fn refused(&self, status: u16, code: &str) -> Result<&Value, Violation> {
        match self.status == status && self.body["code"] == code {
            true => Ok(&self.body),
            false => Err(self.violation(&format!("expected {status} {code}"))),
        }
    }

    /// A violation that shows this exchange: what was sent, what came back.
    pub fn violation(&self, why: &str) -> Violation {
        Violation::new(format!(
            "{why}; {} sent {} as {} and got {} {}",
            self.operation,
            self.request,
            self.actor,
            self.status,
            shortened(&self.body)
        ))
    }

    /// Expects `pointer` (RFC 6901) in the answer to equal `value`.
    pub fn has(&self, pointer: &str, value: impl Into<Value>) -> Result<(), Violation> {
        let (value, found) = (value.into(), self.body.pointer(pointer).cloned().unwrap_or_default());
        match found == value {
            true => Ok(()),
            false => Err(self.violation(&format!("expected {pointer} to be {value}"))),
        }
    }
}

fn shortened(body: &Value) -> String {
    let text = body.to_string();
    match text.char_indices().nth(600) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

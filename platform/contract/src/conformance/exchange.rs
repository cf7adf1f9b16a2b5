//! One request and its answer, as recorded.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use crate::OperationInfo;

use super::{Actor, Got, Sent, Violation};

/// Characters of a body that a report shows.
const SHOWN: usize = 600;

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
    /// How long the answer took.
    pub elapsed: Duration,
    /// What else HTTP said; `None` in process.
    pub wire: Option<Wire>,
    #[serde(skip)]
    info: &'static OperationInfo,
}

/// What an answer over HTTP has besides status and body.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Wire {
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// `ETag`.
    pub etag: Option<String>,
    /// `Retry-After`.
    pub retry_after: Option<String>,
    /// `Location`, of a redirection.
    pub location: Option<String>,
    /// Why the body could not be read as JSON.
    pub unreadable: Option<String>,
}

impl Wire {
    /// The media type alone, without parameters.
    pub(crate) fn media_type(&self) -> String {
        let whole = self.content_type.as_deref().unwrap_or_default();
        whole.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }
}

impl Exchange {
    pub(crate) fn new(
        info: &'static OperationInfo,
        actor: &Actor,
        request: Value,
        status: u16,
        body: Value,
        elapsed: Duration,
    ) -> Self {
        let (operation, expected_status) = (info.name, info.status);
        Self { operation, actor: actor.clone(), request, status, expected_status, body, elapsed, wire: None, info }
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
            false => Err(self.violation(&format!("expected {status} {code}")).against(self.response_clause(status))),
        }
    }

    /// A violation that shows this exchange: what was sent, what came back.
    pub fn violation(&self, why: &str) -> Violation {
        Violation::new(why).shown_by(self)
    }

    /// Expects `pointer` (RFC 6901) in the answer to equal `value`.
    pub fn has(&self, pointer: &str, value: impl Into<Value>) -> Result<(), Violation> {
        let (value, found) = (value.into(), self.body.pointer(pointer).cloned().unwrap_or_default());
        match found == value {
            true => Ok(()),
            false => Err(self.violation(&format!("expected {pointer} to be {value}, got {found}"))),
        }
    }

    /// The operation in the document, as a URI fragment.
    pub(crate) fn operation_clause(&self) -> String {
        let path = self.info.path.replace('~', "~0").replace('/', "~1");
        format!("#/paths/{path}/{}", self.info.method.name().to_ascii_lowercase())
    }

    /// The document on answers with `status`.
    pub(crate) fn response_clause(&self, status: u16) -> String {
        format!("{}/responses/{status}", self.operation_clause())
    }

    /// The document on what came back.
    pub(crate) fn clause(&self) -> String {
        self.response_clause(self.status)
    }

    pub(crate) fn sent(&self) -> Sent {
        Sent::of(self.info, &self.actor, self.request.clone())
    }

    pub(crate) fn got(&self) -> Got {
        Got {
            status: self.status,
            content_type: self.wire.as_ref().and_then(|wire| wire.content_type.clone()),
            body: shortened(&self.body),
            milliseconds: u64::try_from(self.elapsed.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

impl Sent {
    pub(crate) fn of(info: &OperationInfo, actor: &Actor, fields: Value) -> Self {
        Self {
            operation: info.name,
            method: info.method.name(),
            path: info.path,
            actor: actor.to_string(),
            idempotency_key: actor.key.clone(),
            fields,
        }
    }
}

fn shortened(body: &Value) -> String {
    let text = body.to_string();
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

//! A request as it goes out, to whichever address.

use bytes::Bytes;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Method, RequestBuilder, header};
use serde_json::{Map, Value};

use crate::{Cx, Failure, Idempotency, OperationInfo};

/// Method, path, query and body of a request.
pub(super) struct Outgoing {
    method: Method,
    path: String,
    query: Vec<(String, String)>,
    body: Option<Bytes>,
    /// Says that it is an edit of one version of a thing.
    versioned: bool,
}

impl Outgoing {
    /// The fields as the operation's request.
    ///
    /// # Errors
    /// [`crate::FailureKind::InvalidRequest`] for what a path cannot carry.
    pub(super) fn new(operation: &OperationInfo, mut fields: Map<String, Value>) -> Result<Self, Failure> {
        let mut path = operation.path.to_owned();
        for name in operation.path_fields() {
            let value = texts(fields.remove(name).unwrap_or_default()).pop().unwrap_or_default();
            if ["", ".", ".."].contains(&value.as_str()) {
                // A URL's parser takes these for another path, percent-encoded or not (WHATWG URL, "double-dot segment").
                return Err(Failure::invalid(name, format!("{name} travels in the path and cannot be {value:?}")));
            }
            let value = utf8_percent_encode(&value, NON_ALPHANUMERIC).to_string();
            path = path.replace(&format!("{{{name}}}"), &value);
        }
        let method = Method::from_bytes(operation.method.name().as_bytes()).expect("a standard method");
        let versioned = fields.get("expected_version").is_some_and(|version| !version.is_null());
        if operation.method.has_body() {
            let body = serde_json::to_vec(&fields).map_err(|e| Failure::internal("writing a request's body", e))?;
            return Ok(Self { method, path, query: Vec::new(), body: Some(body.into()), versioned });
        }
        let pairs = fields.into_iter().flat_map(|(k, v)| texts(v).into_iter().map(move |text| (k.clone(), text)));
        Ok(Self { method, path, query: pairs.collect(), body: None, versioned })
    }

    /// Whether making the call once more changes nothing more and answers the same: what the contract says of it, or a
    /// key that the answer is kept under. An edit of one version would find its own first attempt to be the newer one.
    pub(super) fn is_repeatable(&self, operation: &OperationInfo, cx: &Cx) -> bool {
        match operation.idempotency {
            Idempotency::Key => cx.idempotency_key.is_some(),
            Idempotency::Natural => self.method == Method::GET || !self.versioned,
        }
    }

    /// The request to the address `base`.
    pub(super) fn to(&self, http: &reqwest::Client, base: &str) -> RequestBuilder {
        let request = http.request(self.method.clone(), format!("{base}{}", self.path));
        let request = if self.query.is_empty() { request } else { request.query(&self.query) };
        match &self.body {
            Some(body) => request.header(header::CONTENT_TYPE, "application/json").body(body.clone()),
            None => request,
        }
    }
}

/// A value as it travels in a path or query: nothing for null, one text for a scalar, one for each entry of a list.
fn texts(value: Value) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::String(text) => vec![text],
        Value::Array(list) => list.into_iter().flat_map(texts).collect(),
        other => vec![other.to_string()],
    }
}

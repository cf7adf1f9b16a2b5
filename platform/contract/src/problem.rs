//! Problem details for HTTP APIs (RFC 9457).

use std::time::Duration;

use axum::{
    body::Body,
    http::{HeaderValue, Response, StatusCode, header},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{ContractError, Failure};

/// The media type of a problem.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// An error on the wire (RFC 9457 §3), with a stable `code` a client can branch on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// `urn:tessera:problem:` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// The code in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What went wrong this time and what to do about it.
    pub detail: String,
    /// Stable; from the contract's list. A client keeps a case for codes it does not know.
    pub code: String,
    /// The request field at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub param: Option<String>,
    /// Names the request in the operator's log.
    pub request_id: String,
    /// Seconds until trying again makes sense; the `Retry-After` header.
    #[serde(skip)]
    pub retry_after: Option<Duration>,
}

impl Problem {
    /// What `error` looks like to the caller of request `request_id`. Causes stay behind.
    pub fn of<E: ContractError>(error: &E, request_id: &str) -> Self {
        let failure = error.failure();
        Self {
            kind: format!("urn:tessera:problem:{}", error.code()),
            title: error.code().replace('_', " "),
            status: error.status(),
            detail: error.to_string(),
            code: error.code().to_owned(),
            param: failure.and_then(|f| f.param.clone()),
            request_id: request_id.to_owned(),
            retry_after: failure.and_then(|f| f.retry_after),
        }
    }

    /// What a shared failure looks like.
    pub fn of_failure(failure: &Failure, request_id: &str) -> Self {
        Self::of(&Shared::Failure(failure.clone()), request_id)
    }

    /// `Retry-After`, rounded up: whoever comes back when told must not be early.
    pub(crate) fn retry_after_seconds(&self) -> Option<u64> {
        self.retry_after.map(|wait| wait.as_millis().div_ceil(1000).max(1) as u64)
    }

    /// The HTTP answer: status, `application/problem+json`, `Retry-After`, `x-request-id`.
    pub fn into_response(self) -> Response<Body> {
        let body = serde_json::to_vec(&self).expect("a problem has only strings and numbers");
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Ok(id) = HeaderValue::from_str(&self.request_id) {
            headers.insert("x-request-id", id);
        }
        if let Some(seconds) = self.retry_after_seconds() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == 401 {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

crate::errors! {
    /// The shared failures alone: the error type of code that belongs to no contract.
    pub enum Shared {}
}

/// The chain of causes, for the log: `a: b: c`.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let mut text = String::new();
    let mut next = error.source();
    while let Some(cause) = next {
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

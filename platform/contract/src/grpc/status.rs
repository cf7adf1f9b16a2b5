//! Errors of the contract as gRPC says them, and back: one table over HTTP's statuses, which every error code has.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::Problem;

/// The trailer of the status (gRPC over HTTP2, "Status").
const GRPC_STATUS: &str = "grpc-status";
const GRPC_MESSAGE: &str = "grpc-message";
/// The trailer of the problem, as JSON; binary, so base64 as gRPC has it.
const PROBLEM_TRAILER: &str = "tessera-problem-bin";
/// Characters of a detail that `grpc-message` repeats.
const MESSAGE: usize = 300;
/// What a message may not hold as it is (gRPC over HTTP2, "Percent-Encoded").
const ENCODED: &AsciiSet = &CONTROLS.add(b'%');

/// gRPC's code for an HTTP status.
fn grpc_code(status: u16) -> u8 {
    match status {
        400 => 3,
        401 => 16,
        403 => 7,
        404 => 5,
        405 | 415 | 501 => 12,
        409 => 10,
        413 | 429 => 8,
        503 => 14,
        504 => 4,
        402..=499 => 9,
        _ => 13,
    }
}

/// The HTTP status that a gRPC code without a problem is taken for.
pub(crate) fn http_status(code: u8) -> u16 {
    match code {
        4 => 504,
        14 => 503,
        _ => 500,
    }
}

/// Binary metadata is base64 with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_encode_padding(false).with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The trailers of a call that succeeded.
pub(super) fn success() -> HeaderMap {
    HeaderMap::from_iter([(HeaderName::from_static(GRPC_STATUS), HeaderValue::from_static("0"))])
}

/// The trailers of a call that did not.
pub(super) fn refusal(problem: &Problem) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert(GRPC_STATUS, HeaderValue::from(u16::from(grpc_code(problem.status))));
    let detail: String = problem.detail.chars().take(MESSAGE).collect();
    let json = serde_json::to_vec(problem).expect("a problem has only strings and numbers");
    let texts = [
        (GRPC_MESSAGE, utf8_percent_encode(&detail, ENCODED).to_string()),
        (PROBLEM_TRAILER, BASE64.encode(json)),
        ("x-request-id", problem.request_id.clone()),
    ];
    for (name, text) in texts {
        if let Ok(value) = HeaderValue::from_str(&text) {
            trailers.insert(name, value);
        }
    }
    if let Some(seconds) = problem.retry_after_seconds() {
        trailers.insert("retry-after", HeaderValue::from(seconds));
    }
    trailers
}

/// What trailers say: the status's code and the problem as JSON, each where it is there and can be read.
pub(crate) fn said(trailers: &HeaderMap) -> (Option<u8>, Option<Vec<u8>>) {
    let text = |name: &str| trailers.get(name).and_then(|value| value.to_str().ok());
    let code = text(GRPC_STATUS).and_then(|code| code.parse().ok());
    (code, text(PROBLEM_TRAILER).and_then(|problem| BASE64.decode(problem).ok()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Failure, FailureKind};

    #[test]
    fn each_failure_has_a_code_and_arrives_whole() {
        for kind in FailureKind::ALL {
            let problem = Problem::of_failure(&Failure::new(*kind, "so ist es: 100 %\n"), "req_1");
            let trailers = refusal(&problem);
            let (code, json) = said(&trailers);
            assert!((1..=16).contains(&code.unwrap()), "{kind:?}");
            assert_eq!(serde_json::from_slice::<Problem>(&json.unwrap()).unwrap(), problem);
            assert_eq!(trailers[GRPC_MESSAGE], "so ist es: 100 %25%0A");
        }
    }
}

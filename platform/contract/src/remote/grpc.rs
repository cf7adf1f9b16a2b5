//! A gRPC call's answer, read and judged as an answer over HTTP is.

use http::{HeaderMap, Response};
use serde_json::{Map, Value};

use super::{
    answer::{Answer, Content, Lost, MAX_ANSWER, lost, retry_after},
    carrier::Incoming,
    target::Outcome,
};
use crate::{
    Failure, FailureKind, OperationInfo,
    grpc::{ACCEPTED, Grpc, http_status, is_grpc, said, unframed},
};

/// The answer, whole. A refusal is the problem that it carries.
pub(super) async fn read(operation: &OperationInfo, grpc: &Grpc, response: Response<Incoming>) -> Result<Answer, Lost> {
    let (head, mut body) = response.into_parts();
    let (mut bytes, mut trailers) = (Vec::new(), HeaderMap::new());
    while let Some(frame) = body.frame().await {
        match frame.map_err(|error| lost(operation, error))?.into_data() {
            Ok(data) if bytes.len() + data.len() > MAX_ANSWER => {
                return Err(bad(operation, &format_args!("more than {MAX_ANSWER} bytes")));
            }
            Ok(data) => bytes.extend_from_slice(&data),
            Err(frame) => trailers.extend(frame.into_trailers().unwrap_or_default()),
        }
    }
    if head.status != 200 || !is_grpc(&head.headers) {
        // Something that speaks HTTP answered in its place.
        return match head.status.as_u16() {
            200..=299 => Err(bad(operation, &format_args!("something that is not {ACCEPTED}"))),
            status => Ok(Answer { status, content: Content::Json(bytes), retry_after: retry_after(&head.headers) }),
        };
    }
    let trailers = if trailers.is_empty() { head.headers } else { trailers };
    match said(&trailers) {
        (Some(0), _) => Ok(Answer {
            status: operation.status,
            content: Content::Fields(fields(operation, grpc, &bytes)?),
            retry_after: None,
        }),
        (Some(code), None) => {
            let text = trailers.get("grpc-message").and_then(|text| text.to_str().ok()).unwrap_or_default();
            let why = format!("grpc-status {code} {text:?}, without a problem in tessera-problem-bin");
            Ok(Answer { status: http_status(code), content: Content::None(why), retry_after: retry_after(&trailers) })
        }
        (Some(_), Some(problem)) => {
            #[derive(serde::Deserialize)]
            struct Status {
                status: u16,
            }
            let status = serde_json::from_slice(&problem).map_or(500, |Status { status }| status);
            Ok(Answer { status, content: Content::Json(problem), retry_after: retry_after(&trailers) })
        }
        (None, _) => Err(bad(operation, &"no grpc-status")),
    }
}

fn fields(operation: &OperationInfo, grpc: &Grpc, body: &[u8]) -> Result<Map<String, Value>, Lost> {
    let message = unframed(body).map_err(|why| bad(operation, &why))?;
    grpc.decode_response(message).map_err(|failure| bad(operation, &failure))
}

fn bad(operation: &OperationInfo, what: &dyn std::fmt::Display) -> Lost {
    let detail = format!("{} answered by gRPC what its contract does not allow: {what}", operation.contract);
    Lost { outcome: Outcome::BadAnswer, failure: Failure::new(FailureKind::BadAnswer, detail) }
}

//! Problems (RFC 9457) where a framework would answer with a status and nothing else.

use axum::{
    http::{Method, StatusCode, Uri, header},
    response::Response,
};
use tessera_contract::{Failure, FailureKind, Problem};

/// Marks a failure for [`as_problem`], which knows the request.
fn marked(status: StatusCode, failure: Failure) -> Response {
    let mut response = Response::default();
    *response.status_mut() = status;
    response.extensions_mut().insert(failure);
    response
}

pub(super) async fn not_found(uri: Uri) -> Response {
    marked(StatusCode::NOT_FOUND, nothing_at(uri.path()))
}

pub(super) async fn method_not_allowed(method: Method, uri: Uri) -> Response {
    marked(StatusCode::METHOD_NOT_ALLOWED, wrong_method(&method, uri.path()))
}

fn nothing_at(path: &str) -> Failure {
    Failure::new(FailureKind::NotFound, format!("there is nothing at {}", short(path)))
}

fn wrong_method(method: &Method, path: &str) -> Failure {
    let detail = format!("{} does not take {method}; the Allow header names what it takes", short(path));
    Failure::new(FailureKind::MethodNotAllowed, detail)
}

fn short(path: &str) -> String {
    path.chars().take(200).collect()
}

/// Gives errors without a body one. Answers that say what they are stay as they are.
pub(super) fn as_problem(mut response: Response, (method, uri): &(Method, Uri), id: &str) -> Response {
    if response.headers().contains_key(header::CONTENT_TYPE) {
        return response;
    }
    let failure = match (response.extensions_mut().remove::<Failure>(), response.status()) {
        // Said with the whole path: below a mount, the handler saw only the rest of it.
        (_, StatusCode::NOT_FOUND) => nothing_at(uri.path()),
        (_, StatusCode::METHOD_NOT_ALLOWED) => wrong_method(method, uri.path()),
        (Some(failure), _) => failure,
        (None, StatusCode::PAYLOAD_TOO_LARGE) => Failure::new(FailureKind::PayloadTooLarge, "the body is too large"),
        (None, status) if status.is_server_error() => {
            Failure::new(FailureKind::Internal, "a fault of ours; the log has more under the request id")
        }
        (None, _) => return response,
    };
    let mut problem = Problem::of_failure(&failure, id).into_response();
    let mut said = std::mem::take(response.headers_mut());
    said.remove(header::CONTENT_LENGTH);
    for (name, value) in &said {
        problem.headers_mut().entry(name).or_insert_with(|| value.clone());
    }
    problem
}

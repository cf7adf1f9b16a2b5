//! The remote client: an implementation of the contract, whatever the other side answers.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    http::{Response, StatusCode},
};
use tessera_contract::{Caller, Contract, ContractError, Credential, Cx, CxSigner, FailureKind, Remote, http_client};

use crate::{
    notes::{CreateNote, EchoBody, GetNote, InMemory, ListNotes, Misbehave, NoteError, Notes},
    world::{NOBODY, Served, acme, now, service, signer},
};

/// A server that answers everything alike.
async fn answering(status: u16, headers: &'static [(&str, &str)], body: impl Into<String>) -> Served {
    let body: Arc<str> = body.into().into();
    let answer = move || {
        let mut response = Response::builder().status(StatusCode::from_u16(status).unwrap());
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        std::future::ready(response.body(Body::from(body.to_string())).unwrap())
    };
    Served::router(Router::new().fallback(answer)).await
}

async fn list(served: &Served) -> NoteError {
    served.remote().list_notes(&service(), ListNotes::default()).await.unwrap_err()
}

#[tokio::test]
async fn what_comes_back_decides_what_failed() {
    const PROBLEM: &str = r#"{"code": "note_not_found", "detail": "gone"}"#;
    for (status, body, code) in [
        (200, "not json", "bad_answer"),
        (200, r#"{"items": []}"#, "bad_answer"),
        (201, r#"{"data": []}"#, "bad_answer"),
        (302, "elsewhere", "bad_answer"),
        (404, "", "bad_answer"),
        (404, "<html>no such page</html>", "bad_answer"),
        (500, "<html>oops</html>", "bad_answer"),
        (502, "<html>Bad Gateway</html>", "unavailable"),
        (503, "", "unavailable"),
        (504, "upstream timed out", "unavailable"),
        (404, PROBLEM, "note_not_found"),
        (503, r#"{"code": "unavailable"}"#, "unavailable"),
        (502, r#"{"code": "bad_answer"}"#, "bad_answer"),
        (418, r#"{"code": "note_is_a_teapot", "detail": "short"}"#, "note_is_a_teapot"),
    ] {
        let error = list(&answering(status, &[("content-type", "application/json")], body).await).await;
        assert_eq!(error.code(), code, "{status} {body}: {error:?}");
    }
}

#[tokio::test]
async fn a_code_that_is_not_known_keeps_its_status() {
    let served = answering(409, &[], r#"{"code": "note_locked", "detail": "by somebody"}"#).await;
    let error = list(&served).await;
    assert!(
        matches!(&error, NoteError::Unknown { code, status: 409, detail } if code == "note_locked" && detail == "by somebody")
    );
    assert_eq!(error.status(), 409);
}

#[tokio::test]
async fn a_shared_failure_keeps_its_field_and_its_wait() {
    let body = r#"{"code": "rate_limited", "detail": "slower", "param": "limit"}"#;
    let error = list(&answering(429, &[("retry-after", "7")], body).await).await;
    let failure = error.failure().unwrap();
    assert_eq!((failure.kind, failure.retry_after), (FailureKind::RateLimited, Some(Duration::from_secs(7))));
    assert_eq!(failure.param.as_deref(), Some("limit"));
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let notes = Served::internal(InMemory::with_notes()).await;
    let location: &'static str = format!("{}/v1/notes", notes.base).leak();
    let headers: &'static [(&str, &str)] = vec![("location", location)].leak();
    assert_eq!(list(&answering(307, headers, "").await).await.code(), "bad_answer");
}

#[tokio::test]
async fn an_endless_answer_is_not_read_to_its_end() {
    let error = list(&answering(200, &[], " ".repeat(9 << 20)).await).await;
    assert_eq!(error.code(), "bad_answer");
    assert!(error.to_string().contains("8388608"), "{error}");
}

#[tokio::test]
async fn nobody_there_is_unavailable() {
    let nobody = Remote::new(http_client(), NOBODY, Credential::Anonymous);
    let error = <dyn Notes>::remote(nobody).list_notes(&service(), ListNotes::default()).await.unwrap_err();
    assert_eq!(error.code(), "unavailable", "{error:?}");
}

#[tokio::test]
async fn the_deadline_travels() {
    let served = Served::internal(InMemory::with_notes()).await;
    let remaining = served.remote().misbehave(&service(), Misbehave { how: String::new() }).await.unwrap().remaining_ms;
    assert!((1500..=2000).contains(&remaining), "the operation's own limit, over there: {remaining}");
    for timeout in [Duration::from_millis(80), Duration::ZERO] {
        let cx = service().with_timeout(timeout);
        let error = served.remote().misbehave(&cx, Misbehave { how: "hang".into() }).await.unwrap_err();
        assert_eq!(error.code(), "deadline_exceeded", "{timeout:?} {error:?}");
    }
}

#[tokio::test]
async fn a_deadline_that_passes_over_there_is_504() {
    let served = Served::internal(InMemory::with_notes()).await;
    let token = signer().sign(&service().with_timeout(Duration::from_millis(60)), "notes").unwrap();
    let headers = [("tessera-cx", token.as_str()), ("content-type", "application/json")];
    let answer = served.send("POST", "/v1/misbehave", &headers, r#"{"how": "hang"}"#).await;
    answer.is_problem(504, "deadline_exceeded", "");
}

#[tokio::test]
async fn a_newer_callers_fields_are_ignored_between_services() {
    let served = Served::internal(InMemory::with_notes()).await;
    let token = signer().sign(&service(), "notes").unwrap();
    let headers = [("tessera-cx", token.as_str()), ("content-type", "application/json")];
    let body = r#"{"tags": [], "places": [{"x": 1, "z": 2}], "colour": 1}"#;
    let answer = served.send("POST", "/v1/echo/w", &headers, body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let answer = served.send("GET", "/v1/notes?hue=1", &headers[..1], "").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    served.send("GET", "/v1/notes", &[], "").await.is_problem(401, "unauthenticated", "");
    let elsewhere = signer().sign(&service(), "catalog").unwrap();
    served.send("GET", "/v1/notes", &[("tessera-cx", &elsewhere)], "").await.is_problem(401, "unauthenticated", "");
}

#[tokio::test]
async fn the_whole_context_arrives() {
    let notes = InMemory::with_notes();
    let served = Served::internal(notes.clone()).await;
    let staff = Caller::Staff { subject: "key_1".into(), scopes: vec!["notes:write".into()] };
    let cx = Cx::new(acme(), staff, now()).with_idempotency_key("k/1");
    let request = CreateNote { text: "hello".into(), place: None };
    served.remote().create_note(&cx, request.clone()).await.unwrap();
    <dyn Notes>::guarded(notes.clone()).create_note(&cx, request).await.unwrap();
    let seen = notes.fingerprints.lock().unwrap().clone();
    assert_eq!(seen[0], seen[1], "a retry through another binding is the same request");
    let (keyless, request) = (Cx::new(acme(), cx.caller, now()), CreateNote { text: "x".into(), place: None });
    let error = served.remote().create_note(&keyless, request).await.unwrap_err();
    assert_eq!(error.code(), "idempotency_key_required");
}

#[tokio::test]
async fn what_a_url_cannot_carry_is_refused_before_it_is_sent() {
    let served = Served::internal(InMemory::with_notes()).await;
    for word in ["", ".", ".."] {
        let request = GetNote { note_id: word.into() };
        let error = served.remote().remove_note(&service(), request).await.unwrap_err();
        assert_eq!(error.failure().unwrap().param.as_deref(), Some("note_id"), "{word:?} {error:?}");
    }
    let outside = <dyn Notes>::remote(Remote::new(http_client(), &served.base, Credential::Bearer("x".into())));
    let body = EchoBody { word: "w".into(), tags: vec![], places: vec![], number: None, by_name: Default::default() };
    let error = outside.echo_body(&service().with_idempotency_key("a\nb"), body).await.unwrap_err();
    assert_eq!(error.failure().unwrap().param.as_deref(), Some("Idempotency-Key"), "{error:?}");
    let forger = CxSigner::new(&[8; 32], crate::world::clock());
    let forged = <dyn Notes>::remote(Remote::new(http_client(), &served.base, Credential::Service(forger)));
    assert_eq!(forged.list_notes(&service(), ListNotes::default()).await.unwrap_err().code(), "unauthenticated");
}

//! The conformance kit itself: a conforming implementation passes, and each seeded fault is named.

use std::sync::Arc;

use axum::{Json, Router, body::Body, extract::Request, http::StatusCode, response::Response};
use futures::future::BoxFuture;
use serde_json::{Value, json};
use tessera_contract::{
    Contract, Failure, FailureKind, Problem, Shared,
    conformance::{Actor, InProcess, Probe, Report, Role, Rule, SignedHttp, Subject, Violation, check},
    http_client,
};

use crate::{
    notes::{InMemory, Notes},
    world::{Served, acme, clock, signer},
};

const RULES: &[Rule] = &[Rule {
    name: "pages_cover_everything_once",
    promise: "Following next_cursor shows every note once.",
    check: pages_cover_everything_once,
}];

fn pages_cover_everything_once<'s>(subject: &'s Subject<'_>) -> BoxFuture<'s, Result<(), Violation>> {
    Box::pin(async move {
        let (mut seen, mut cursor) = (Vec::new(), Value::Null);
        loop {
            let service = Actor::ours(Role::Service);
            let page = subject.call("list_notes", &service, json!({"limit": 2, "cursor": cursor})).await?;
            for note in page.ok()?["data"].as_array().into_iter().flatten() {
                if seen.contains(&note["note_id"]) {
                    return Err(page.violation(&format!("{} was listed before", note["note_id"])));
                }
                seen.push(note["note_id"].clone());
            }
            cursor = page.body["next_cursor"].clone();
            if cursor.is_null() {
                return Ok(());
            }
        }
    })
}

async fn report(probe: &dyn Probe) -> Report {
    let api = <dyn Notes>::api(InMemory::with_notes() as Arc<dyn Notes>);
    let subject = Subject::new(&[(api.info, api.document)], probe, json!({})).unwrap();
    check("notes", RULES, &subject).await
}

fn over_http(base: &str) -> SignedHttp {
    let tenants = [acme(), "globex".parse().unwrap()];
    SignedHttp { http: http_client(), base: base.to_owned(), signer: signer(), tenants, clock: clock() }
}

#[tokio::test]
async fn an_implementation_that_conforms_passes_in_process_and_over_http() {
    let apis = vec![<dyn Notes>::api(InMemory::with_notes() as Arc<dyn Notes>)];
    let in_process = InProcess { apis, tenants: [acme(), "globex".parse().unwrap()], clock: clock() };
    let found = report(&in_process).await;
    assert!(found.conforms(), "{found}");
    let served = Served::internal(InMemory::with_notes()).await;
    let found = report(&over_http(&served.base)).await;
    assert!(found.conforms(), "{found}");
    assert!(found.to_string().ends_with("requests") && found.exchanges > 10, "{found}");
}

/// The notes behind a layer that spoils what they answer.
async fn spoilt(spoil: fn(&mut Value, &mut StatusCode, &Request)) -> Report {
    let notes = <dyn Notes>::api(InMemory::with_notes() as Arc<dyn Notes>).into_router(Arc::new(signer()));
    let layer = axum::middleware::from_fn(move |request: Request, next: axum::middleware::Next| async move {
        let (parts, body) = request.into_parts();
        let as_sent = Request::from_parts(parts.clone(), Body::empty());
        let answer = next.run(Request::from_parts(parts, body)).await;
        let mut status = answer.status();
        let bytes = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        let mut body: Value = serde_json::from_slice(&bytes).unwrap();
        spoil(&mut body, &mut status, &as_sent);
        let mut response: Response = axum::response::IntoResponse::into_response(Json(body));
        *response.status_mut() = status;
        response
    });
    let served = Served::router(notes.layer(layer)).await;
    report(&over_http(&served.base)).await
}

#[track_caller]
fn caught(report: &Report, rule: &str, words: &[&str]) {
    let outcome = report.outcomes.iter().find(|outcome| outcome.rule == rule).unwrap();
    let Some(Violation::NotConforming(why)) = &outcome.violation else { panic!("{rule} was not caught: {report}") };
    assert!(words.iter().all(|word| why.contains(word)), "{rule}: {why}");
}

#[tokio::test]
async fn each_fault_is_caught_and_shown() {
    let listing = "pages_cover_everything_once";
    let untouched = spoilt(|_, _, _| {}).await;
    assert!(untouched.conforms(), "{untouched}");

    let wrong_success =
        spoilt(|_, status, _| *status = if status.is_success() { StatusCode::ACCEPTED } else { *status });
    caught(&wrong_success.await, listing, &["problem", "list_notes", "202"]);

    let misspelt = spoilt(|body, _, _| {
        for note in body["data"].as_array_mut().into_iter().flatten() {
            let text = note.as_object_mut().unwrap().remove("text").unwrap();
            note["txet"] = text;
        }
    });
    caught(&misspelt.await, listing, &["breaks its schema", "\"text\" is a required property", "list_notes"]);

    let mistyped = spoilt(|body, _, _| {
        for note in body["data"].as_array_mut().into_iter().flatten() {
            note["version"] = "1".into();
        }
    });
    caught(&mistyped.await, listing, &["breaks its schema", "/data/0/version"]);

    let repeated = spoilt(|body, _, request| {
        if request.uri().path() == "/v1/notes" && body["next_cursor"].is_null() {
            body["next_cursor"] = tessera_contract::encode_cursor(&"n1").into();
        }
    });
    caught(&repeated.await, listing, &["was listed before", "n2"]);

    let unknown_code = spoilt(|body, _, _| {
        if body["code"] == "forbidden" {
            body["code"] = "keep_out".into();
        }
    });
    caught(&unknown_code.await, "wrong_role_is_forbidden", &["\"keep_out\" is not a code of this contract"]);

    let wrong_status = spoilt(|_, status, _| {
        if *status == StatusCode::FORBIDDEN {
            *status = StatusCode::NOT_FOUND;
        }
    });
    caught(&wrong_status.await, "wrong_role_is_forbidden", &["forbidden has status 403"]);

    let not_a_problem = spoilt(|body, _, _| {
        if body["code"] == "unauthenticated" {
            *body = json!({"error": "who are you?"});
        }
    });
    caught(&not_a_problem.await, "anonymous_is_unauthenticated", &["RFC 9457", "who are you?"]);

    let open_door = spoilt(|body, status, _| {
        if *status == StatusCode::UNAUTHORIZED {
            let failure = Failure::new(FailureKind::Forbidden, "no");
            *body = serde_json::to_value(Problem::of(&Shared::Failure(failure), "req_1")).unwrap();
            *status = StatusCode::FORBIDDEN;
        }
    });
    caught(&open_door.await, "anonymous_is_unauthenticated", &["expected 401 unauthenticated", "403"]);

    let keyless = spoilt(|body, status, _| {
        if body["code"] == "idempotency_key_required" {
            *body = json!({"note_id": "n9", "text": "made without a key", "version": 1});
            *status = StatusCode::CREATED;
        }
    });
    caught(&keyless.await, "creating_needs_an_idempotency_key", &["create_note", "idempotency_key_required"]);
}

#[tokio::test]
async fn out_of_reach_and_slow_are_told_apart_from_wrong() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port(); // closed again here
    let nobody = report(&over_http(&format!("http://127.0.0.1:{port}"))).await;
    let first = nobody.outcomes[0].violation.as_ref().unwrap();
    assert!(matches!(first, Violation::NotReachable(_)), "{nobody}");
    assert!(first.to_string().starts_with("not reachable: notes cannot be reached"), "{first}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_never_comes_is_slow() {
    // Paused time runs on only when nothing else can: the server holds the request, and the client's patience ends.
    let served = Served::router(Router::new().fallback(std::future::pending::<()>)).await;
    let found = report(&over_http(&served.base)).await;
    assert!(matches!(&found.outcomes[0].violation, Some(Violation::Slow(_))), "{found}");
}

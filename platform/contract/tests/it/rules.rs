//! The conformance kit itself: a conforming implementation passes, and each seeded fault is named.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::future::BoxFuture;
use serde_json::{Value, json};
use tessera_contract::{
    Contract, Failure, FailureKind, Problem, Shared,
    conformance::{
        Actor, InProcess, Obstacle, Probe, Report, Role, Rule, SignedHttp, Subject, Verdict, Violation, check,
    },
    http_client,
};

use crate::{
    notes::{InMemory, Notes},
    world::{NOBODY, Served, acme, clock, signer},
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
    SignedHttp { http: http_client().into(), base: base.to_owned(), signer: signer(), tenants, clock: clock() }
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

/// An answer on its way back.
struct OnItsWay {
    path: String,
    status: StatusCode,
    headers: HeaderMap,
    body: Value,
}

/// The notes behind a layer that spoils what they answer.
async fn spoilt(spoil: fn(&mut OnItsWay)) -> Report {
    let notes = <dyn Notes>::api(InMemory::with_notes() as Arc<dyn Notes>).into_router(Arc::new(signer()));
    let layer = axum::middleware::from_fn(move |request: Request, next: axum::middleware::Next| async move {
        let path = request.uri().path().to_owned();
        let (head, body) = next.run(request).await.into_parts();
        let bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
        let body = serde_json::from_slice(&bytes).unwrap();
        let mut answer = OnItsWay { path, status: head.status, headers: head.headers, body };
        spoil(&mut answer);
        answer.headers.remove(header::CONTENT_LENGTH);
        let mut response: Response = Body::from(answer.body.to_string()).into_response();
        (*response.status_mut(), *response.headers_mut()) = (answer.status, answer.headers);
        response
    });
    let served = Served::router(notes.layer(layer)).await;
    report(&over_http(&served.base)).await
}

#[track_caller]
fn caught(report: &Report, rule: &str, words: &[&str]) {
    let outcome = report.outcomes.iter().find(|outcome| outcome.rule == rule).unwrap();
    let Some(violation) = &outcome.violation else { panic!("{rule} was not caught: {report}") };
    assert_eq!(violation.verdict, Verdict::NotConforming, "{report}");
    assert!(violation.sent.is_some() && violation.got.is_some() && violation.clause.is_some(), "{violation:?}");
    let shown = report.to_string();
    let shown = shown.split(&format!("FAIL  {rule}")).nth(1).unwrap().split("\n  ok").next().unwrap();
    for word in words {
        assert!(shown.contains(word), "{rule}: {word} is missing:\n{shown}");
    }
}

fn problem(kind: FailureKind) -> Value {
    serde_json::to_value(Problem::of(&Shared::Failure(Failure::new(kind, "no")), "req_1")).unwrap()
}

#[tokio::test]
async fn what_breaks_the_document_is_caught_by_the_rule_of_its_kind_with_its_clause() {
    let untouched = spoilt(|_| {}).await;
    assert!(untouched.conforms(), "{untouched}");

    let wrong_success = spoilt(|answer| {
        if answer.status.is_success() {
            answer.status = StatusCode::ACCEPTED;
        }
    });
    let words = ["202 is not the status of success, 200", "GET /v1/notes", "#/paths/~1v1~1notes/get/responses/200"];
    caught(&wrong_success.await, "statuses_are_declared", &words);

    let misspelt = spoilt(|answer| {
        for note in answer.body["data"].as_array_mut().into_iter().flatten() {
            let text = note.as_object_mut().unwrap().remove("text").unwrap();
            note["txet"] = text;
        }
    });
    let words = [
        "\"text\" is a required property at /data/0; there are note_id, txet, version",
        "#/components/schemas/Note/required",
    ];
    caught(&misspelt.await, "answers_match_their_schema", &words);

    let mistyped = spoilt(|answer| {
        for note in answer.body["data"].as_array_mut().into_iter().flatten() {
            note["version"] = "1".into();
        }
    });
    let words = ["at /data/0/version", "#/components/schemas/Note/properties/version/type"];
    caught(&mistyped.await, "answers_match_their_schema", &words);

    let unknown_code = spoilt(|answer| {
        if answer.body["code"] == "forbidden" {
            answer.body["code"] = "keep_out".into();
        }
    });
    let words = ["\"keep_out\" is not a code of this contract", "/responses/403/x-tessera-codes"];
    caught(&unknown_code.await, "errors_are_problems", &words);

    let wrong_status = spoilt(|answer| {
        if answer.status == StatusCode::FORBIDDEN {
            answer.status = StatusCode::NOT_FOUND;
        }
    });
    caught(&wrong_status.await, "errors_are_problems", &["forbidden has status 403"]);

    let not_a_problem = spoilt(|answer| {
        if answer.body["code"] == "unauthenticated" {
            answer.body = json!({"error": "who are you?"});
        }
    });
    caught(&not_a_problem.await, "errors_are_problems", &["RFC 9457", "who are you?"]);

    let plain = spoilt(|answer| {
        answer.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    });
    caught(&plain.await, "answers_name_their_type", &["got text/plain; charset=utf-8"]);

    let hasty = spoilt(|answer| {
        if answer.path == "/v1/notes" {
            (answer.status, answer.body) = (StatusCode::TOO_MANY_REQUESTS, problem(FailureKind::RateLimited));
            answer.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        }
    });
    caught(&hasty.await, "rate_limits_say_when_to_return", &["Retry-After"]);
}

#[tokio::test]
async fn open_doors_missing_keys_and_pages_that_do_not_fit_are_caught_by_their_rules() {
    let open_door = spoilt(|answer| {
        if answer.status == StatusCode::UNAUTHORIZED {
            (answer.status, answer.body) = (StatusCode::FORBIDDEN, problem(FailureKind::Forbidden));
        }
    });
    caught(&open_door.await, "anonymous_is_unauthenticated", &["expected 401 unauthenticated", "403"]);

    let keyless = spoilt(|answer| {
        if answer.body["code"] == "idempotency_key_required" {
            answer.body = json!({"note_id": "n9", "text": "made without a key", "version": 1});
            answer.status = StatusCode::CREATED;
            answer.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            answer.headers.insert(header::ETAG, HeaderValue::from_static("\"1\""));
        }
    });
    caught(&keyless.await, "creating_needs_an_idempotency_key", &["create_note", "idempotency_key_required"]);

    let repeated = spoilt(|answer| {
        if answer.path == "/v1/notes" && answer.body["next_cursor"].is_null() {
            answer.body["next_cursor"] = tessera_contract::encode_cursor(&"n1").into();
        }
    });
    let repeated = repeated.await;
    caught(&repeated, "pages_cover_everything_once", &["was listed before", "n2"]);
    caught(&repeated, "pages_hold_each_entry_once", &["next_cursor is one that came before"]);
}

#[tokio::test]
async fn who_is_told_to_come_back_later_does() {
    let notes = <dyn Notes>::api(InMemory::with_notes() as Arc<dyn Notes>).into_router(Arc::new(signer()));
    let busy = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let layer = axum::middleware::from_fn(move |request: Request, next: axum::middleware::Next| {
        let told = busy.fetch_xor(true, std::sync::atomic::Ordering::SeqCst);
        async move {
            if told {
                return next.run(request).await;
            }
            let wait = Failure::new(FailureKind::RateLimited, "later").retry_after(std::time::Duration::ZERO);
            let mut refused = Problem::of_failure(&wait, "req_1").into_response();
            refused.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("0"));
            refused
        }
    });
    let served = Served::router(notes.layer(layer)).await;
    let found = report(&over_http(&served.base)).await;
    assert!(found.conforms(), "{found}");
}

/// The first rule's violation, of one that nobody could ask; every other rule is marked as not tried.
#[track_caller]
fn away(report: &Report) -> &Violation {
    assert_eq!((report.verdict, report.exchanges), (Verdict::NotReachable, 0), "{report}");
    let violations: Vec<_> = report.outcomes.iter().filter_map(|outcome| outcome.violation.as_ref()).collect();
    assert!(violations[1..].iter().all(|violation| violation.why.starts_with("not tried")), "{report}");
    violations[0]
}

#[tokio::test]
async fn what_is_in_the_way_of_one_that_cannot_be_reached_is_told() {
    let refused = report(&over_http(NOBODY)).await;
    assert_eq!(away(&refused).obstacle, Some(Obstacle::Refused), "{refused}");

    let served = Served::internal(InMemory::with_notes()).await;
    let plain = report(&over_http(&served.base.replace("http://", "https://"))).await;
    assert_eq!(away(&plain).obstacle, Some(Obstacle::Tls), "{plain}");

    let proxy = Served::router(Router::new().fallback((StatusCode::BAD_GATEWAY, "<h1>Bad Gateway</h1>"))).await;
    let behind = report(&over_http(&proxy.base)).await;
    assert_eq!(away(&behind).obstacle, Some(Obstacle::Proxy), "{behind}");

    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let closing = tokio::spawn(async move {
        loop {
            drop(listener.accept().await);
        }
    });
    let closed = report(&over_http(&base)).await;
    assert_eq!(away(&closed).obstacle, Some(Obstacle::Closed), "{closed}");
    closing.abort();

    let busy = FailureKind::Unavailable;
    let busy =
        Served::router(Router::new().fallback(move || async move {
            Problem::of_failure(&Failure::new(busy, "later"), "req_1").into_response()
        }));
    let busy = report(&over_http(&busy.await.base)).await;
    assert_eq!(away(&busy).obstacle, Some(Obstacle::Unavailable), "{busy}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_never_comes_is_slow() {
    // Paused time runs on only when nothing else can: the server holds the request, and the client's patience ends.
    let served = Served::router(Router::new().fallback(std::future::pending::<()>)).await;
    let found = report(&over_http(&served.base)).await;
    assert_eq!(found.verdict, Verdict::Slow, "{found}");
    assert!(found.to_string().contains("SLOW  anonymous_is_unauthenticated"), "{found}");
}

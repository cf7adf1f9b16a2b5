//! Versions, credentials, keys and ids: what travels in headers.

use serde_json::json;

use crate::world::Served;

#[tokio::test]
async fn a_version_travels_as_etag_and_if_match() {
    let served = Served::public().await;
    let viewer = ("authorization", "Bearer viewer");
    let note = served.send("GET", "/v1/notes/n3", &[viewer], "").await;
    assert_eq!((note.status, note.header("etag")), (200, "\"3\""), "{note:?}");
    for (tag, status) in
        [("\"3\"", 304), ("W/\"3\"", 304), ("\"1\", \"3\"", 304), ("*", 304), ("\"4\"", 200), ("3", 200)]
    {
        let answer = served.send("GET", "/v1/notes/n3", &[viewer, ("if-none-match", tag)], "").await;
        assert_eq!((answer.status, answer.header("etag")), (status, "\"3\""), "{tag}: {answer:?}");
    }

    let edit = async |tag: &'static str, body: &'static str| {
        let headers = [("authorization", "Bearer staff"), ("content-type", "application/json"), ("if-match", tag)];
        served.send("PUT", "/v1/notes/n3", &headers, body).await
    };
    edit("\"2\"", r#"{"text": "late"}"#).await.is_problem(412, "version_conflict", "expected_version");
    edit("\"2\"", r#"{"text": "x", "expected_version": 3}"#).await.is_problem(
        400,
        "invalid_request",
        "expected_version",
    );
    for tag in ["*", "\"3\", \"4\"", "three", "\"\"3\"\"", "W/W/\"3\"", "\u{fc}"] {
        edit(tag, r#"{"text": "x"}"#).await.is_problem(400, "invalid_request", "If-Match");
    }
    let edited = edit("\"3\"", r#"{"text": "new", "expected_version": null}"#).await;
    assert_eq!((edited.status, edited.header("etag")), (200, "\"4\""), "{edited:?}");
    let weak = edit("W/\"4\"", r#"{"text": "newer", "expected_version": 4}"#).await;
    assert_eq!((weak.status, weak.header("etag")), (200, "\"5\""), "{weak:?}");
}

#[tokio::test]
async fn an_if_match_that_cannot_be_read_never_edits_unconditionally() {
    let served = Served::public().await;
    let staff = [("authorization", "Bearer staff"), ("content-type", "application/json")];
    let twice = [staff[0], staff[1], ("if-match", "\"1\""), ("if-match", "\"1\"")];
    served.send("PATCH", "/v1/notes/n1", &twice, "{}").await.is_problem(400, "invalid_request", "If-Match");
    let odd = [staff[0], staff[1], ("if-match", "\u{fc}")];
    served.send("PATCH", "/v1/notes/n1", &odd, "{}").await.is_problem(400, "invalid_request", "If-Match");
    assert_eq!(served.send("PATCH", "/v1/notes/n1", &staff, "{}").await.status, 200, "without one it is optional");
}

#[tokio::test]
async fn the_credential_is_judged_before_the_body_is_looked_at() {
    let served = Served::public().await;
    let junk = "\u{1}".repeat(100_000);
    let anonymous = served.send("POST", "/v1/notes", &[], junk.clone()).await;
    anonymous.is_problem(401, "unauthenticated", "");
    assert_eq!(anonymous.header("www-authenticate"), "Bearer");
    let forged = served.send("GET", "/v1/notes", &[("authorization", "Bearer forged")], "").await;
    forged.is_problem(401, "unauthenticated", "");
    for token in ["Bearer viewer", "Bearer powerless"] {
        let answer = served.send("POST", "/v1/notes", &[("authorization", token)], junk.clone()).await;
        answer.is_problem(403, "forbidden", "");
    }
    served.send("GET", "/v1/notes/%ff", &[], "").await.is_problem(401, "unauthenticated", "");
    served.json("DELETE", "/v1/notes/n1", "staff", "").await.is_problem(403, "forbidden", "");
}

#[tokio::test]
async fn an_operation_that_creates_needs_a_key_it_can_keep() {
    let served = Served::public().await;
    let create = async |keys: &[&'static str]| {
        let mut headers = vec![("authorization", "Bearer staff"), ("content-type", "application/json")];
        headers.extend(keys.iter().map(|key| ("idempotency-key", *key)));
        served.send("POST", "/v1/notes", &headers, r#"{"text": "hello"}"#).await
    };
    create(&[]).await.is_problem(400, "idempotency_key_required", "");
    let long = "k".repeat(256).leak();
    for bad in ["", "a b", "kl\u{fc}ssel", long] {
        create(&[bad]).await.is_problem(400, "invalid_request", "Idempotency-Key");
    }
    assert_eq!(create(&["k-1"]).await.status, 201);
    // The body is checked first: a key is not spent on a request that cannot be.
    let headers = [("authorization", "Bearer staff"), ("content-type", "application/json")];
    served.send("POST", "/v1/notes", &headers, "{}").await.is_problem(400, "invalid_request", "text");
}

#[tokio::test]
async fn a_problem_has_this_shape_and_no_cause() {
    let served = Served::public().await;
    let headers = [("content-type", "application/json"), ("x-request-id", "mine-1")];
    let failed = served.send("POST", "/v1/misbehave", &headers, r#"{"how": "fail"}"#).await;
    assert_eq!(failed.status, 500);
    assert_eq!(
        failed.body,
        json!({
            "type": "urn:tessera:problem:internal",
            "title": "internal",
            "status": 500,
            "detail": "writing it down",
            "code": "internal",
            "request_id": "mine-1",
        })
    );
    assert_eq!((failed.header("x-request-id"), failed.header("cache-control")), ("mine-1", "no-store"));
    let fine = served.send("POST", "/v1/misbehave", &headers, r#"{"how": ""}"#).await;
    assert_eq!((fine.status, fine.header("x-request-id")), (200, "mine-1"));
    assert_eq!(fine.header("content-type"), "application/json");
    for insane in ["a b", "", "<script>", &"x".repeat(129)] {
        let headers = [("content-type", "application/json"), ("x-request-id", insane)];
        let answer = served.send("POST", "/v1/misbehave", &headers, r#"{"how": ""}"#).await;
        assert!(answer.header("x-request-id").starts_with("req_"), "{answer:?}");
    }
}

#[tokio::test]
async fn retry_after_is_whole_seconds_and_never_early() {
    let served = Served::public().await;
    let answer = served.json("POST", "/v1/misbehave", "", r#"{"how": "wait"}"#).await;
    answer.is_problem(429, "rate_limited", "");
    assert_eq!(answer.header("retry-after"), "2");
}

#[tokio::test]
async fn a_panic_is_one_callers_problem() {
    let served = Served::public().await;
    let answer = served.json("POST", "/v1/misbehave", "", r#"{"how": "panic"}"#).await;
    answer.is_problem(500, "internal", "");
    assert_eq!(answer.body["detail"], "notes.misbehave failed unexpectedly");
    assert_eq!(served.send("GET", "/v1/notes", &[], "").await.status, 200);
}

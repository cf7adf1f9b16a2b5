//! What a stranger may put into path, query and body.

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::world::Served;

#[tokio::test]
async fn a_field_at_fault_is_named() {
    let served = Served::public().await;
    let echo = async |body: &str| served.json("POST", "/v1/echo/w", "", body).await;
    for (body, param) in [
        (r#"{"tags": [], "places": [], "colour": "red"}"#, "colour"),
        (r#"{"tags": [], "places": [{"x": 1, "y": 2}]}"#, "places.0.y"),
        (r#"{"tags": "a", "places": []}"#, "tags"),
        (r#"{"tags": ["a", 1], "places": []}"#, "tags[1]"),
        (r#"{"tags": [], "places": [{"x": "far"}]}"#, "places[0].x"),
        (r#"{"tags": [], "places": [{"name": "here"}]}"#, "places[0].x"),
        (r#"{"tags": []}"#, "places"),
        (r#"{"tags": null, "places": []}"#, "tags"),
        (r#"{"word": "w", "tags": [], "places": []}"#, "word"),
        ("", "tags"),
        ("null", "body"),
        ("[]", "body"),
        ("{", "body"),
        ("{} {}", "body"),
        ("\"\u{0}\"", "body"),
    ] {
        let answer = echo(body).await;
        assert_eq!(answer.body["param"], param, "{body}: {answer:?}");
        answer.is_problem(400, "invalid_request", param);
    }
    let many: Vec<String> = (0..1000).map(|n| format!("\"unknown_{n}\": 1")).collect();
    let answer = echo(&format!(r#"{{"tags": [], "places": [], {}}}"#, many.join(","))).await;
    assert_eq!(answer.body["detail"], "echo_body knows no field unknown_0 and 999 more");
}

#[tokio::test]
async fn a_query_field_at_fault_is_named() {
    let served = Served::public().await;
    for (query, param) in [
        ("tags=a&hue=1", "hue"),
        ("tags=a&big=-1", "big"),
        ("tags=a&big=many", "big"),
        ("tags=a&big=1&big=2", "big"),
        ("tags=a&text=1&text=2", "text"),
        ("tags=a&flag=yes", "flag"),
        ("tags=a&colour=green", "colour"),
        ("tags=a&numbers=1&numbers=x", "numbers[1]"),
        ("tags=a&big=[[1]]", "big"),
        ("tags=a&text=%ff", "query"),
        ("word=other", "word"),
    ] {
        let answer = served.send("GET", &format!("/v1/echo/w?{query}"), &[], "").await;
        assert_eq!(answer.body["param"], param, "{query}: {answer:?}");
        answer.is_problem(400, "invalid_request", param);
    }
    served.json("POST", "/v1/echo/w?tags=a", "", "{}").await.is_problem(400, "invalid_request", "tags");
}

#[tokio::test]
async fn percent_encoding_is_undone_once() {
    let served = Served::public().await;
    let path = "/v1/echo/a%20b%2Fc%C3%BC%2541?tags=x%26y&tags=a+b%2B&text=%E2%82%AC&big=18446744073709551615&&";
    let answer = served.send("GET", path, &[], "").await;
    let seen = json!({"word": "a b/cü%41", "tags": ["x&y", "a b+"], "text": "€", "big": u64::MAX});
    assert_eq!(answer.body["seen"], seen, "{answer:?}");
    served.send("GET", "/v1/echo/%ff?tags=a", &[], "").await.is_problem(400, "invalid_request", "path");
}

#[tokio::test]
async fn numbers_and_texts_that_look_alike_keep_their_type() {
    let served = Served::public().await;
    let query = "tags=1&tags=true&text=null&numbers=-5&weights=7&weight=-3&share=-0.5&flag=false&colour=deep_blue";
    let answer = served.send("GET", &format!("/v1/echo/7?{query}"), &[], "").await;
    let seen = json!({"word": "7", "tags": ["1", "true"], "text": "null", "numbers": [-5], "weights": [7], "weight": -3,
        "share": -0.5, "flag": false, "colour": "deep_blue"});
    assert_eq!(answer.body["seen"], seen, "{answer:?}");
}

#[tokio::test]
async fn a_body_too_large_is_refused_announced_or_not() {
    let served = Served::public().await;
    let announced =
        "POST /v1/echo/w HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 10485760\r\n\r\n";
    assert!(raw(&served, announced.as_bytes()).await.starts_with("HTTP/1.1 413 "));
    let mut chunked =
        b"POST /v1/echo/w HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
            .to_vec();
    for _ in 0..5 {
        chunked.extend_from_slice(b"4000\r\n");
        chunked.resize(chunked.len() + 0x4000, b' ');
        chunked.extend_from_slice(b"\r\n");
    }
    assert!(raw(&served, &chunked).await.starts_with("HTTP/1.1 413 "));
    served.send("GET", "/v1/notes", &[], "{}").await.is_problem(413, "payload_too_large", "");
}

#[tokio::test]
async fn a_client_that_sends_ten_megabytes_reads_the_refusal() {
    let served = Served::public().await;
    let answer = served.json("POST", "/v1/echo/w", "", &" ".repeat(10 << 20)).await;
    answer.is_problem(413, "payload_too_large", "");
}

#[tokio::test]
async fn bodies_nested_a_thousand_deep_or_of_another_type_are_refused() {
    let served = Served::public().await;
    let deep = format!("{{\"tags\": {}{}}}", "[".repeat(1000), "]".repeat(1000));
    served.json("POST", "/v1/echo/w", "", &deep).await.is_problem(400, "invalid_request", "body");
    for kind in ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonx"] {
        let answer = served.send("POST", "/v1/echo/w", &[("content-type", kind)], "{}").await;
        answer.is_problem(415, "unsupported_media_type", "");
    }
    let headers = [("content-type", "Application/JSON; charset=utf-8")];
    let answer = served.send("POST", "/v1/echo/w", &headers, r#"{"tags": [], "places": []}"#).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// Sends bytes and reads until the answer's head is there.
async fn raw(served: &Served, bytes: &[u8]) -> String {
    let address = served.base.strip_prefix("http://").unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut head = vec![0; 4096];
    let length = stream.read(&mut head).await.unwrap();
    String::from_utf8_lossy(&head[..length]).into_owned()
}

//! The same contract by gRPC: what travels, who judges it, and that errors and rules are those of HTTP.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    http::{Response, request::Parts},
};
use bytes::Bytes;
use http_body_util::BodyExt;
use proptest::prelude::*;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tessera_contract::{
    Authenticate, Authenticated, Clients, Contract, ContractError, Credential, Cx, Failure, FailureKind, Grpc, Numbers,
    Remote, async_trait, contract, errors, grpc_client, http_client, proto_document,
};
use tessera_types::Timestamp;

use crate::world::{Served, acme, now, service, signer, viewer};

/// A shade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Shade {
    /// Like blood.
    Red,
    /// Like the sea.
    DeepBlue,
    /// A newer one.
    #[serde(other)]
    Unknown,
}

/// Where something is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Place {
    /// Across.
    pub x: i32,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// A field of each kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Everything {
    /// Text.
    pub word: String,
    /// A list of texts.
    pub tags: Vec<String>,
    /// A list that may not be there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numbers: Option<Vec<i64>>,
    /// Text that may not be there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// A number that may not be there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub big: Option<u64>,
    /// A number of a byte.
    pub small: u8,
    /// Below zero too.
    pub whole: i64,
    /// A fraction.
    pub share: f64,
    /// Fractions.
    pub shares: Vec<f64>,
    /// A flag that is false when nothing is said.
    #[serde(default)]
    pub flag: bool,
    /// A flag that may not be there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub perhaps: Option<bool>,
    /// A value of an enum.
    pub shade: Shade,
    /// Values of an enum.
    pub shades: Vec<Shade>,
    /// A message.
    pub place: Place,
    /// A message that may not be there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elsewhere: Option<Place>,
    /// Messages.
    pub places: Vec<Place>,
    /// An instant.
    pub from: Timestamp,
    /// An instant that may not be there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Instants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moments: Option<Vec<Timestamp>>,
}

/// What to keep.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Keep {
    /// Under which word.
    pub word: String,
    /// At most so many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u8>,
}

/// What is kept.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Kept {
    /// The key that it was kept under.
    pub key: String,
    /// What was left of the caller's time, in milliseconds.
    pub left_ms: u64,
}

errors! {
    /// Why nothing is kept.
    pub enum KeepError {
        /// The word is taken.
        WordTaken = 409 "word_taken",
    }
}

const NUMBERS: Numbers = &[
    (
        "Everything",
        &[
            "word",
            "tags",
            "numbers",
            "text",
            "big",
            "small",
            "whole",
            "share",
            "shares",
            "flag",
            "perhaps",
            "shade",
            "shades",
            "place",
            "elsewhere",
            "places",
            "from",
            "until",
            "moments",
        ],
    ),
    ("Place", &["x", "name"]),
    ("Shade", &["red", "deep_blue"]),
    ("Keep", &["word", "limit"]),
    ("Kept", &["key", "left_ms"]),
];

/// Things of every kind.
#[contract(name = "things", version = "1.0", numbers = NUMBERS)]
pub trait Things: Send + Sync + 'static {
    /// Answer what was asked.
    #[post("/v1/echo", access = service, grpc)]
    async fn echo(&self, cx: &Cx, request: Everything) -> Result<Everything, KeepError>;

    /// Keep a word.
    #[post("/v1/words", access = viewer, status = 201, idempotent, grpc)]
    async fn keep_word(&self, cx: &Cx, request: Keep) -> Result<Kept, KeepError>;

    /// Keep a word, over HTTP alone.
    #[post("/v1/plain", access = viewer)]
    async fn keep_plainly(&self, cx: &Cx, request: Keep) -> Result<Kept, KeepError>;
}

#[derive(Default)]
struct Shelf {
    seen: Mutex<Vec<Cx>>,
}

#[async_trait]
impl Things for Shelf {
    async fn echo(&self, _: &Cx, request: Everything) -> Result<Everything, KeepError> {
        Ok(request)
    }

    async fn keep_word(&self, cx: &Cx, request: Keep) -> Result<Kept, KeepError> {
        self.seen.lock().unwrap().push(cx.clone());
        match request.word.as_str() {
            "taken" => Err(KeepError::WordTaken("the word is taken: nimm ein anderes".into())),
            "wrong" => Err(Failure::invalid("word", "no such word").into()),
            "busy" => {
                let busy = Failure::new(FailureKind::RateLimited, "later").retry_after(Duration::from_millis(1500));
                Err(busy.into())
            }
            "slow" => std::future::pending().await,
            _ => {
                let left_ms = u64::try_from(cx.remaining().as_millis()).unwrap();
                Ok(Kept { key: cx.idempotency_key.as_deref().unwrap_or_default().to_owned(), left_ms })
            }
        }
    }

    async fn keep_plainly(&self, cx: &Cx, request: Keep) -> Result<Kept, KeepError> {
        self.keep_word(cx, request).await
    }
}

/// Whoever asks is a viewer from outside.
struct Public;

#[async_trait]
impl Authenticate for Public {
    async fn authenticate(&self, _: &Parts, _: &str) -> Result<Authenticated, Failure> {
        Ok(Authenticated { cx: Cx::new(acme(), viewer(), now()), internal: false })
    }
}

pub fn router(authenticate: impl Authenticate) -> Router {
    let (things, authenticate): (Arc<dyn Things>, Arc<dyn Authenticate>) =
        (Arc::new(Shelf::default()), Arc::new(authenticate));
    let api = <dyn Things>::api(things);
    let (service, router) = api.grpc_router(&authenticate).unwrap();
    assert_eq!(service, "tessera.things.v1.ThingsService");
    Router::new().nest(&format!("/{service}"), router).nest("/things", api.into_router(authenticate))
}

fn grpc(name: &str) -> &'static Grpc {
    <dyn Things>::INFO.by_grpc().find(|(operation, _)| operation.name == name).unwrap().1
}

pub fn at(base: &str, credential: Credential, by_grpc: bool) -> Arc<dyn Things> {
    let clients = Clients::of(http_client(), by_grpc.then(|| grpc_client(&[])));
    <dyn Things>::remote(Remote::new(clients, &format!("{base}/things"), credential))
}

/// The messages as somebody else's compiler and runtime read the contract's file.
fn judge(message: &str) -> MessageDescriptor {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("things.proto"), proto_document(<dyn Things>::INFO).unwrap()).unwrap();
    let files = protox::compile(["things.proto"], [folder.path()]).unwrap();
    let pool = DescriptorPool::from_file_descriptor_set(files).unwrap();
    assert_eq!(pool.services().next().unwrap().methods().len(), 2, "what is not by gRPC is not in the file");
    pool.get_message_by_name(&format!("tessera.things.v1.{message}")).unwrap()
}

fn fields(value: &impl Serialize) -> Map<String, Value> {
    serde_json::to_value(value).unwrap().as_object().unwrap().clone()
}

fn instant() -> impl Strategy<Value = Timestamp> {
    (-60_000_000_000_000_000i64..250_000_000_000_000_000).prop_map(Timestamp::from_micros)
}

fn place() -> impl Strategy<Value = Place> {
    any::<(i32, Option<String>)>().prop_map(|(x, name)| Place { x, name })
}

fn shade() -> impl Strategy<Value = Shade> {
    prop_oneof![Just(Shade::Red), Just(Shade::DeepBlue), Just(Shade::Unknown)]
}

fn list<T: std::fmt::Debug>(of: impl Strategy<Value = T>) -> impl Strategy<Value = Vec<T>> {
    prop::collection::vec(of, 0..4)
}

prop_compose! {
    fn everything()(
        (word, tags, numbers, text) in any::<(String, Vec<String>, Option<Vec<i64>>, Option<String>)>(),
        (big, small, whole, share, shares) in any::<(Option<u64>, u8, i64, i32, Vec<i32>)>(),
        (flag, perhaps) in any::<(bool, Option<bool>)>(), shade_one in shade(), shades in list(shade()),
        place_one in place(), elsewhere in prop::option::of(place()), places in list(place()),
        from in instant(), until in prop::option::of(instant()), moments in prop::option::of(list(instant())),
    ) -> Everything {
        let part = |number: i32| f64::from(number) / 8.0;
        Everything {
            word, tags, numbers, text, big, small, whole, flag, perhaps, shades, elsewhere, places, from, until, moments,
            share: part(share), shares: shares.into_iter().map(part).collect(), shade: shade_one, place: place_one,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// As JSON, as a message, as somebody else's runtime writes that message again, and back: nothing is lost.
    #[test]
    fn every_field_travels_both_ways(thing in everything()) {
        thread_local! { static JUDGE: MessageDescriptor = judge("Everything"); }
        let sent = fields(&thing);
        let message = grpc("echo").encode_request(&sent).unwrap();
        let judged = JUDGE.with(|judge| DynamicMessage::decode(judge.clone(), &message[..])).unwrap();
        prop_assert_eq!(judged.unknown_fields().count(), 0);
        let again = prost_reflect::prost::Message::encode_to_vec(&judged);
        for bytes in [&message, &again] {
            let arrived = grpc("echo").decode_request(bytes).unwrap();
            prop_assert_eq!(serde_json::from_value::<Everything>(Value::Object(arrived)).unwrap(), thing.clone());
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), thing in everything(), at in any::<prop::sample::Index>()) {
        let _whatever = grpc("echo").decode_request(&bytes);
        let mut message = grpc("echo").encode_request(&fields(&thing)).unwrap();
        if !message.is_empty() {
            let at = at.index(message.len());
            message[at] ^= bytes.first().copied().unwrap_or(1);
            let _whatever = grpc("echo").decode_request(&message);
            let _whatever = grpc("echo").decode_request(&message[..at]);
        }
    }
}

#[test]
fn the_judge_reads_what_was_meant() {
    let sent = json!({
        "word": "w", "tags": ["a", "b"], "numbers": [], "big": 7, "small": 200, "whole": -1, "share": 0.5, "shares": [],
        "flag": true, "shade": "deep_blue", "shades": ["red"], "place": {"x": -2, "name": ""}, "places": [{"x": 0}],
        "from": "2026-01-31T12:00:00.5Z",
    });
    let message = grpc("echo").encode_request(sent.as_object().unwrap()).unwrap();
    let judged = serde_json::to_value(DynamicMessage::decode(judge("Everything"), &message[..]).unwrap()).unwrap();
    let expected = json!({
        "word": "w", "tags": ["a", "b"], "numbers": {}, "big": "7", "small": 200, "whole": "-1", "share": 0.5,
        "flag": true, "shade": "SHADE_DEEP_BLUE", "shades": ["SHADE_RED"], "place": {"x": -2, "name": ""},
        "places": [{}], "from": "2026-01-31T12:00:00.500Z",
    });
    assert_eq!(judged, expected);
}

#[tokio::test]
async fn a_call_by_grpc_is_the_call_over_http() {
    let served = Served::router(router(signer())).await;
    let cx = Cx::new(acme(), viewer(), now()).with_idempotency_key("k1");
    let mut told = Vec::new();
    for by_grpc in [true, false] {
        let things = at(&served.base, Credential::Service(signer()), by_grpc);
        let kept = things.keep_word(&cx, Keep { word: "new".into(), limit: Some(1) }).await.unwrap();
        assert!(kept.key == "k1" && (1..=10_000).contains(&kept.left_ms), "{kept:?}");
        let plain = things.keep_plainly(&cx, Keep { word: "new".into(), limit: None }).await;
        plain.expect("what does not travel by gRPC goes over HTTP");
        let mut errors = Vec::new();
        for word in ["taken", "wrong", "busy"] {
            errors.push(things.keep_word(&cx, Keep { word: word.into(), limit: None }).await.unwrap_err());
        }
        assert!(matches!(&errors[0], KeepError::WordTaken(detail) if detail.ends_with("nimm ein anderes")));
        assert_eq!(errors[2].failure().unwrap().retry_after, Some(Duration::from_secs(2)));
        errors.push(things.keep_word(&service(), Keep { word: "new".into(), limit: None }).await.unwrap_err());
        let keyless = Cx::new(acme(), viewer(), now());
        errors.push(things.keep_word(&keyless, Keep { word: "new".into(), limit: None }).await.unwrap_err());
        let hurried = cx.with_timeout(Duration::from_millis(150));
        errors.push(things.keep_word(&hurried, Keep { word: "slow".into(), limit: None }).await.unwrap_err());
        told.push(errors.iter().map(|error| (error.code().to_owned(), error.status())).collect::<Vec<_>>());
        let params: Vec<_> = errors.iter().map(|error| error.failure().and_then(|f| f.param.clone())).collect();
        assert_eq!(params[1].as_deref(), Some("word"));
    }
    assert_eq!(told[0], told[1]);
    let codes: Vec<&str> = told[0].iter().map(|(code, _)| code.as_str()).collect();
    let expected =
        ["word_taken", "invalid_request", "rate_limited", "forbidden", "idempotency_key_required", "deadline_exceeded"];
    assert_eq!(codes, expected);
}

/// What came back to a body by gRPC: its status, what it says of the error, and the problem's code.
async fn raw(base: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> (String, String) {
    let request = grpc_client(&[]).post(format!("{base}/tessera.things.v1.ThingsService/KeepWord"));
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let answer: Response<reqwest::Body> = request.body(body.into()).send().await.unwrap().into();
    let (head, body) = answer.into_parts();
    let body = body.collect().await.unwrap();
    let said = |name: &str| {
        let found = head.headers.get(name).or_else(|| body.trailers()?.get(name));
        found.map_or_else(String::new, |value| value.to_str().unwrap().to_owned())
    };
    (said("grpc-status"), said("grpc-message"))
}

#[tokio::test]
async fn a_body_that_is_not_one_message_is_refused_by_name() {
    let served = Served::router(router(Public)).await;
    let grpc = ("content-type", "application/grpc+proto");
    let message = |bytes: &[u8]| {
        let mut body = vec![0, 0, 0, 0, u8::try_from(bytes.len()).unwrap()];
        body.extend_from_slice(bytes);
        body
    };
    let key = ("idempotency-key", "k1");
    for (body, status, says) in [
        (message(b"\x0a\x03new"), "0", ""),
        (message(b""), "0", ""),
        (vec![], "3", "no message"),
        (b"\x01\0\0\0\0".to_vec(), "3", "identity"),
        (message(b"\x0a\x09new"), "3", "ends within"),
        (message(b"\x08\x01"), "3", "another kind"),
        (message(b"\x10\xac\x02"), "3", "limit"),
        (message(b"\x0a\x03new\x58\x01"), "3", "knows no field 11"),
        (vec![0; 70_000], "8", "at most"),
    ] {
        let (found, message) = raw(&served.base, &[grpc, key], body).await;
        assert!(found == status && message.contains(says), "{status} {says}: {found} {message}");
    }
    let (found, message) = raw(&served.base, &[grpc, key, ("grpc-timeout", "1n")], message(b"\x0a\x03new")).await;
    assert!(found == "4" || message.contains("did not arrive in time"), "{found} {message}");
    let (found, _) = raw(&served.base, &[("content-type", "application/json"), key], "{}").await;
    assert_eq!(found, "", "that is no gRPC, and is answered as HTTP");
}

#[tokio::test]
async fn between_processes_a_field_of_a_newer_version_is_ignored() {
    let served = Served::router(router(signer())).await;
    let cx = Cx::new(acme(), viewer(), now()).with_idempotency_key("k1");
    let token = signer().sign(&cx, "things").unwrap();
    let headers = [("content-type", "application/grpc"), ("tessera-cx", &token)];
    let body = b"\0\0\0\0\x07\x0a\x03new\x58\x01".to_vec();
    assert_eq!(raw(&served.base, &headers, body).await.0, "0");
}

#[tokio::test]
async fn what_does_not_speak_grpc_is_a_failure_that_says_so() {
    let http_alone = Router::new().fallback(async || "hello");
    let served = Served::router(http_alone).await;
    let cx = Cx::new(acme(), viewer(), now()).with_idempotency_key("k1");
    let things = at(&served.base, Credential::Service(signer()), true);
    let error = things.keep_word(&cx, Keep { word: "new".into(), limit: None }).await.unwrap_err();
    assert!(error.code() == "bad_answer" && error.to_string().contains("not application/grpc"), "{error}");
    let nobody = at("http://127.0.0.1:1", Credential::Service(signer()), true);
    let error = nobody.keep_word(&cx, Keep { word: "new".into(), limit: None }).await.unwrap_err();
    assert_eq!(error.code(), "unavailable");
}

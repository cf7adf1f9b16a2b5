//! For every request and for every sequence of bytes.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Router,
    body::{Body, Bytes},
    http::Request,
};
use http_body_util::BodyExt;
use proptest::prelude::*;
use tessera_contract::{Contract, decode_cursor, encode_cursor};
use tokio::runtime::Runtime;
use tower::ServiceExt;

use crate::{
    notes::{Colour, EchoBody, EchoQuery, InMemory, Notes, Place, Weight},
    world::{Served, service, signer},
};

fn word() -> impl Strategy<Value = String> {
    any::<String>().prop_filter("no URL carries these as a segment", |word| !["", ".", ".."].contains(&word.as_str()))
}

prop_compose! {
    fn query()(
        word in word(), tags in any::<Vec<String>>(), numbers in any::<Vec<i64>>(), weights in any::<Vec<i64>>(),
        text in any::<Option<String>>(), big in any::<Option<u64>>(), weight in any::<Option<i64>>(),
        blue in any::<Option<bool>>(), share in any::<Option<i32>>(), flag in any::<Option<bool>>(),
    ) -> EchoQuery {
        EchoQuery {
            word, tags, numbers, text, big, flag,
            weights: weights.into_iter().map(Weight).collect(), weight: weight.map(Weight),
            colour: blue.map(|blue| if blue { Colour::DeepBlue } else { Colour::Red }),
            share: share.map(|share| f64::from(share) / 8.0),
        }
    }
}

prop_compose! {
    fn body()(
        word in word(), tags in any::<Vec<String>>(), places in any::<Vec<(i32, Option<String>)>>(),
        number in any::<Option<i64>>(), by_name in any::<BTreeMap<String, i64>>(),
    ) -> EchoBody {
        let places = places.into_iter().map(|(x, name)| Place { x, name }).collect();
        EchoBody { word, tags, places, number, by_name }
    }
}

fn router() -> Router {
    let notes: Arc<dyn Notes> = InMemory::with_notes();
    <dyn Notes>::api(notes).into_router(Arc::new(signer()))
}

#[test]
fn every_request_arrives_as_it_was_sent() {
    let runtime = Runtime::new().unwrap();
    let served = runtime.block_on(Served::internal(InMemory::with_notes()));
    let remote = served.remote();
    proptest!(ProptestConfig::with_cases(64), |(query in query(), body in body())| {
        let seen = runtime.block_on(remote.echo_query(&service(), query.clone())).unwrap().seen;
        prop_assert_eq!(seen, query);
        let seen = runtime.block_on(remote.echo_body(&service(), body.clone())).unwrap().seen;
        prop_assert_eq!(seen, body);
    });
}

#[test]
fn every_position_comes_back_from_its_cursor() {
    proptest!(|(position in any::<(i64, String)>(), text in any::<String>())| {
        let cursor = encode_cursor(&position);
        prop_assert!(cursor.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)));
        prop_assert_eq!(decode_cursor::<(i64, String)>(Some(&cursor)).unwrap(), Some(position));
        let _ = decode_cursor::<(i64, String)>(Some(&text));
    });
}

#[test]
fn whatever_is_sent_is_answered_with_json() {
    let runtime = Runtime::new().unwrap();
    let (router, token) = (router(), signer().sign(&service(), "notes").unwrap());
    let ascii = "[!-~&&[^#?/]]{0,40}";
    let request = (ascii, ascii, any::<Vec<u8>>(), 0usize..4, any::<bool>());
    proptest!(|((segment, query, body, kind, announced) in request)| {
        let method = ["GET", "POST", "PUT", "DELETE"][kind];
        let path = if kind < 2 { format!("/v1/echo/{segment}x") } else { format!("/v1/notes/{segment}x") };
        let Ok(request) = Request::builder().method(method).uri(format!("{path}?{query}"))
            .header("tessera-cx", &token).header("if-match", &segment)
            .header("content-type", if announced { "application/json" } else { "" })
            .body(Body::from(if kind == 0 || kind == 3 { Bytes::new() } else { Bytes::from(body) }))
        else { return Ok(()) };
        let response = runtime.block_on(router.clone().oneshot(request)).unwrap();
        let status = response.status().as_u16();
        let bytes = runtime.block_on(response.into_body().collect()).unwrap().to_bytes();
        let json: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        prop_assert!(status == 200 || json["code"].is_string() && status < 500, "{} {}", status, json);
    });
}

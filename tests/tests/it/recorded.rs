//! What the last release answered is answered still, and read still.

use serde_json::{Value, json};
use tessera_testing::temp_dir;
use tessera_tests::{
    Demo, Release,
    recorded::{Exchange, People, Recording, read, replay},
};

/// Contracts that have no operation in the recordings, each for a reason.
const UNRECORDED: &[&str] = &["audit-intake"]; // its one operation takes what only a module can sign for

fn last() -> Vec<Exchange> {
    Recording::of(&Release::last().version)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_last_release_answered_is_answered_today() {
    let demo = Demo::configured(temp_dir(), "[server.rate_limits]\nenabled = false\n");
    let found = replay(&People::of(&demo).await, &last()).await;
    assert!(found.is_empty(), "a caller of the last release would miss this:\n{}", found.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_last_release_answered_is_read_today() {
    let found = read(&last()).await;
    assert!(found.is_empty(), "a module that asks one of the last release would miss this:\n{}", found.join("\n"));
}

#[test]
fn every_contract_is_among_what_was_recorded() {
    let recorded = last();
    let missing = tessera_contracts::ALL.iter().map(|entry| entry.info.name);
    let missing: Vec<&str> = missing
        .filter(|name| !UNRECORDED.contains(name) && !recorded.iter().any(|exchange| exchange.contract == *name))
        .collect();
    assert_eq!(missing, [""; 0]);
}

/// The recorded exchange of an operation, with something else in its answer.
fn changed(operation: &str, status: u16, at: &str, value: Option<Value>) -> Exchange {
    let found = last().into_iter().find(|e| e.operation == operation && e.answered.status == status);
    let mut exchange = found.unwrap_or_else(|| panic!("{operation} is not recorded with {status}"));
    let (parent, name) = at.rsplit_once('/').expect("a pointer");
    let parent = exchange.answered.body.pointer_mut(parent).and_then(Value::as_object_mut).expect("it is there");
    match value {
        Some(value) => drop(parent.insert(name.to_owned(), value)),
        None => drop(parent.remove(name).expect("it was there")),
    }
    exchange
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_answer_of_today_lacks_is_named_with_its_place() {
    let demo = Demo::start();
    let people = People::of(&demo).await;
    for (exchange, named) in [
        (changed("get_brand", 200, "/slogan", Some(json!("Ours"))), "/slogan is gone"),
        (changed("get_brand", 200, "/name", Some(json!(1))), "/name is a text and was a number"),
        (changed("list_api_keys", 401, "/code", Some(json!("forbidden"))), "/code is \"unauthenticated\""),
    ] {
        let found = replay(&people, &[exchange]).await;
        assert!(found.len() == 1 && found[0].contains(named), "{named}: {found:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_of_today_would_not_understand_is_named_with_its_place() {
    for (exchange, named) in [
        (changed("decide", 200, "/allowed", None), "allowed"),
        (changed("decide", 200, "/verdict", Some(json!("yes"))), "/verdict is gone"),
        (changed("get_title", 200, "/name", Some(json!(7))), "/name"),
        (changed("start", 403, "/code", Some(json!(3))), "/code"),
    ] {
        let found = read(&[exchange]).await;
        assert!(found.iter().any(|line| line.contains(named)), "{named}: {found:?}");
    }
}

//! The same rules on every binding: what the guard does around a call in this process.

use std::{sync::Arc, time::Duration};

use tessera_contract::{Caller, Contract, ContractError, Cx};

use crate::{
    notes::{CreateNote, GetNote, InMemory, ListNotes, Misbehave, Notes, Place},
    world::{acme, now, service, viewer},
};

fn guarded(notes: &Arc<InMemory>) -> Arc<dyn Notes> {
    <dyn Notes>::guarded(notes.clone())
}

fn misbehave(how: &str) -> Misbehave {
    Misbehave { how: how.into() }
}

#[tokio::test]
async fn access_is_judged_in_process_too() {
    let notes = guarded(&InMemory::with_notes());
    let get = || GetNote { note_id: "n1".into() };
    let as_caller = |caller| Cx::new(acme(), caller, now());
    assert_eq!(notes.get_note(&as_caller(Caller::Anonymous), get()).await.unwrap_err().code(), "unauthenticated");
    assert_eq!(notes.get_note(&service(), get()).await.unwrap_err().code(), "forbidden");
    assert_eq!(notes.get_note(&as_caller(viewer()), get()).await.unwrap().note_id, "n1");
    assert_eq!(notes.remove_note(&as_caller(viewer()), get()).await.unwrap_err().code(), "forbidden");
    let elsewhere = Cx::new("globex".parse().unwrap(), viewer(), now());
    assert_eq!(notes.get_note(&elsewhere, get()).await.unwrap_err().code(), "note_not_found");
}

#[tokio::test(start_paused = true)]
async fn a_call_ends_at_the_earlier_of_the_two_deadlines() {
    let notes = guarded(&InMemory::with_notes());
    let took = async |cx: Cx| {
        let started = tokio::time::Instant::now();
        let error = notes.misbehave(&cx, misbehave("hang")).await.unwrap_err();
        (error.code().to_owned(), started.elapsed().as_millis())
    };
    assert_eq!(took(service()).await, ("deadline_exceeded".into(), 2000), "the operation's");
    let hurried = service().with_timeout(Duration::from_millis(300));
    assert_eq!(took(hurried).await, ("deadline_exceeded".into(), 300), "the caller's");
    assert_eq!(took(service().with_timeout(Duration::ZERO)).await, ("deadline_exceeded".into(), 0), "already passed");
}

#[tokio::test(start_paused = true)]
async fn an_implementation_sees_the_deadline_it_is_held_to() {
    let notes = guarded(&InMemory::with_notes());
    assert_eq!(notes.misbehave(&service(), misbehave("")).await.unwrap().remaining_ms, 2000);
    let hurried = service().with_timeout(Duration::from_millis(300));
    assert_eq!(notes.misbehave(&hurried, misbehave("")).await.unwrap().remaining_ms, 300);
}

#[tokio::test]
async fn the_fingerprint_tells_requests_apart_and_nothing_else() {
    let notes = InMemory::with_notes();
    let staff = Cx::new(acme(), Caller::Staff { subject: "key_1".into(), scopes: vec!["notes:write".into()] }, now());
    let place = Some(Place { x: 1, name: None });
    let mut seen = Vec::new();
    for (key, text, place) in
        [("k1", "a", None), ("k1", "a", None), ("k2", "a", None), ("k1", "b", None), ("k1", "a", place)]
    {
        let request = CreateNote { text: text.into(), place };
        guarded(&notes).create_note(&staff.with_idempotency_key(key), request).await.unwrap();
        seen.push(notes.fingerprints.lock().unwrap().pop().unwrap());
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!((&seen[2].0[..], &seen[2].1), ("k2", &seen[0].1));
    assert!(seen[3].1 != seen[0].1 && seen[4].1 != seen[0].1 && seen[3].1 != seen[4].1, "{seen:?}");
    assert_eq!(seen[0].1.len(), 64);
    let refused = guarded(&notes).create_note(&staff, CreateNote { text: "a".into(), place: None }).await.unwrap_err();
    assert_eq!(refused.code(), "idempotency_key_required");
}

#[tokio::test]
async fn a_page_ends_and_a_cursor_that_is_not_ours_is_refused() {
    let notes = guarded(&InMemory::with_notes());
    let (mut cursor, mut seen) = (None, Vec::new());
    loop {
        let page = notes.list_notes(&service(), ListNotes { limit: Some(2), cursor }).await.unwrap();
        seen.extend(page.data.into_iter().map(|note| note.note_id));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, ["n1", "n2", "n3", "n4", "n5"]);
    let foreign = ListNotes { limit: None, cursor: Some("junk".into()) };
    assert_eq!(
        notes.list_notes(&service(), foreign).await.unwrap_err().failure().unwrap().param.as_deref(),
        Some("cursor")
    );
}

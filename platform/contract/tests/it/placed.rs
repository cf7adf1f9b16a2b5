//! A contract at several places: who is asked, what happens when that changes, and when one of them is worse.

use std::{sync::Arc, time::Duration};

use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use tessera_contract::{
    Caller, Contract, ContractError, Cx, Failure, FailureKind, Now, Page, Placed, Rollout, RolloutConfig, Spot,
    async_trait,
};

use crate::{
    notes::{
        AmendNote, Behaved, CreateNote, EchoBody, EchoQuery, Echoed, GetNote, InMemory, ListNotes, Misbehave, Note,
        NoteError, Notes, ReplaceNote,
    },
    world::{acme, now, service},
};

/// Notes that cannot be read.
struct Broken;

fn broken() -> NoteError {
    Failure::new(FailureKind::Unavailable, "broken").into()
}

#[async_trait]
impl Notes for Broken {
    async fn echo_query(&self, _: &Cx, _: EchoQuery) -> Result<Echoed<EchoQuery>, NoteError> {
        Err(broken())
    }
    async fn echo_body(&self, _: &Cx, _: EchoBody) -> Result<Echoed<EchoBody>, NoteError> {
        Err(broken())
    }
    async fn list_notes(&self, _: &Cx, _: ListNotes) -> Result<Page<Note>, NoteError> {
        std::future::pending().await
    }
    async fn get_note(&self, _: &Cx, _: GetNote) -> Result<Note, NoteError> {
        Err(broken())
    }
    async fn create_note(&self, _: &Cx, _: CreateNote) -> Result<Note, NoteError> {
        Err(broken())
    }
    async fn replace_note(&self, _: &Cx, _: ReplaceNote) -> Result<Note, NoteError> {
        Err(broken())
    }
    async fn amend_note(&self, _: &Cx, _: AmendNote) -> Result<Note, NoteError> {
        Err(broken())
    }
    async fn remove_note(&self, _: &Cx, _: GetNote) -> Result<Note, NoteError> {
        Err(broken())
    }
    async fn misbehave(&self, _: &Cx, _: Misbehave) -> Result<Behaved, NoteError> {
        std::future::pending().await
    }
}

/// Notes of which there is one, that says what the place is called.
async fn named(name: &str) -> Arc<dyn Notes> {
    let notes = InMemory::with_notes();
    let text = Some(name.to_owned());
    let amend = AmendNote { note_id: "n1".into(), text, expected_version: None };
    notes.amend_note(&service(), amend).await.unwrap();
    notes
}

fn places(spots: &[(&str, Option<u32>)], notes: &[&Arc<dyn Notes>]) -> Now<dyn Notes> {
    let spots = spots.iter().map(|(name, weight)| Spot { name: (*name).into(), weight: *weight }).collect();
    let rollout = Rollout::new("notes", spots, RolloutConfig::default());
    Now::new(rollout, notes.iter().map(|notes| (*notes).clone()).collect())
}

fn viewer(number: usize) -> Cx {
    let account = format!("acc_{number}").parse().unwrap();
    Cx::new(acme(), Caller::Viewer { account, profile: None }, now())
}

async fn text(notes: &Arc<dyn Notes>, cx: &Cx) -> Result<String, NoteError> {
    notes.get_note(cx, GetNote { note_id: "n1".into() }).await.map(|note| note.text)
}

#[tokio::test]
async fn an_account_stays_at_its_place_and_what_is_nobodys_is_asked_at_the_first() {
    let (first, second) = (named("first").await, named("second").await);
    let placed = Placed::new(places(&[("a", Some(3)), ("b", Some(1))], &[&first, &second]));
    let notes = <dyn Notes>::placed(placed.clone());
    let mut at_second = 0;
    for number in 0..200 {
        let at = text(&notes, &viewer(number)).await.unwrap();
        assert_eq!(text(&notes, &viewer(number)).await.unwrap(), at);
        at_second += usize::from(at == "second");
    }
    assert!((30..=70).contains(&at_second), "{at_second} of 200");
    assert_eq!(text(&notes, &service()).await.unwrap(), "first");
    placed.replace(places(&[("a", Some(0)), ("b", Some(1))], &[&first, &second]));
    assert_eq!(text(&notes, &viewer(7)).await.unwrap(), "second");
    assert_eq!(text(&notes, &service()).await.unwrap(), "first");
}

#[tokio::test]
async fn what_began_at_a_place_that_was_left_goes_on_there() {
    let (before, after) = (named("before").await, named("after").await);
    let placed = Placed::new(places(&[("a", Some(1))], &[&before]));
    let notes = <dyn Notes>::placed(placed.clone());
    let create = CreateNote { text: "begun".into(), place: None };
    let guarded = <dyn Notes>::guarded(notes.clone());
    let staff = Cx::new(acme(), Caller::Staff { subject: "key_1".into(), scopes: vec!["*".into()] }, now());
    let begun = guarded.create_note(&staff.with_idempotency_key("one"), create).await.unwrap();

    placed.replace(places(&[("b", Some(1))], &[&after]));
    assert_eq!(text(&notes, &service()).await.unwrap(), "after");
    let asked = GetNote { note_id: begun.note_id.clone() };
    assert_eq!(notes.get_note(&service(), asked.clone()).await.unwrap().text, "begun");
    let gone = notes.get_note(&service(), GetNote { note_id: "never".into() }).await.unwrap_err();
    assert_eq!(gone.code(), "note_not_found");

    // Back again: nothing is left any more but the place between.
    placed.replace(places(&[("a", Some(1))], &[&before]));
    assert_eq!(notes.get_note(&service(), asked).await.unwrap().text, "begun");
    assert_eq!(placed.now().left().count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_place_that_errs_is_taken_back_by_itself() {
    let (good, bad): (_, Arc<dyn Notes>) = (named("good").await, Arc::new(Broken));
    let placed = Placed::new(places(&[("a", Some(1)), ("b", Some(1))], &[&good, &bad]));
    let notes = <dyn Notes>::placed(placed.clone());
    let mut failed = 0;
    for number in 0..400 {
        failed += usize::from(text(&notes, &viewer(number)).await.is_err());
        tokio::time::advance(Duration::from_millis(20)).await;
    }
    assert!((1..=60).contains(&failed), "{failed} calls failed");
    assert!(placed.now().rollout().is_taken_back(1));
    for number in 0..100 {
        assert_eq!(text(&notes, &viewer(number)).await.unwrap(), "good");
    }
}

/// Answers in the shadow so far, by outcome.
fn compared(snapshotter: &Snapshotter) -> Vec<(String, u64)> {
    let counters = snapshotter.snapshot().into_vec().into_iter().filter_map(|(key, _, _, value)| {
        let (_, key) = key.into_parts();
        let outcome = key.labels().find(|label| label.key() == "outcome")?.value().to_owned();
        match value {
            DebugValue::Counter(count) if key.name() == "tessera_shadow_answers_total" => Some((outcome, count)),
            _ => None,
        }
    });
    counters.collect()
}

#[tokio::test(start_paused = true)]
async fn the_shadow_is_compared_and_never_believed_nor_waited_for() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let (ours, other, same): (_, _, Arc<dyn Notes>) = (named("ours").await, named("other").await, named("ours").await);
    for (shadow, outcome) in [(same, "same"), (other, "different"), (Arc::new(Broken) as _, "failed")] {
        let placed = Placed::new(places(&[("a", Some(1)), ("b", None)], &[&ours, &shadow]));
        let notes = <dyn Notes>::placed(placed);
        assert_eq!(text(&notes, &viewer(1)).await.unwrap(), "ours");
        while !compared(&snapshotter).contains(&(outcome.to_owned(), 1)) {
            tokio::task::yield_now().await;
        }
    }
    // One that never answers holds nobody up: time, which stands still while anything can go on, has not moved.
    let placed = Placed::new(places(&[("a", Some(1)), ("b", None)], &[&ours, &(Arc::new(Broken) as _)]));
    let before = tokio::time::Instant::now();
    <dyn Notes>::placed(placed).list_notes(&service(), ListNotes::default()).await.unwrap();
    assert_eq!(tokio::time::Instant::now(), before);

    // What changes something is asked nowhere else.
    let shadow = InMemory::with_notes();
    let placed = Placed::new(places(&[("a", Some(1)), ("b", None)], &[&ours, &(shadow.clone() as _)]));
    let notes = <dyn Notes>::placed(placed);
    notes.remove_note(&service(), GetNote { note_id: "n2".into() }).await.unwrap();
    assert!(shadow.get_note(&service(), GetNote { note_id: "n2".into() }).await.is_ok());
}

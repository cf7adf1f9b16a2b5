//! A module elsewhere that is sick, and what its callers see of it: real sockets on loopback.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use tessera_contract::{
    Addresses, Caller, Clients, Contract, ContractError, Credential, Cx, FailureKind, Remote, RemoteConfig, Target,
};

use crate::{
    notes::{CreateNote, ListNotes, NoteError, Notes, ReplaceNote},
    sick::{Act, Sick},
    world::{NOBODY, acme, now, service, signer},
};

fn number(value: u32) -> NonZeroU32 {
    NonZeroU32::new(value).unwrap()
}

fn at(bases: &[&str], config: &RemoteConfig) -> Arc<dyn Notes> {
    let addresses = Addresses::new(bases.iter().map(|base| (*base).to_owned())).unwrap();
    let target = Target::new("notes", &addresses, Clients::between(&addresses, config, None), config);
    <dyn Notes>::remote(Remote::at(target, Credential::Service(signer())))
}

async fn list(notes: &Arc<dyn Notes>) -> Result<(), NoteError> {
    notes.list_notes(&service().with_timeout(Duration::from_secs(5)), ListNotes::default()).await.map(drop)
}

async fn code(notes: &Arc<dyn Notes>) -> String {
    list(notes).await.unwrap_err().code().to_owned()
}

#[tokio::test]
async fn whatever_a_module_does_is_a_failure_that_names_it() {
    for (act, expected) in [
        (Act::Garbage, "unavailable"),
        (Act::OtherShape, "bad_answer"),
        (Act::Drop, "unavailable"),
        (Act::Half, "unavailable"),
        (Act::Hang, "deadline_exceeded"),
        (Act::Trickle, "deadline_exceeded"),
        (Act::Flood, "bad_answer"),
        (Act::Busy(60), "unavailable"),
        (Act::Fault, "internal"),
    ] {
        let sick = Sick::new(act).await;
        let notes = at(&[&sick.base], &RemoteConfig::default());
        let hurried = service().with_timeout(Duration::from_millis(400));
        let timeout = if expected == "deadline_exceeded" { hurried } else { service() };
        let error = notes.list_notes(&timeout, ListNotes::default()).await.unwrap_err();
        assert_eq!(error.code(), expected, "{act:?} {error:?}");
        if !matches!(act, Act::Busy(_) | Act::Fault) {
            assert!(error.to_string().contains("notes"), "{act:?} {error}");
        }
        assert!(sick.written() < 64 << 20, "a flood is not read to its end: {}", sick.written());
    }
}

#[tokio::test]
async fn a_call_is_made_again_only_where_that_does_no_harm() {
    let once = RemoteConfig { attempts: number(1), ..RemoteConfig::default() };
    let thrice = RemoteConfig::default();
    let staff = Cx::new(acme(), Caller::Staff { subject: "key_1".into(), scopes: vec!["*".into()] }, now());
    let keyed = staff.with_idempotency_key("k1");
    let create = || CreateNote { text: "x".into(), place: None };
    let edit = || ReplaceNote { note_id: "n1".into(), text: "x".into(), expected_version: 1 };
    for (act, config, read, created, keyless, edited) in [
        (Act::Drop, &thrice, 3, 3, 1, 1),
        (Act::Half, &thrice, 3, 3, 1, 1),
        (Act::Busy(0), &thrice, 3, 3, 1, 1),
        (Act::Busy(60), &thrice, 1, 1, 1, 1),
        (Act::Fault, &thrice, 1, 1, 1, 1),
        (Act::OtherShape, &thrice, 1, 1, 1, 1),
        (Act::Drop, &once, 1, 1, 1, 1),
    ] {
        let sick = Sick::new(act).await;
        let notes = at(&[&sick.base], config);
        let mut seen = Vec::new();
        notes.list_notes(&staff, ListNotes::default()).await.unwrap_err();
        seen.push(sick.asked());
        notes.create_note(&keyed, create()).await.unwrap_err();
        seen.push(sick.asked());
        notes.create_note(&staff, create()).await.unwrap_err();
        seen.push(sick.asked());
        notes.replace_note(&staff, edit()).await.unwrap_err();
        seen.push(sick.asked());
        let expected = [read, read + created, read + created + keyless, read + created + keyless + edited];
        assert_eq!(seen, expected, "{act:?}: read, created under a key, without one, edited one version");
    }
}

#[tokio::test]
async fn each_attempt_says_what_is_left_of_the_callers_time() {
    let sick = Sick::new(Act::Busy(0)).await;
    let notes = at(&[&sick.base], &RemoteConfig::default());
    let cx = service().with_timeout(Duration::from_secs(3));
    notes.list_notes(&cx, ListNotes::default()).await.unwrap_err();
    let told: Vec<Duration> =
        sick.contexts().iter().map(|context| signer().verify(context, "notes").unwrap().remaining()).collect();
    assert_eq!(told.len(), 3);
    assert!(told.is_sorted_by(|one, next| next <= one) && told[0] <= Duration::from_secs(3), "{told:?}");
    assert!(told[2] > Duration::from_secs(1), "{told:?}");
}

#[tokio::test]
async fn a_deadline_that_passes_in_a_later_attempt_tells_what_the_first_one_heard() {
    let sick = Sick::new(Act::BusyOnce).await;
    let notes = at(&[&sick.base], &RemoteConfig::default());
    let late = notes.list_notes(&service().with_timeout(Duration::from_secs(2)), ListNotes::default()).await;
    let late = late.unwrap_err();
    let failure = late.failure().unwrap();
    assert_eq!((failure.kind, sick.asked()), (FailureKind::DeadlineExceeded, 2), "{failure:?}");
    assert!(failure.detail.contains("notes did not answer") && failure.detail.ends_with("busy"), "{failure:?}");
}

#[tokio::test]
async fn a_call_that_is_made_again_can_succeed() {
    let (sick, well) = (Sick::new(Act::Drop).await, Sick::new(Act::Well).await);
    let notes = at(&[&sick.base, &well.base, NOBODY], &RemoteConfig::default());
    for _ in 0..20 {
        list(&notes).await.unwrap();
    }
    assert_eq!((sick.asked(), well.asked()), (3, 20), "an address that fails three times in a row is left out");
    sick.acts(Act::Well);
    while sick.asked() < 8 {
        list(&notes).await.unwrap(); // until it has been tried and is asked again
    }
}

#[tokio::test]
async fn who_is_busy_is_not_asked_again_while_another_is_there() {
    let (busy, well) = (Sick::new(Act::Busy(60)).await, Sick::new(Act::Well).await);
    let notes = at(&[&busy.base, &well.base], &RemoteConfig::default());
    for _ in 0..40 {
        list(&notes).await.unwrap(); // which of them is asked first is chance
    }
    assert_eq!((busy.asked(), well.asked()), (3, 40));
    let alone = at(&[&busy.base], &RemoteConfig::default());
    let failure = list(&alone).await.unwrap_err();
    assert_eq!(failure.failure().unwrap().retry_after, Some(Duration::from_secs(60)), "the caller is told when");
}

#[tokio::test]
async fn calls_go_where_fewest_are_under_way() {
    let (slow, quick) = (Sick::new(Act::Hang).await, Sick::new(Act::Well).await);
    let notes = at(&[&slow.base, &quick.base], &RemoteConfig::default());
    while slow.asked() == 0 {
        let notes = notes.clone();
        let call = tokio::spawn(async move { list(&notes).await });
        while slow.asked() == 0 && !call.is_finished() {
            tokio::task::yield_now().await;
        }
    }
    let before = quick.asked();
    for _ in 0..20 {
        list(&notes).await.unwrap();
    }
    assert_eq!((slow.asked(), quick.asked()), (1, before + 20), "one call hangs there");
}

#[tokio::test]
async fn a_module_that_fails_again_and_again_is_left_alone_and_comes_back() {
    let sick = Sick::new(Act::Drop).await;
    let config = RemoteConfig {
        attempts: number(1),
        breaker_failures: 4,
        breaker_pause_milliseconds: number(40),
        ..RemoteConfig::default()
    };
    let notes = at(&[&sick.base], &config);
    for _ in 0..4 {
        assert_eq!(code(&notes).await, "unavailable");
    }
    let refused = list(&notes).await.unwrap_err();
    let failure = refused.failure().unwrap();
    assert_eq!((sick.asked(), failure.kind), (4, FailureKind::Unavailable), "it is not asked at once");
    assert!(failure.detail.contains("notes") && failure.retry_after.is_some(), "{failure:?}");

    while sick.asked() == 4 {
        assert_eq!(code(&notes).await, "unavailable"); // until the pause is over and one call finds out
        tokio::task::yield_now().await;
    }
    sick.acts(Act::Well);
    while list(&notes).await.is_err() {
        tokio::task::yield_now().await;
    }
    for _ in 0..9 {
        list(&notes).await.unwrap();
    }
    assert_eq!(sick.asked(), 15, "4, a try that failed, one that did not, 9");
}

#[tokio::test]
async fn a_fault_that_a_module_tells_of_leaves_its_other_operations_alone() {
    let sick = Sick::new(Act::Fault).await;
    let config = RemoteConfig { breaker_failures: 2, ..RemoteConfig::default() };
    let notes = at(&[&sick.base], &config);
    for _ in 0..6 {
        assert_eq!(code(&notes).await, "internal");
    }
    assert_eq!(sick.asked(), 6);
}

#[tokio::test]
async fn a_callers_own_timer_does_not_hide_a_module_that_hangs() {
    let sick = Sick::new(Act::Hang).await;
    let config = RemoteConfig { breaker_failures: 2, ..RemoteConfig::default() };
    let notes = <dyn Notes>::guarded(at(&[&sick.base], &config)); // its timer ends the call at the deadline
    let ask = async |timeout| {
        let cx = service().with_timeout(Duration::from_millis(timeout));
        notes.list_notes(&cx, ListNotes::default()).await.unwrap_err().code().to_owned()
    };
    for _ in 0..5 {
        assert_eq!(ask(30).await, "deadline_exceeded", "a caller in a hurry says nothing of the module");
    }
    assert_eq!((ask(150).await, ask(150).await), ("deadline_exceeded".into(), "deadline_exceeded".into()));
    assert_eq!(ask(150).await, "unavailable");
}

#[tokio::test]
async fn a_sick_module_is_not_drowned_in_repeated_calls() {
    let sick = Sick::new(Act::Drop).await;
    let config = RemoteConfig { retry_percent: 10, breaker_failures: 0, ..RemoteConfig::default() };
    let notes = at(&[&sick.base], &config);
    for _ in 0..200 {
        assert_eq!(code(&notes).await, "unavailable");
    }
    // 3 a second over 10 seconds, and 10 in 100; 600 without a budget.
    assert!((200..=255).contains(&sick.asked()), "{}", sick.asked());
}

#[tokio::test]
async fn calls_wait_for_room_no_longer_than_their_deadline() {
    let sick = Sick::new(Act::Hang).await;
    let config = RemoteConfig { connections: std::num::NonZeroUsize::MIN, ..RemoteConfig::default() };
    let notes = at(&[&sick.base], &config);
    let first = tokio::spawn({
        let notes = notes.clone();
        async move { list(&notes).await }
    });
    while sick.asked() == 0 {
        tokio::task::yield_now().await;
    }
    let hurried = service().with_timeout(Duration::from_millis(50));
    let error = notes.list_notes(&hurried, ListNotes::default()).await.unwrap_err();
    assert!(error.code() == "unavailable" && error.to_string().contains("as many calls"), "{error}");
    sick.acts(Act::Well);
    first.abort();
    list(&notes).await.unwrap();
    assert_eq!(sick.asked(), 2, "what waits for room is not sent");
}

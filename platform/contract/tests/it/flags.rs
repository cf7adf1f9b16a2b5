//! What flags do to calls: an operation that is switched off, on every binding, and a place that is named.

use std::sync::Arc;

use tessera_contract::{
    Caller, Contract, ContractError, Credential, Cx, FlagKeys, FlagSubject, FlagValue, Flags, Now, Placed, Rollout,
    RolloutConfig, Spot, ask_flags, async_trait, flags_are,
};

use crate::{
    grpc::{self, Keep},
    notes::{AmendNote, GetNote, InMemory, ListNotes, Notes},
    world::{Served, acme, now, service, signer, viewer},
};

/// Only of the tenant `dark`, and of accounts `at_PLACE`, is anything said, for other tests are about others.
struct OfDark;

#[async_trait]
impl Flags for OfDark {
    async fn boolean(&self, key: &str, subject: FlagSubject<'_>) -> Option<FlagValue<bool>> {
        let off = subject.tenant.as_str() == "dark" && subject.targeting_key() != "acc_light";
        assert!(!key.starts_with("place."), "{key} is asked for as a text");
        off.then(|| said(false))
    }

    async fn string(&self, key: &str, subject: FlagSubject<'_>) -> Option<FlagValue<String>> {
        assert_eq!(key, "place.notes");
        Some(said(subject.account?.strip_prefix("at_")?.to_owned()))
    }
}

fn said<T>(value: T) -> FlagValue<T> {
    FlagValue { value, variant: None, reason: "static" }
}

fn flags() {
    ask_flags(Arc::new(OfDark));
    flags_are(FlagKeys::of(["operation.notes.get_note", "operation.things.keep_word", "place.notes"]));
}

fn dark(caller: Caller) -> Cx {
    Cx::new("dark".parse().unwrap(), caller, now())
}

fn account(account: &str) -> Caller {
    Caller::Viewer { account: account.parse().unwrap(), profile: None }
}

#[tokio::test]
async fn an_operation_that_is_switched_off_is_refused_here_and_from_elsewhere() {
    flags();
    let bare = InMemory::with_notes();
    let here = <dyn Notes>::guarded(bare.clone());
    let served = Served::internal(bare).await;
    let get = || GetNote { note_id: "n1".into() };
    for notes in [here, served.remote()] {
        let refused = notes.get_note(&dark(viewer()), get()).await.unwrap_err();
        assert_eq!((refused.code(), refused.status()), ("switched_off", 503));
        let failure = refused.failure().unwrap();
        assert!(failure.detail.contains("operation.notes.get_note"), "{}", failure.detail);
        assert!(failure.retry_after.is_some_and(|wait| wait.as_secs() > 0), "{failure:?}");
        let nobody = notes.get_note(&dark(Caller::Anonymous), get()).await.unwrap_err();
        assert_eq!(nobody.code(), "unauthenticated", "who may not call at all is told that");

        let other = notes.get_note(&dark(account("acc_light")), get()).await.unwrap_err();
        assert_eq!(other.code(), "note_not_found", "not for this account");
        notes.get_note(&Cx::new(acme(), viewer(), now()), get()).await.expect("not for this tenant");
        notes.list_notes(&dark(viewer()), ListNotes::default()).await.expect("another operation is served");
    }
}

#[tokio::test]
async fn by_grpc_as_over_http_and_no_breaker_opens() {
    flags();
    let served = Served::router(grpc::router(signer())).await;
    for by_grpc in [true, false] {
        let things = grpc::at(&served.base, Credential::Service(signer()), by_grpc);
        for number in 0..30 {
            let cx = dark(viewer()).with_idempotency_key(format!("key-{number}"));
            let keep = Keep { word: "dusk".into(), limit: None };
            let refused = things.keep_word(&cx, keep).await.unwrap_err();
            assert_eq!((refused.code(), refused.status()), ("switched_off", 503), "{refused}");
            let failure = refused.failure().unwrap();
            assert!(failure.detail.contains("operation.things.keep_word"), "{}", failure.detail);
            assert!(failure.retry_after.is_some(), "{failure:?}");
        }
    }
}

#[tokio::test]
async fn a_place_that_a_flag_names_goes_before_the_weights() {
    flags();
    let named = async |name: &str| -> Arc<dyn Notes> {
        let notes: Arc<dyn Notes> = InMemory::with_notes();
        let amend = AmendNote { note_id: "n1".into(), text: Some(name.to_owned()), expected_version: None };
        notes.amend_note(&service(), amend).await.unwrap();
        notes
    };
    let spots = [("a", Some(1)), ("b", Some(0)), ("c", None)];
    let spots = spots.iter().map(|(name, weight)| Spot { name: (*name).into(), weight: *weight }).collect();
    let rollout = Rollout::new("notes", spots, RolloutConfig::default());
    assert!(rollout.is_asked(1), "a flag may name it, though it has no weight");
    assert!(!rollout.is_asked(2), "the shadow is never asked for its own answer");
    let notes = vec![named("first").await, named("second").await, named("shadow").await];
    let notes = <dyn Notes>::placed(Placed::new(Now::new(rollout, notes)));
    for (caller, place) in
        [("acc_1", "first"), ("at_b", "second"), ("at_a", "first"), ("at_c", "first"), ("at_nowhere", "first")]
    {
        let cx = Cx::new(acme(), account(caller), now());
        let asked = notes.get_note(&cx, GetNote { note_id: "n1".into() }).await.unwrap();
        assert_eq!(asked.text, place, "{caller}");
    }
}

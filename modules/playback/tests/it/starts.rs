//! What happens when play is pressed.

use std::{sync::atomic::Ordering, time::Duration};

use tessera_contract::ContractError;

use super::*;

#[tokio::test]
async fn a_start_brings_together_what_a_player_needs() {
    on_every_engine(async |engine| {
        let stage = Stage::open(engine).await;
        let playback = stage.started("television").await;
        assert_eq!((playback.profile_id.as_str(), playback.resume_position_seconds), ("prf_1", 90));
        assert_eq!(playback.licence.as_ref().unwrap().token.expose(), &format!("token-of-{}", playback.session_id));
        assert_eq!(playback.sources[0].hls_url.as_str(), "/delivery/v1/ast_film/main.m3u8");
        let slots = stage.entitlements.slots.lock().unwrap().clone();
        let (_, slot) = slots.into_iter().next().unwrap();
        assert_eq!((slot.device_name.as_str(), slot.viewing.age_limit), ("the television", Some(16)));
        assert_eq!(slot.viewing.territory.map(String::from).as_deref(), Some("DE"));
        assert_eq!((slot.facts.plans, slot.facts.minimum_age), (vec!["basic".to_owned()], 12));
        assert_eq!(stage.told().await, ["started 1 @90"]);

        let nameless = StartPlayback { device_name: None, ..press("ttl_clear", "phone") };
        let clear = stage.start(&viewer("clear"), nameless).await.unwrap();
        assert_eq!(clear.licence, None, "clear media needs none");
        let slots = stage.entitlements.slots.lock().unwrap().clone();
        assert!(slots.values().any(|slot| slot.device_name.as_str() == "Unknown device"), "{slots:?}");
    })
    .await;
}

#[tokio::test]
async fn of_fifty_starts_at_once_with_one_key_all_get_the_one_session_and_slot() {
    on_every_engine(async |engine| {
        let stage = Arc::new(Stage::open(engine).await);
        let starts = (0..50).map(|_| {
            let stage = stage.clone();
            tokio::spawn(async move { stage.started("television").await })
        });
        let answers: Vec<_> = futures::future::join_all(starts).await.into_iter().map(Result::unwrap).collect();
        assert!(answers.iter().all(|answer| answer == &answers[0]));
        assert_eq!(stage.entitlements.held(), [answers[0].session_id.as_str()]);
        assert_eq!(stage.told().await, ["started 1 @90"]);
    })
    .await;
}

#[tokio::test]
async fn the_key_of_another_request_account_or_tenant_is_another_key() {
    on_every_engine(async |engine| {
        let stage = Stage::open(engine).await;
        let first = stage.start(&viewer("key"), press("ttl_film", "television")).await.unwrap();
        let other = stage.start(&viewer("key"), press("ttl_clear", "television")).await.unwrap_err();
        assert_eq!((other.code(), other.status()), ("idempotency_conflict", 409));
        let neighbour = cx("acme").viewer("acc_2").key("key");
        let theirs = stage.start(&neighbour, press("ttl_film", "television")).await.unwrap();
        let globex = cx("globex").viewer("acc_1").key("key");
        let elsewhere = stage.start(&globex, press("ttl_globex", "television")).await.unwrap();
        assert!(first.session_id != theirs.session_id && theirs.session_id != elsewhere.session_id);
        let absent = stage.start(&cx("globex").viewer("acc_1").key("absent"), press("ttl_film", "tv")).await;
        assert_eq!(absent.unwrap_err().code(), "title_not_found");
    })
    .await;
}

#[tokio::test]
async fn a_viewer_who_goes_away_leaves_a_session_that_the_same_key_finds() {
    on_every_engine(async |engine| {
        let stage = Stage::open(engine).await;
        let plenty = stage.entitlements.gate.forget_permits(usize::MAX);
        let caller = viewer("television");
        tokio::select! {
            _ = stage.start(&caller, press("ttl_film", "television")) => panic!("the slot cannot be had yet"),
            () = eventually("the start to ask for its slot", || async {
                (stage.entitlements.waiting.load(Ordering::SeqCst) == 1).then_some(())
            }) => {} // and here the viewer goes away
        }
        stage.entitlements.gate.add_permits(plenty);
        let playback = stage.started("television").await;
        assert_eq!(stage.entitlements.held(), [playback.session_id.as_str()]);
        assert_eq!(stage.entitlements.waiting.load(Ordering::SeqCst), 1, "the slot was asked for once");
        assert_eq!(stage.told().await, ["started 1 @90"]);
    })
    .await;
}

#[tokio::test]
async fn a_duplicate_of_a_start_that_hangs_is_told_so() {
    let engine = Engine::sqlite();
    let stage = Stage::open(&engine).await;
    let plenty = stage.entitlements.gate.forget_permits(usize::MAX);
    let caller = viewer("television");
    let (first, second) = tokio::join!(
        stage.start(&caller, press("ttl_film", "television")),
        stage.start(&caller, press("ttl_film", "television")),
    );
    let codes = [first.unwrap_err(), second.unwrap_err()].map(|error| error.code().to_owned());
    // The one gives up on entitlement after its three seconds, the other on the first after its two.
    assert!(codes.contains(&"in_progress".to_owned()) && codes.contains(&"unavailable".to_owned()), "{codes:?}");
    stage.entitlements.gate.add_permits(plenty);
    stage.started("television").await;
}

/// Returns when nothing of it runs any more: what it waited for does not wake it.
async fn killed(doomed: tokio::runtime::Runtime) {
    tokio::task::spawn_blocking(move || doomed.shutdown_timeout(Duration::from_secs(10))).await.unwrap();
}

#[tokio::test]
async fn a_crash_half_way_takes_no_second_slot() {
    on_every_engine(async |engine| {
        let before = Stage::open(engine).await;
        let plenty = before.entitlements.gate.forget_permits(usize::MAX);
        let (service, caller) = (before.service.clone(), viewer("television"));
        // A runtime of its own, so that it can be killed with all that it spawned.
        let doomed = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let guarded = <dyn PlaybackSessions>::guarded(service);
        doomed.spawn(async move { guarded.start(&caller, press("ttl_film", "television")).await });
        eventually("the start to ask for its slot", || async {
            (before.entitlements.waiting.load(Ordering::SeqCst) == 1).then_some(())
        })
        .await;
        killed(doomed).await;
        before.entitlements.gate.add_permits(plenty);

        // A connection of the dead runtime may be dying still.
        let early = eventually("the store to answer", || async {
            let early = before.start(&viewer("television"), press("ttl_film", "television")).await;
            Some(early.unwrap_err().code().to_owned()).filter(|code| code != "unavailable")
        });
        assert_eq!(early.await, "in_progress", "the first may still be at work elsewhere");
        before.clock.advance(Duration::from_secs(21));
        let playback = before.started("television").await;
        assert_eq!(before.started("television").await, playback);
        assert_eq!(before.entitlements.held(), [playback.session_id.as_str()]);
    })
    .await;
}

#[tokio::test]
async fn after_a_crash_of_the_only_process_the_same_key_goes_on_at_once() {
    let engine = Engine::sqlite();
    let before = Stage::open(&engine).await;
    let plenty = before.entitlements.gate.forget_permits(usize::MAX);
    let (service, caller) = (before.service.clone(), viewer("television"));
    let doomed = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let guarded = <dyn PlaybackSessions>::guarded(service);
    doomed.spawn(async move { guarded.start(&caller, press("ttl_film", "television")).await });
    eventually("the start to ask for its slot", || async {
        (before.entitlements.waiting.load(Ordering::SeqCst) == 1).then_some(())
    })
    .await;
    killed(doomed).await;
    before.entitlements.gate.add_permits(plenty);
    before.service.store().close().await;

    let after = Stage::open(&engine).await;
    let playback = after.started("television").await;
    assert_eq!(after.started("television").await, playback);
    assert_eq!(after.entitlements.held(), [playback.session_id.as_str()]);
}

#[tokio::test]
async fn each_refusal_of_entitlement_is_passed_on_and_the_same_key_may_try_again() {
    on_every_engine(async |engine| {
        let stage = Stage::open(engine).await;
        for (code, status) in [
            ("not_entitled", 403),
            ("grant_ended", 403),
            ("grant_revoked", 403),
            ("not_yet_available", 403),
            ("no_longer_available", 403),
            ("territory_blocked", 403),
            ("age_limit", 403),
            ("stream_limit_reached", 409),
        ] {
            stage.entitlements.refuse(code, status);
            let refused = stage.start(&viewer("television"), press("ttl_film", "television")).await.unwrap_err();
            assert_eq!((refused.code(), refused.status()), (code, status));
            assert_eq!(refused.to_string(), format!("refused: {code}"));
        }
        assert_eq!(stage.told().await, Vec::<String>::new());
        *stage.entitlements.refusal.lock().unwrap() = None;
        stage.started("television").await;
    })
    .await;
}

#[tokio::test]
async fn the_third_device_is_told_so_and_gets_in_once_one_stops() {
    on_every_engine(async |engine| {
        let stage = Stage::open(engine).await;
        let television = stage.started("television").await;
        stage.started("phone").await;
        let full = stage.start(&viewer("laptop"), press("ttl_film", "laptop")).await.unwrap_err();
        assert_eq!((full.code(), full.status()), ("stream_limit_reached", 409));
        stage.stop(&television, None).await.unwrap();
        stage.started("laptop").await;
        assert_eq!(stage.entitlements.held().len(), 2);
    })
    .await;
}

#[tokio::test]
async fn an_unreachable_module_is_named_and_no_slot_is_kept() {
    on_every_engine(async |engine| {
        let stage = Stage::open(engine).await;
        let reaches = [
            ("catalog", &stage.titles.reach),
            ("viewers", &stage.profiled.reach),
            ("entitlement", &stage.entitlements.reach),
            ("delivery", &stage.origin.reach),
            ("drm", &stage.licences.reach),
        ];
        for (module, reach) in reaches {
            reach.cut();
            let error = stage.start(&viewer("television"), press("ttl_film", "television")).await.unwrap_err();
            assert_eq!((error.code(), error.status()), ("unavailable", 503), "{module}");
            assert!(error.to_string().contains(module) && !error.to_string().contains("10.0.0.7"), "{error}");
            assert!(error.failure().unwrap().retry_after.is_some(), "{module}");
            reach.mend();
            stage.await_no_slots().await;
        }
        assert_eq!(stage.told().await, Vec::<String>::new());
        stage.started("television").await;
    })
    .await;
}

#[tokio::test]
async fn a_title_whose_film_is_not_ready_is_said_to_be_and_keeps_no_slot() {
    on_every_engine(async |engine| {
        let stage = Stage::open(engine).await;
        let error = stage.start(&viewer("television"), press("ttl_packaging", "television")).await.unwrap_err();
        assert_eq!((error.code(), error.status()), ("asset_not_ready", 409));
        stage.await_no_slots().await;
    })
    .await;
}

#[tokio::test]
async fn a_position_that_is_late_or_not_to_be_had_does_not_hold_up_the_start() {
    on_every_engine(async |engine| {
        let stage = Stage::open(engine).await;
        stage.profiled.positions.cut();
        assert_eq!(stage.started("television").await.resume_position_seconds, 0);
        stage.profiled.silent.store(true, Ordering::SeqCst);
        let began = tokio::time::Instant::now();
        assert_eq!(stage.started("phone").await.resume_position_seconds, 0);
        assert!(began.elapsed() < Duration::from_secs(2), "it waits for 150 ms, not for the module's timeout");
    })
    .await;
}

#[tokio::test]
async fn a_position_that_viewers_says_with_the_profile_is_not_asked_for() {
    on_every_engine(async |engine| {
        let stage = Stage::open(engine).await;
        stage.profiled.says_position.store(true, Ordering::SeqCst);
        stage.profiled.positions.cut();
        assert_eq!(stage.started("television").await.resume_position_seconds, 120);
    })
    .await;
}

#[tokio::test]
async fn another_accounts_profile_is_not_found() {
    on_every_engine(async |engine| {
        let stage = Stage::open(engine).await;
        let request = StartPlayback { profile_id: "prf_2".parse().ok(), ..press("ttl_film", "television") };
        let error = stage.start(&viewer("television"), request).await.unwrap_err();
        assert_eq!((error.code(), error.status()), ("profile_not_found", 404));
        assert_eq!(stage.entitlements.waiting.load(Ordering::SeqCst), 0, "no slot is asked for without a profile");
    })
    .await;
}

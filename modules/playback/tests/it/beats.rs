//! What happens while something plays, and how it ends.

use std::time::Duration;

use tessera_contract::ContractError;
use tessera_playback::Swept;

use super::*;

#[tokio::test]
async fn a_session_tells_its_whole_life_in_order() {
    on_every_engine(async |engine| {
        let stage = Stage::open(engine).await;
        let playback = stage.started("television").await;
        for position in [100, 120] {
            stage.clock.advance(Duration::from_secs(20));
            stage.beat(&playback, position).await.unwrap();
        }
        assert_eq!(stage.stop(&playback, Some(125)).await.unwrap(), 125);
        assert_eq!(stage.stop(&playback, Some(7)).await.unwrap(), 125, "stopping twice changes nothing");
        assert_eq!(stage.told().await, ["started 1 @90", "progressed 2 @100", "progressed 3 @120", "ended 4 @125"]);
        assert_eq!(stage.entitlements.held(), Vec::<String>::new());
        assert_eq!(stage.beat(&playback, 130).await.unwrap_err().code(), "session_not_found");
        assert_eq!(stage.started("television").await, playback, "its key still answers what it answered");
        assert_eq!(stage.told().await.len(), 4);
    })
    .await;
}

#[tokio::test]
async fn twenty_beats_at_once_are_told_one_by_one() {
    on_every_engine(async |engine| {
        let stage = Arc::new(Stage::open(engine).await);
        let playback = stage.started("television").await;
        let beats = (0..20).map(|number| {
            let (stage, playback) = (stage.clone(), playback.clone());
            tokio::spawn(async move { stage.beat(&playback, number).await })
        });
        for beat in futures::future::join_all(beats).await {
            beat.unwrap().unwrap();
        }
        let versions: Vec<i64> = stage.events().await.iter().map(|event| event.subjectversion).collect();
        assert_eq!(versions, (1..=21).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test]
async fn a_refused_beat_ends_the_session_at_its_position_and_frees_the_slot() {
    on_every_engine(async |engine| {
        let stage = Stage::open(engine).await;
        for (code, status) in [("grant_ended", 403), ("grant_revoked", 403), ("stream_limit_reached", 409)] {
            *stage.entitlements.refusal.lock().unwrap() = None;
            let playback = stage.start(&viewer(code), press("ttl_film", "television")).await.unwrap();
            stage.entitlements.refuse(code, status);
            let refused = stage.beat(&playback, 200).await.unwrap_err();
            assert_eq!((refused.code(), refused.status()), (code, status));
            assert_eq!(stage.told().await.last().unwrap(), "ended 2 @200");
            assert_eq!(stage.entitlements.held(), Vec::<String>::new());
            assert_eq!(stage.beat(&playback, 210).await.unwrap_err().code(), "session_not_found");
        }
    })
    .await;
}

#[tokio::test]
async fn the_same_devices_next_start_takes_the_slot_from_its_last() {
    on_every_engine(async |engine| {
        let stage = Stage::open(engine).await;
        let first = stage.start(&viewer("one"), press("ttl_film", "television")).await.unwrap();
        let second = stage.start(&viewer("two"), press("ttl_clear", "television")).await.unwrap();
        let lost = stage.beat(&first, 95).await.unwrap_err();
        assert_eq!((lost.code(), lost.status()), ("lease_lost", 409));
        stage.beat(&second, 5).await.unwrap();
        assert_eq!(stage.entitlements.held(), [second.session_id.as_str()]);
    })
    .await;
}

#[tokio::test]
async fn while_entitlement_is_away_beats_are_kept_and_no_session_is_lost() {
    on_every_engine(async |engine| {
        let stage = Stage::open(engine).await;
        let playback = stage.started("television").await;
        stage.entitlements.reach.cut();
        for beat in 1..=5 {
            stage.clock.advance(Duration::from_secs(20));
            let error = stage.beat(&playback, 100 + beat).await.unwrap_err();
            assert_eq!((error.code(), error.status()), ("unavailable", 503));
            assert!(error.to_string().contains("entitlement"), "{error}");
            assert_eq!(stage.service.sweep().await.unwrap().ended, 0);
        }
        stage.entitlements.reach.mend();
        stage.beat(&playback, 106).await.unwrap();
        assert_eq!(stage.told().await.last().unwrap(), "progressed 7 @106");
    })
    .await;
}

#[tokio::test]
async fn a_session_whose_slot_is_out_of_reach_takes_one_anew_under_the_rules_of_a_start() {
    on_every_engine(async |engine| {
        let stage = Stage::open(engine).await;
        let (television, phone) = (stage.started("television").await, stage.started("phone").await);
        stage.entitlements.lose_slots();
        stage.titles.reach.cut();
        assert_eq!(stage.beat(&phone, 99).await.unwrap_err().status(), 503, "without the facts nothing is decided");
        stage.titles.reach.mend();
        for position in [100, 120] {
            stage.beat(&phone, position).await.unwrap();
            assert_eq!(stage.entitlements.held(), [phone.session_id.as_str()], "one slot, however many beats");
        }
        let names: Vec<String> =
            stage.entitlements.slots.lock().unwrap().values().map(|slot| slot.device_name.expose().clone()).collect();
        assert_eq!(names, ["the phone"]);
        stage.clock.advance(Duration::from_secs(1));
        stage.started("tablet").await;
        let refused = stage.beat(&television, 130).await.unwrap_err();
        assert_eq!((refused.code(), refused.status()), ("stream_limit_reached", 409), "others came first");
        assert_eq!(stage.beat(&television, 131).await.unwrap_err().code(), "session_not_found");
    })
    .await;
}

#[tokio::test]
async fn what_a_device_started_last_keeps_its_slot_when_slots_are_out_of_reach() {
    on_every_engine(async |engine| {
        let stage = Stage::open(engine).await;
        let first = stage.start(&viewer("one"), press("ttl_film", "television")).await.unwrap();
        stage.clock.advance(Duration::from_secs(1));
        let second = stage.start(&viewer("two"), press("ttl_clear", "television")).await.unwrap();
        stage.entitlements.lose_slots();
        assert_eq!(stage.beat(&first, 95).await.unwrap_err().code(), "lease_lost");
        stage.beat(&second, 5).await.unwrap();
        assert_eq!(stage.entitlements.held(), [second.session_id.as_str()]);
    })
    .await;
}

#[tokio::test]
async fn stopping_does_not_wait_for_an_entitlement_that_is_away() {
    on_every_engine(async |engine| {
        let stage = Stage::open(engine).await;
        let playback = stage.started("television").await;
        stage.entitlements.reach.cut();
        assert_eq!(stage.stop(&playback, Some(99)).await.unwrap(), 99);
        assert_eq!(stage.told().await, ["started 1 @90", "ended 2 @99"]);
        stage.entitlements.reach.mend();
        stage.stop(&playback, None).await.unwrap();
        assert_eq!(stage.entitlements.held(), Vec::<String>::new(), "stopping again frees the slot");
    })
    .await;
}

#[tokio::test]
async fn a_session_without_beats_is_ended_where_it_was_last_heard_of() {
    on_every_engine(async |engine| {
        let stage = Stage::open(engine).await;
        let (silent, beating) = (stage.started("television").await, stage.started("phone").await);
        stage.clock.advance(Duration::from_secs(40));
        stage.beat(&beating, 130).await.unwrap();
        stage.clock.advance(Duration::from_secs(19));
        assert_eq!(stage.service.sweep().await.unwrap(), Swept::default());
        stage.clock.advance(Duration::from_secs(1));
        let sweeps = tokio::join!(stage.service.sweep(), stage.service.sweep());
        assert_eq!(sweeps.0.unwrap().ended + sweeps.1.unwrap().ended, 1, "two processes sweep, one ends it");
        let ended = stage.events().await.pop().unwrap();
        let session = &ended.data["session"];
        assert_eq!(
            (ended.kind.as_str(), &ended.subject),
            ("tessera.playback.session.ended.v1", &silent.session_id.to_string())
        );
        assert_eq!(session["updated_at"], session["started_at"], "nobody was heard of since");
        assert_eq!((&session["position_seconds"], &session["position_reported"]), (&json!(90), &json!(false)));
        assert_eq!(stage.beat(&silent, 1).await.unwrap_err().code(), "session_not_found");
        stage.beat(&beating, 150).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn after_the_process_was_away_its_viewers_have_time_to_be_heard_of_again() {
    on_every_engine(async |engine| {
        let before = Stage::open(engine).await;
        let playback = before.started("television").await;
        before.clock.advance(Duration::from_secs(600));
        let deps = PlaybackDeps {
            clock: before.clock.clone(),
            catalog: before.titles.clone(),
            entitlement: before.entitlements.clone(),
            delivery: before.origin.clone(),
            drm: before.licences.clone(),
            viewers: before.profiled.clone(),
        };
        before.service.store().close().await;
        let again = tessera_playback::open(PlaybackConfig::default(), &engine.config, deps).await.unwrap();
        assert_eq!(again.sweep().await.unwrap().ended, 0);
        let beat = Heartbeat { session_id: playback.session_id, position_seconds: 700, paused: false };
        again.heartbeat(&viewer("beat"), beat).await.unwrap();
        before.clock.advance(Duration::from_secs(60));
        assert_eq!(again.sweep().await.unwrap().ended, 1);
    })
    .await;
}

#[tokio::test]
async fn what_ended_long_ago_is_forgotten() {
    on_every_engine(async |engine| {
        let stage = Stage::open(engine).await;
        let playback = stage.started("television").await;
        stage.stop(&playback, None).await.unwrap();
        stage.clock.advance(Duration::from_secs(6 * 24 * 60 * 60));
        assert_eq!(stage.service.sweep().await.unwrap().forgotten, 0);
        stage.clock.advance(Duration::from_secs(2 * 24 * 60 * 60));
        assert_eq!(stage.service.sweep().await.unwrap().forgotten, 1);
        assert_eq!(stage.stop(&playback, None).await.unwrap_err().code(), "session_not_found");
    })
    .await;
}

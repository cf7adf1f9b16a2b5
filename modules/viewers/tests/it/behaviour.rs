//! What viewers see happen to their profiles and their progress.

use tessera_contract::ContractError;
use tessera_contract_identity::AccountCreated;
use tessera_contract_viewers::{EditProfile, ListProfiles, ListProgress, ProfileUpdated, ProgressUpdated};
use tessera_store::Position;

use super::*;

#[tokio::test]
async fn of_fifty_who_ask_at_once_for_a_new_accounts_profile_all_get_the_one() {
    on_every_engine(async |engine| {
        let viewers = open(engine).await;
        let asking = (0..50).map(|number| {
            let viewers = viewers.clone();
            tokio::spawn(async move {
                match number % 2 {
                    0 => default_profile(&viewers, "acme", "acc_1").await,
                    _ => {
                        let caller = cx("acme").viewer("acc_1");
                        let listed = viewers.list_profiles(&caller, ListProfiles {}).await.unwrap();
                        assert_eq!(listed.data.len(), 1);
                        listed.data[0].clone()
                    }
                }
            })
        });
        let found = futures::future::join_all(asking).await;
        let first = found[0].as_ref().unwrap();
        assert!(found.iter().all(|profile| profile.as_ref().unwrap() == first), "{found:?}");
        assert_eq!((first.name.as_str(), first.version), ("Viewer", 1));
        let events = Log::of(viewers.store()).read(Position::default(), 10).await.unwrap().events;
        assert_eq!(events.len(), 1, "one profile was made, and said so once");
    })
    .await;
}

#[tokio::test]
async fn a_new_account_has_its_profile_before_anybody_asks_and_keeps_one_that_it_has() {
    on_every_engine(async |engine| {
        let viewers = open(engine).await;
        let identity = engine.open(&IDENTITY).await;
        let before = default_profile(&viewers, "acme", "acc_early").await;
        let following = Following::identity(&viewers, &identity);
        for account in ["acc_early", "acc_new"] {
            let event = AccountCreated { account_id: account.parse().unwrap(), created_at: identity.now(), version: 1 };
            let cx = cx("acme").service("identity").build();
            let emit = identity.write(&cx, event, |tx, event| Box::pin(tx.emit(event)));
            emit.await.unwrap();
        }
        let log = Log::of(viewers.store());
        let accounts = eventually("two profiles to be told of", || async {
            let events = log.read(Position::default(), 10).await.unwrap().events;
            let updated = |(_, event): &(_, tessera_contract::CloudEvent)| {
                serde_json::from_value::<ProfileUpdated>(event.data.clone()).unwrap().profile.account_id
            };
            (events.len() == 2).then(|| events.iter().map(updated).map(String::from).collect::<Vec<_>>())
        });
        assert_eq!(accounts.await, ["acc_early", "acc_new"]);
        assert_eq!(default_profile(&viewers, "acme", "acc_early").await, before);
        assert_ne!(default_profile(&viewers, "globex", "acc_new").await.profile_id.as_str(), "", "made when asked for");
        following.stop().await;
    })
    .await;
}

#[tokio::test]
async fn an_old_session_that_ends_late_does_not_take_the_viewer_back() {
    on_every_engine(async |engine| {
        let viewers = open(engine).await;
        let playback = engine.open(&PLAYBACK).await;
        let profile = default_profile(&viewers, "acme", "acc_1").await;
        let beat = |version, position, second| Said::beat(&profile, "ttl_1", version, position, second);
        let following = Following::playback(&viewers, &playback);
        say(&playback, "acme", beat(2, 600, 20).in_session("pbs_television")).await;
        await_position(&viewers, &profile, "ttl_1", 600).await;
        say(&playback, "acme", beat(2, 700, 60).in_session("pbs_phone")).await;
        await_position(&viewers, &profile, "ttl_1", 700).await;
        // The television's session runs out: its last word is older than the phone's.
        say(&playback, "acme", beat(3, 600, 20).in_session("pbs_television").at_its_end()).await;
        // A session that begins and ends without a word knows nothing.
        say(&playback, "acme", beat(2, 0, 90).in_session("pbs_silent").at_its_end().silent()).await;
        say(&playback, "acme", Said::beat(&profile, "ttl_2", 2, 5, 100)).await;
        await_position(&viewers, &profile, "ttl_2", 5).await;
        assert_eq!(position(&viewers, "acme", &profile, "ttl_1").await, 700);
        assert_eq!(position_with(&viewers, &profile, Some("ttl_1")).await, Some(700));
        assert_eq!(position_with(&viewers, &profile, Some("ttl_never")).await, Some(0));
        assert_eq!(position_with(&viewers, &profile, None).await, None);
        // Rewinding is a later word.
        say(&playback, "acme", beat(3, 0, 120).in_session("pbs_phone").at_its_end()).await;
        await_position(&viewers, &profile, "ttl_1", 0).await;
        following.stop().await;
    })
    .await;
}

#[tokio::test]
async fn progress_tells_each_change_with_its_version() {
    on_every_engine(async |engine| {
        let viewers = open(engine).await;
        let playback = engine.open(&PLAYBACK).await;
        let profile = default_profile(&viewers, "acme", "acc_1").await;
        let following = Following::playback(&viewers, &playback);
        for version in 2..5 {
            let position = u32::try_from(version).unwrap() * 10;
            say(&playback, "acme", Said::beat(&profile, "ttl_1", version, position, position.into())).await;
        }
        await_position(&viewers, &profile, "ttl_1", 40).await;
        let events = Log::of(viewers.store()).read(Position::default(), 10).await.unwrap().events;
        let told: Vec<_> = events
            .iter()
            .filter_map(|(_, event)| serde_json::from_value::<ProgressUpdated>(event.data.clone()).ok())
            .map(|told| (told.progress.version, told.progress.position_seconds))
            .collect();
        assert_eq!(told, [(1, 20), (2, 30), (3, 40)]);
        following.stop().await;
    })
    .await;
}

#[tokio::test]
async fn two_tenants_with_the_same_ids_know_nothing_of_each_other() {
    on_every_engine(async |engine| {
        let viewers = open(engine).await;
        let playback = engine.open(&PLAYBACK).await;
        let following = Following::playback(&viewers, &playback);
        let ours = default_profile(&viewers, "acme", "acc_1").await;
        let theirs = default_profile(&viewers, "globex", "acc_1").await;
        assert_ne!(ours.profile_id, theirs.profile_id);
        say(&playback, "globex", Said::beat(&theirs, "ttl_1", 2, 99, 10)).await;
        say(&playback, "acme", Said::beat(&ours, "ttl_2", 2, 11, 20)).await;
        await_position(&viewers, &ours, "ttl_2", 11).await;
        assert_eq!(position(&viewers, "acme", &ours, "ttl_1").await, 0);
        assert_eq!(position(&viewers, "globex", &theirs, "ttl_1").await, 99);

        let list =
            |profile: &Profile| ListProgress { profile_id: profile.profile_id.clone(), limit: None, cursor: None };
        let caller = cx("acme").viewer("acc_1");
        assert_eq!(viewers.list_progress(&caller, list(&ours)).await.unwrap().data.len(), 1);
        assert_eq!(viewers.list_progress(&caller, list(&theirs)).await.unwrap_err().code(), "profile_not_found");
        following.stop().await;
    })
    .await;
}

#[tokio::test]
async fn of_two_edits_at_once_one_is_told_that_it_lost() {
    on_every_engine(async |engine| {
        let viewers = open(engine).await;
        let profile = default_profile(&viewers, "acme", "acc_1").await;
        let edits = ["Ada", "Kim", "Zoë", "Noor"].map(|name| {
            let (viewers, profile_id) = (viewers.clone(), profile.profile_id.clone());
            tokio::spawn(async move {
                let edit = EditProfile { profile_id, name: name.into(), age_limit: None, expected_version: 1 };
                viewers.edit_profile(&cx("acme").viewer("acc_1"), edit).await
            })
        });
        let mut won = Vec::new();
        for edit in edits {
            match edit.await.unwrap() {
                Ok(profile) => won.push(profile),
                Err(lost) => assert_eq!((lost.code(), lost.status()), ("version_conflict", 412)),
            }
        }
        assert_eq!(won.len(), 1);
        assert_eq!(won[0], default_profile(&viewers, "acme", "acc_1").await);
    })
    .await;
}

#[tokio::test]
async fn an_id_that_was_never_minted_here_is_named() {
    on_every_engine(async |engine| {
        let viewers = open(engine).await;
        let request = GetProgress { profile_id: "ttl_1".parse().unwrap(), title_id: "ttl_1".parse().unwrap() };
        let refused = viewers.get_progress(&service("acme"), request).await.unwrap_err();
        assert_eq!(refused.failure().unwrap().param.as_deref(), Some("profile_id"));
        assert!(refused.to_string().contains("prf_"), "{refused}");
    })
    .await;
}

#[tokio::test]
async fn a_profile_is_found_although_nobody_can_say_where_it_left_off() {
    on_every_engine(async |engine| {
        let viewers = open(engine).await;
        let profile = default_profile(&viewers, "acme", "acc_1").await;
        run(engine, &viewers, "alter table progress rename to elsewhere").await;
        assert_eq!(position_with(&viewers, &profile, Some("ttl_1")).await, None);
        let request = GetProgress { profile_id: profile.profile_id.clone(), title_id: "ttl_1".parse().unwrap() };
        assert_eq!(viewers.get_progress(&service("acme"), request).await.unwrap_err().code(), "internal");
        run(engine, &viewers, "alter table elsewhere rename to progress").await;
        assert_eq!(position_with(&viewers, &profile, Some("ttl_1")).await, Some(0));
    })
    .await;
}

#[tokio::test]
async fn a_profile_does_not_wait_for_where_it_left_off() {
    // SQLite's readers wait for nobody.
    for engine in tessera_testing::engines().iter().filter(|engine| engine.server().is_some()) {
        let viewers = open(engine).await;
        let profile = default_profile(&viewers, "acme", "acc_1").await;
        let (locked, wait) = tokio::sync::oneshot::channel();
        let (release, released) = tokio::sync::oneshot::channel::<()>();
        let held = tokio::spawn({
            let viewers = viewers.clone();
            async move {
                let once = std::sync::Mutex::new(Some((locked, released)));
                let write = viewers.store().system_write(once, |tx, once| {
                    Box::pin(async move {
                        tx.execute("lock table progress in access exclusive mode", Vec::new()).await?;
                        let (locked, released) = once.lock().unwrap().take().unwrap();
                        locked.send(()).unwrap();
                        released.await.unwrap();
                        Ok::<_, Failure>(())
                    })
                });
                write.await
            }
        });
        wait.await.unwrap();
        assert_eq!(position_with(&viewers, &profile, Some("ttl_1")).await, None);
        release.send(()).unwrap();
        held.await.unwrap().unwrap();
        assert_eq!(position_with(&viewers, &profile, Some("ttl_1")).await, Some(0));
    }
}

/// Changes a table, which on PostgreSQL only its owner may.
async fn run(engine: &Engine, viewers: &ViewersService, sql: &'static str) {
    if let Some(server) = engine.server() {
        server.psql(&format!("set search_path to viewers; {sql}"));
        return;
    }
    let write = viewers.store().system_write((), move |tx, ()| Box::pin(tx.execute(sql, Vec::new())));
    let changed: Result<u64, Failure> = write.await;
    changed.unwrap();
}

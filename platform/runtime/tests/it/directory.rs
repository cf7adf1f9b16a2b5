//! The directory of tenants, on both engines.

use std::time::Duration;

use tessera_runtime::{
    directory::{Directory, DirectoryError, NewTenant},
    edge::{TenantKind, TenantState, Tenants},
};
use tessera_testing::{clock, on_every_engine};

use crate::world::{acme, globex, tenant};

#[tokio::test]
async fn tenants_are_made_found_and_listed() {
    on_every_engine(async |engine| {
        let directory = Directory::open(&engine.config, clock()).await.unwrap();
        let made = directory.create(globex()).await.unwrap();
        directory.create(acme()).await.unwrap();
        assert_eq!(directory.get(&tenant("globex")).await.unwrap(), made);
        assert_eq!(made.default_territory.as_ref().map(|t| t.as_str()), Some("DE"));
        let names: Vec<String> = directory.list().await.unwrap().into_iter().map(|t| t.id.to_string()).collect();
        assert_eq!(names, ["acme", "globex"]);
        let by_host = directory.by_host("watch.acme.example").await.unwrap().unwrap();
        assert_eq!(by_host.id, tenant("acme"));
        assert!(matches!(directory.get(&tenant("nobody")).await, Err(DirectoryError::NotFound(_))));

        drop(directory);
        let reopened = Directory::open(&engine.config, clock()).await.unwrap();
        assert_eq!(reopened.list().await.unwrap().len(), 2);
    })
    .await;
}

#[tokio::test]
async fn the_platform_is_entered_once_and_is_no_tenant() {
    on_every_engine(async |engine| {
        let directory = Directory::open(&engine.config, clock()).await.unwrap();
        let platform = directory.platform().await.unwrap();
        assert_eq!(directory.platform().await.unwrap(), platform);
        assert_eq!((platform.id.as_str(), platform.kind), ("platform", TenantKind::Platform));
        assert!(directory.list().await.unwrap().is_empty());
        let usurper = NewTenant { id: tenant("platform"), ..acme() };
        assert!(matches!(directory.create(usurper).await, Err(DirectoryError::Reserved(_))));
        let impostor = NewTenant { kind: TenantKind::Platform, ..acme() };
        assert!(matches!(directory.create(impostor).await, Err(DirectoryError::Reserved(_))));
        assert!(matches!(directory.suspend(&platform.id).await, Err(DirectoryError::Reserved(_))));
    })
    .await;
}

#[tokio::test]
async fn a_name_and_a_host_belong_to_one_tenant() {
    on_every_engine(async |engine| {
        let directory = Directory::open(&engine.config, clock()).await.unwrap();
        directory.create(acme()).await.unwrap();
        assert!(matches!(directory.create(acme()).await, Err(DirectoryError::TenantTaken(_))));
        let greedy = NewTenant { hosts: vec!["Watch.ACME.example.".into()], ..globex() };
        let error = directory.create(greedy).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "the host watch.acme.example is registered for the tenant acme; remove it there first"
        );
        assert!(matches!(directory.get(&tenant("globex")).await, Err(DirectoryError::NotFound(_))), "all or nothing");
        for host in ["https://x.example", "x.example:80", "x.example/path", "", "[::1]"] {
            let error = directory.add_host(&tenant("acme"), host).await.unwrap_err();
            assert!(matches!(error, DirectoryError::NotAHost(_)), "{host}: {error}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_change_is_seen_at_once_by_who_looked_before() {
    on_every_engine(async |engine| {
        let directory = Directory::open(&engine.config, clock()).await.unwrap();
        directory.create(acme()).await.unwrap();
        directory.create(globex()).await.unwrap();
        let id = tenant("acme");
        assert!(directory.by_host("tv.acme.example").await.unwrap().is_none());
        directory.add_host(&id, "tv.acme.example").await.unwrap();
        directory.add_host(&id, "tv.acme.example").await.unwrap();
        assert_eq!(directory.by_host("tv.acme.example").await.unwrap().unwrap().id, id);
        assert_eq!(directory.hosts(&id).await.unwrap(), ["tv.acme.example", "watch.acme.example"]);
        directory.remove_host(&tenant("globex"), "tv.acme.example").await.unwrap();
        assert!(directory.by_host("tv.acme.example").await.unwrap().is_some(), "another tenant cannot remove it");
        directory.remove_host(&id, "tv.acme.example").await.unwrap();
        assert!(directory.by_host("tv.acme.example").await.unwrap().is_none());

        assert_eq!(directory.by_id(&id).await.unwrap().unwrap().state, TenantState::Active);
        directory.suspend(&id).await.unwrap();
        assert_eq!(directory.by_id(&id).await.unwrap().unwrap().state, TenantState::Suspended);
        directory.resume(&id).await.unwrap();
        assert_eq!(directory.by_id(&id).await.unwrap().unwrap().state, TenantState::Active);
        let suspended = directory.suspend_because(&id, "unpaid").await.unwrap();
        assert_eq!(suspended.suspended_because.as_deref(), Some("unpaid"));
        assert_eq!(directory.resume(&id).await.unwrap().suspended_because, None);
        assert!(matches!(directory.suspend(&tenant("nobody")).await, Err(DirectoryError::NotFound(_))));
    })
    .await;
}

#[tokio::test]
async fn only_a_test_tenants_clock_moves_and_only_forward() {
    on_every_engine(async |engine| {
        let directory = Directory::open(&engine.config, clock()).await.unwrap();
        directory.create(acme()).await.unwrap();
        directory.create(globex()).await.unwrap();
        let (live, test, day) = (tenant("acme"), tenant("globex"), Duration::from_secs(86_400));
        assert!(matches!(directory.advance_clock(&live, day).await, Err(DirectoryError::LiveClock(_))));
        directory.advance_clock(&test, day).await.unwrap();
        assert_eq!(directory.advance_clock(&test, day).await.unwrap().clock_offset, day * 2);
        assert!(matches!(directory.advance_clock(&test, Duration::MAX).await, Err(DirectoryError::TooFar(_))));
        assert_eq!(directory.get(&test).await.unwrap().clock_offset, day * 2);
        assert_eq!(directory.get(&live).await.unwrap().clock_offset, Duration::ZERO);
    })
    .await;
}

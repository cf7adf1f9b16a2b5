//! What comes into a trail, and how often.

use tessera_contract::{AuditOutcome, AuditTrail, Deed};
use tessera_contract_audit::{OperationRecorded, audit_operations::LIST_RECORDS};
use tessera_events::Log;
use tessera_store::{Migration, Module, Store};
use tessera_testing::{eventually, on_every_engine};
use tokio_util::sync::CancellationToken;

use crate::world::{World, called};

static TITLES: Module = Module {
    name: "titles",
    migrations: &[Migration {
        name: "0001_titles",
        sql: "create table titles (tenant text not null, id text not null, primary key (tenant, id))",
        postgres: None,
    }],
};

#[tokio::test]
async fn what_a_modules_store_commits_is_taken_once_even_if_it_is_told_twice() {
    on_every_engine(async |engine| {
        let world = World::open(engine).await;
        let titles = Store::open(&engine.config, &TITLES, world.clock.clone()).await.unwrap();
        let stop = CancellationToken::new();
        let following = tokio::spawn(world.audit.clone().follow("audit.titles", Log::of(&titles), stop.clone()));
        let calls = [("acme", "key_1"), ("globex", "key_2"), ("acme", "operator@machine")];
        let mut told = None;
        for (tenant, subject) in calls {
            let deed = Deed::new("catalog-management", "publish_title", &serde_json::json!({"title_id": "ttl_1"}));
            let cx = called(tenant, subject).with_deed(deed);
            let write = titles.write(&cx, (), |tx, ()| {
                Box::pin(async move {
                    let put = "insert into titles (tenant, id) values ($1, 'ttl_1') on conflict do nothing";
                    tx.execute(put, vec![]).await.map(drop)
                })
            });
            write.await.map_err(|failure: tessera_contract::Failure| failure).unwrap();
            told = Some(cx);
        }
        // The last one's record comes a second time, on another way: its id is the same.
        let cx = told.unwrap();
        world.audit.keep(&cx, cx.deed().unwrap()).await.unwrap();
        let records = eventually("three records", async || {
            let (acme, globex) = (world.records("acme").await, world.records("globex").await);
            (acme.len() >= 2 && !globex.is_empty()).then_some((acme, globex))
        })
        .await;
        let who = |records: &[tessera_contract_audit::AuditRecord]| {
            records.iter().map(|record| record.what.subject.clone()).collect::<Vec<_>>()
        };
        let (mut acme, globex) = (who(&records.0), who(&records.1));
        acme.sort();
        assert_eq!((acme, globex), (vec!["key_1".into(), "operator@machine".into()], vec!["key_2".to_owned()]));
        stop.cancel();
        following.await.unwrap();
        assert_eq!(world.records("acme").await.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_refusal_is_recorded_once_a_minute_whoever_insists() {
    on_every_engine(async |engine| {
        let world = World::open(engine).await;
        let stop = CancellationToken::new();
        let (audit, token) = (world.audit.clone(), stop.clone());
        let keeping = tokio::spawn(async move { audit.keep_refusals(token).await });
        for _ in 0..2 {
            for subject in ["key_1", "key_2"] {
                (0..500).for_each(|_| world.audit.refused(&called("acme", subject), LIST_RECORDS.info()));
            }
            world.clock.advance(std::time::Duration::from_secs(61));
        }
        world.audit.refused(&called("globex", "key_1"), LIST_RECORDS.info());
        let records = eventually("all refusals", async || {
            let (acme, globex) = (world.records("acme").await, world.records("globex").await);
            (acme.len() >= 4 && globex.len() == 1).then_some(acme)
        })
        .await;
        assert_eq!(records.len(), 4);
        assert!(records.iter().all(|record| record.what.outcome == AuditOutcome::Refused));
        stop.cancel();
        keeping.await.unwrap();
    })
    .await;
}

#[test]
fn a_record_reads_what_a_later_version_wrote() {
    let later = serde_json::json!({
        "record_id": "aud_1", "at": "2026-01-01T00:00:00Z", "subject": "key_1", "contract": "new", "operation": "op",
        "outcome": "approved", "targets": [], "request": {}, "request_id": "req_1", "approver": "key_2",
    });
    let record: OperationRecorded = serde_json::from_value(later).unwrap();
    assert_eq!(record.outcome, AuditOutcome::Unknown);
}

//! What staff did is recorded in the commit of its effect, or not at all.

use tessera_contract::{Cx, Deed, Event, Failure, FailureKind, OperationRecorded};
use tessera_store::{Position, Store, params};
use tessera_testing::{cx, on_every_engine};

use crate::basics::{LIST, PUT, TITLES, Title, TitlePut};

/// A call of staff, with its deed bound as the guard does.
fn call(tenant: &str) -> Cx {
    let request = serde_json::json!({"title_id": "ttl_1", "password": "x"});
    cx(tenant).staff(&["titles:write"]).with_deed(Deed::new("titles", "put_title", &request))
}

async fn put(store: &Store, cx: &Cx, id: &str) -> Result<(), Failure> {
    let write = store.write(cx, id.to_owned(), |tx, id| {
        Box::pin(async move {
            tx.execute(PUT, params![id, "x", None::<i64>, None::<Vec<u8>>]).await?;
            tx.emit(&TitlePut { id: id.clone() }).await?;
            match id.starts_with("bad") {
                true => Err(Failure::new(FailureKind::InvalidRequest, "refused after it was written")),
                false => Ok(()),
            }
        })
    });
    write.await
}

/// The records in the store's outbox, with their tenants.
async fn records(store: &Store) -> Vec<(String, OperationRecorded)> {
    let events = store.events_after(Position::default(), 100).await.unwrap().events;
    let recorded = events.into_iter().filter(|(_, event)| event.kind == OperationRecorded::TYPE);
    recorded.map(|(_, event)| (event.tenant.to_string(), serde_json::from_value(event.data).unwrap())).collect()
}

#[tokio::test]
async fn a_call_leaves_one_record_with_the_commit_of_its_first_write_that_holds() {
    on_every_engine(async |engine| {
        let store = engine.open(&TITLES).await;
        put(&store, &cx("acme").staff(&["*"]), "ttl_0").await.unwrap();
        assert!(records(&store).await.is_empty(), "a write that is no recorded operation's");

        let call = call("acme");
        put(&store, &call, "bad").await.unwrap_err();
        assert!(records(&store).await.is_empty(), "what was undone is not recorded");
        assert!(!call.deed().unwrap().is_settled());

        put(&store, &call, "ttl_1").await.unwrap();
        put(&store, &call, "ttl_2").await.unwrap();
        let records = records(&store).await;
        let [(tenant, record)] = &records[..] else { panic!("one record, not {records:?}") };
        assert_eq!((tenant.as_str(), record.subject.as_str()), ("acme", "staff_test"));
        assert_eq!((record.operation.as_str(), record.targets[0].id.as_str()), ("put_title", "ttl_1"));
        assert_eq!(record.request["password"], tessera_contract::REDACTED);
        assert_eq!((record.changes.len(), record.changes[0].subject.as_str()), (1, "ttl_1"));
        assert_eq!(record.at, store.now());
        assert!(call.deed().unwrap().is_settled());
        put(&store, &call.as_service("titles"), "ttl_3").await.unwrap();
        assert_eq!(self::records(&store).await.len(), 1, "a module's own calls are not staff's");
    })
    .await;
}

#[tokio::test]
async fn an_answer_that_is_replayed_is_not_recorded_again() {
    on_every_engine(async |engine| {
        let store = engine.open(&TITLES).await;
        for _ in 0..2 {
            let call = cx("acme").staff(&["*"]).effect("add_title", "key", "request");
            let call = call.with_deed(Deed::new("titles", "add_title", &serde_json::json!({})));
            let write = store.write_once(&call, (), |tx, ()| {
                Box::pin(async move {
                    tx.execute(PUT, params!["ttl_9", "x", None::<i64>, None::<Vec<u8>>]).await?;
                    Ok::<_, Failure>(serde_json::json!({"title": {"title_id": "ttl_9"}, "secret": "s"}))
                })
            });
            write.await.unwrap();
            assert!(call.deed().unwrap().is_settled());
        }
        let records = records(&store).await;
        assert_eq!(records.len(), 1, "{records:?}");
        assert_eq!(records[0].1.targets[0].id, "ttl_9", "what was made is named, from the answer");
    })
    .await;
}

#[tokio::test]
async fn a_write_over_all_tenants_is_recorded_for_the_callers_own() {
    on_every_engine(async |engine| {
        let store = engine.open(&TITLES).await;
        const HOST: &str = "insert into hosts (host, owner) values ($1, $2) on conflict do nothing";
        for (tenant, host) in [("acme", "a.example"), ("globex", "b.example")] {
            let write = store.system_write_for(Some(&call(tenant)), host, |tx, host| {
                Box::pin(async move { tx.execute(HOST, params![*host, "somebody"]).await })
            });
            write.await.map_err(|failure: Failure| failure).unwrap();
        }
        let tenants: Vec<String> = records(&store).await.into_iter().map(|(tenant, _)| tenant).collect();
        assert_eq!(tenants, ["acme", "globex"]);
        let rows: Vec<Title> = store.tenant(&call("acme")).all(LIST, params![]).await.unwrap();
        assert!(rows.is_empty());
    })
    .await;
}

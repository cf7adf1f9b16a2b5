//! Somebody with the database changes history; the check says where.

use tessera_contract::Failure;
use tessera_testing::on_every_engine;

use crate::world::World;

async fn with_five(engine: &tessera_testing::Engine) -> World {
    let world = World::open(engine).await;
    for n in 1..=5 {
        world.done("acme", "key_1", "publish_title", &format!("ttl_{n}")).await;
        world.done("globex", "key_2", "publish_title", &format!("ttl_{n}")).await;
    }
    world
}

async fn tamper(world: &World, sql: &'static str) {
    let write = world.tables.system_write((), move |tx, ()| Box::pin(async move { tx.execute(sql, vec![]).await }));
    let touched: u64 = write.await.map_err(|failure: Failure| failure).unwrap();
    assert!(touched > 0, "{sql} changed nothing");
}

#[tokio::test]
async fn a_trail_that_nobody_touched_holds() {
    on_every_engine(async |engine| {
        let world = with_five(engine).await;
        let acme = "acme".parse().unwrap();
        let first = world.audit.verify(&acme, None).await.unwrap();
        assert_eq!((first.records, first.last, &first.broken), (5, 5, &None));
        world.done("acme", "key_1", "withdraw_title", "ttl_1").await;
        let known = (first.last, first.head.clone());
        let second = world.audit.verify(&acme, Some(&known)).await.unwrap();
        assert_eq!((second.records, &second.broken), (6, &None));
        let nobody = world.audit.verify(&"initech".parse().unwrap(), None).await.unwrap();
        assert_eq!((nobody.records, nobody.broken), (0, None));
        assert_eq!(world.audit.tenants().await.unwrap(), ["acme".parse().unwrap(), "globex".parse().unwrap()]);
    })
    .await;
}

#[tokio::test]
async fn a_removed_altered_or_moved_record_is_noticed_in_its_tenants_trail_alone() {
    on_every_engine(async |engine| {
        const HARM: &[(&str, &str, i64)] = &[
            (
                "altered text",
                "update records set record = replace(record, 'ttl_3', 'ttl_4') \
                where tenant = 'acme' and number = 3",
                3,
            ),
            ("altered column", "update records set subject = 'key_2' where tenant = 'acme' and number = 2", 2),
            ("altered time", "update records set taken_at = taken_at + 1 where tenant = 'acme' and number = 4", 4),
            ("removed from the middle", "delete from records where tenant = 'acme' and number = 3", 4),
            ("removed from the beginning", "delete from records where tenant = 'acme' and number = 1", 2),
            ("removed from the end", "delete from records where tenant = 'acme' and number = 5", 5),
            (
                "beginning cut with its mark",
                "update trails set kept_after = 2, kept_after_hash = \
                (select hash from records where tenant = 'acme' and number = 2) where tenant = 'acme'",
                3,
            ),
            (
                "another's record",
                "update records set record = (select o.record from records o where \
                o.tenant = 'globex' and o.number = 2) where tenant = 'acme' and number = 2",
                2,
            ),
        ];
        for (what, sql, number) in HARM {
            let world = with_five(engine).await;
            if *what == "beginning cut with its mark" {
                tamper(&world, sql).await;
                tamper(&world, "delete from records where tenant = 'acme' and number <= 2").await;
            } else {
                tamper(&world, sql).await;
            }
            let acme = world.audit.verify(&"acme".parse().unwrap(), None).await.unwrap();
            assert_eq!(acme.broken.as_ref().map(|broken| broken.number), Some(*number), "{what}: {acme:?}");
            let globex = world.audit.verify(&"globex".parse().unwrap(), None).await.unwrap();
            assert_eq!((globex.records, globex.broken), (5, None), "{what}");
            tamper(&world, "delete from records").await;
            tamper(&world, "delete from trails").await;
        }
    })
    .await;
}

#[tokio::test]
async fn an_end_that_was_cut_off_with_its_mark_is_noticed_by_who_knew_it() {
    on_every_engine(async |engine| {
        let world = with_five(engine).await;
        let acme = "acme".parse().unwrap();
        let before = world.audit.verify(&acme, None).await.unwrap();
        let known = (before.last, before.head);
        tamper(&world, "delete from records where tenant = 'acme' and number = 5").await;
        let back = "update trails set number = 4, hash = \
            (select hash from records where tenant = 'acme' and number = 4) where tenant = 'acme'";
        tamper(&world, back).await;
        assert_eq!(world.audit.verify(&acme, None).await.unwrap().broken, None, "nothing inside tells");
        let told = world.audit.verify(&acme, Some(&known)).await.unwrap();
        assert_eq!(told.broken.unwrap().number, 5);
        world.done("acme", "key_1", "publish_title", "ttl_other").await;
        let told = world.audit.verify(&acme, Some(&known)).await.unwrap();
        assert_eq!(told.broken.unwrap().number, 5, "another record in its place is another record");
    })
    .await;
}

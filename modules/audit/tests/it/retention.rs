//! What is past its retention goes, and the trail says so and still holds.

use tessera_testing::on_every_engine;

use crate::world::World;

#[tokio::test]
async fn records_are_deleted_after_their_days_and_that_is_recorded_and_the_chain_holds() {
    on_every_engine(async |engine| {
        let world = World::open(engine).await;
        let acme = "acme".parse().unwrap();
        for n in 1..=3 {
            world.done("acme", "key_1", "publish_title", &format!("ttl_{n}")).await;
        }
        world.done("globex", "key_2", "publish_title", "ttl_1").await;
        world.days(6);
        world.done("acme", "key_1", "withdraw_title", "ttl_1").await;
        let before = world.audit.verify(&acme, None).await.unwrap();
        world.days(4);
        assert_eq!(
            world.audit.sweep().await.unwrap(),
            0,
            "ten days are kept, and a day more so that deletions are few"
        );
        world.days(1);
        assert_eq!(world.audit.sweep().await.unwrap(), 4, "three of acme's and one of globex's");
        assert_eq!(world.audit.sweep().await.unwrap(), 0);

        let records = world.records("acme").await;
        let left: Vec<_> = records.iter().map(|record| (record.number, record.what.operation.as_str())).collect();
        assert_eq!(left, [(5, "delete_records"), (4, "withdraw_title")]);
        assert_eq!((&records[0].what.request["records"], &records[0].what.request["through"]), (&3.into(), &3.into()));
        assert_eq!(records[0].what.subject, "service:audit");
        let after = world.audit.verify(&acme, Some(&(before.last, before.head))).await.unwrap();
        assert_eq!((after.records, after.last, after.broken), (2, 5, None));

        // The record of the deletion goes in its turn, and the chain holds by the next one's.
        world.days(30);
        assert_eq!(world.audit.sweep().await.unwrap(), 3);
        world.done("acme", "key_1", "publish_title", "ttl_9").await;
        for tenant in ["acme", "globex"] {
            let verified = world.audit.verify(&tenant.parse().unwrap(), None).await.unwrap();
            assert_eq!(verified.broken, None, "{tenant}");
        }
        assert_eq!(world.records("globex").await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_large_deletion_goes_in_parts() {
    on_every_engine(async |engine| {
        let world = World::open(engine).await;
        let rows = 255;
        for n in 0..rows {
            world.done("acme", "key_1", "publish_title", &format!("ttl_{n}")).await;
        }
        world.days(12);
        assert_eq!(world.audit.sweep().await.unwrap(), rows);
        let verified = world.audit.verify(&"acme".parse().unwrap(), None).await.unwrap();
        assert_eq!((verified.records, verified.broken), (2, None), "two deletions, each in its own commit");
    })
    .await;
}

//! A damaged file: found, and named.

use std::{
    fs::File,
    io::{Seek, SeekFrom, Write},
};

use tessera_contract::FailureKind;
use tessera_store::{Inspector, Position, Store, params};
use tessera_testing::{Engine, cx};

use crate::basics::{LIST, TITLES, Title};

async fn fill(store: &Store) {
    let sql = "with recursive many(n) as (select 1 union all select n + 1 from many where n < 3000) \
        insert into titles (tenant, id, name, published, score) select 'acme', 'flm_' || n, 'Arrival', true, $1 from many";
    let write = store.system_write((), move |tx, ()| Box::pin(async move { tx.execute(sql, params![7.5]).await }));
    write.await.unwrap();
}

#[tokio::test]
async fn a_damaged_page_is_told_by_the_read_that_meets_it_and_named_by_a_look() {
    let engine = Engine::sqlite();
    let store = engine.open(&TITLES).await;
    fill(&store).await;
    store.close().await;
    let path = engine.folder().join("titles.db");
    let mut look = Inspector::open(&engine.config, &TITLES, false).await.unwrap().unwrap();
    assert_eq!(look.damage(true).unwrap(), [""; 0], "sound at first");
    look.close().await;

    let pages = path.metadata().unwrap().len() / 4096;
    let mut file = File::options().write(true).open(&path).unwrap();
    for page in pages / 2..pages / 2 + 8 {
        file.seek(SeekFrom::Start(page * 4096)).unwrap();
        file.write_all(&[0xa5; 200]).unwrap();
    }
    let store = engine.open(&TITLES).await;
    let refused = store.tenant(&cx("acme")).all::<Title>(LIST, vec![]).await.unwrap_err();
    assert_eq!(refused.kind, FailureKind::Unavailable);
    assert!(refused.detail.contains("the titles store: the data is damaged"), "{refused}");
    assert!(refused.detail.contains("tessera doctor --deep") && refused.detail.contains("backup"), "{refused}");
    for served in [true, false] {
        let mut look = Inspector::open(&engine.config, &TITLES, served).await.unwrap().unwrap();
        let found = look.damage(false).unwrap();
        assert!(found.iter().any(|finding| finding.contains("titles")), "{found:?}");
    }
}

#[tokio::test]
async fn a_look_beside_a_running_store_sees_its_latest_commit_and_changes_nothing() {
    for engine in tessera_testing::engines() {
        assert!(Inspector::open(&engine.config, &TITLES, false).await.unwrap().is_none(), "there is nothing yet");
        let store = engine.open(&TITLES).await;
        crate::basics::put(&store, "acme", "one").await.unwrap();
        let mut look = Inspector::open(&engine.config, &TITLES, true).await.unwrap().unwrap();
        assert!(look.oldest_event().await.unwrap().is_some(), "on {}", engine.name);
        assert_eq!(look.dead_jobs().await.unwrap(), []);
        assert_eq!(look.offsets().await.unwrap(), []);
        assert_eq!(look.unread_since(Position::default()).await.unwrap(), look.oldest_event().await.unwrap());
        crate::basics::put(&store, "globex", "two").await.unwrap();
        let titles: Vec<(String,)> = look.all("select tenant from titles order by tenant", vec![]).await.unwrap();
        assert_eq!(titles, [("acme".to_owned(),), ("globex".to_owned(),)], "on {}", engine.name);
        look.close().await;
    }
}

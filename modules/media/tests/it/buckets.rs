//! Files that are fetched from a bucket: a real S3 service, which checks each signature, with what a tenant was given.

use std::{fs, net::SocketAddr, sync::Arc};

use serde_json::{Value, json};
use tessera_contract_media::{CreatePull, Media, MediaError, Pull, PullState};
use tessera_media::MediaConfig;
use tessera_testing::{S3Service, on_every_engine};
use tessera_types::{Clock, ManualClock, SystemClock};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{TcpListener, TcpStream},
};

use crate::{
    pulls::{ended, file, stored},
    world::{World, config, staff},
};

const KEY: &str = "summer 2026/café + crème (1).mov";

/// An S3 service with the film in the bucket `films`.
async fn service() -> Option<S3Service> {
    let service = S3Service::open(&["films"]).await?;
    let object = service.folder().join("films").join(KEY);
    fs::create_dir_all(object.parent().unwrap()).unwrap();
    fs::write(object, file()).unwrap();
    Some(service)
}

/// Settings in which the tenant acme has the bucket `films` of a service, with these changes.
fn given(at: SocketAddr, change: Value) -> MediaConfig {
    let mut bucket = json!({"endpoint": format!("http://{at}"), "region": "eu-central-1", "access_key_id": S3Service::KEY_ID,
        "secret_access_key": S3Service::SECRET, "networks": ["127.0.0.0/8"]});
    bucket.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    let buckets = json!({"acme": {"films": bucket}});
    MediaConfig { pull_buckets: serde_json::from_value(buckets).unwrap(), ..config() }
}

/// A clock at the time that the service has, too.
fn now() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(SystemClock.now()))
}

async fn fetched(world: &World, url: &str) -> Pull {
    let asked = world.media.create_pull(&staff("acme"), CreatePull { url: url.into() }).await.unwrap();
    assert_eq!(asked.host, "films");
    let under_way = "select url from pulls where state = 'pulling'";
    let kept: String = world.media.store().system().scalar(under_way, vec![]).await.unwrap();
    assert_eq!(kept, url, "no signature is kept");
    let working = world.work();
    let pull = ended(world, &asked.upload_id).await;
    working.stop().await;
    pull
}

/// Passes connections on; of the first one's answer only so many bytes.
async fn cutting(to: SocketAddr, bytes: u64) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut most = bytes;
        while let Ok((client, _)) = listener.accept().await {
            let service = TcpStream::connect(to).await.unwrap();
            let ((mut from_client, mut to_client), (from_service, mut to_service)) =
                (client.into_split(), service.into_split());
            tokio::spawn(async move { copy(&mut from_client, &mut to_service).await });
            tokio::spawn(async move {
                let _ = copy(&mut from_service.take(most), &mut to_client).await;
                let _ = to_client.shutdown().await;
            });
            most = u64::MAX;
        }
    });
    at
}

#[tokio::test]
async fn an_object_is_fetched_from_a_private_service_and_goes_on_where_it_was_cut() {
    let Some(service) = service().await else { return };
    on_every_engine(async |engine| {
        let proxy = cutting(service.at, 500_000).await;
        let world = World::open_with(&engine.config, engine.folder().into(), now(), given(proxy, json!({}))).await;
        let done = fetched(&world, &format!("s3://films/{KEY}")).await;
        assert_eq!((done.state, done.length_bytes), (PullState::Complete, Some(file().len() as u64)), "{done:?}");
        assert!(stored(&world, &done.upload_id).await == file(), "other bytes");
        world.submit("acme", done.upload_id).await;
    })
    .await;
}

#[tokio::test]
async fn an_object_that_cannot_be_had_says_why_and_no_secret() {
    let Some(service) = service().await else { return };
    on_every_engine(async |engine| {
        for (change, key, code) in [
            (json!({"secret_access_key": "another one"}), KEY, "source_refused"),
            (json!({"access_key_id": "nobody"}), KEY, "source_refused"),
            (json!({}), "missing.mov", "source_refused"),
            (json!({"networks": []}), KEY, "address_refused"),
            (json!({"networks": ["10.0.0.0/8"]}), KEY, "address_refused"),
        ] {
            let settings = given(service.at, change.clone());
            let world = World::open_with(&engine.config, engine.folder().into(), now(), settings).await;
            let failed = fetched(&world, &format!("s3://films/{key}")).await;
            assert_eq!(failed.failure.as_ref().map(|f| f.code.as_str()), Some(code), "{change}: {failed:?}");
            let said = format!("{failed:?}");
            assert!(!said.contains("not to be seen") && !said.contains("X-Amz"), "{said}");
            world.media.store().close().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_bucket_is_for_the_tenant_alone_that_was_given_it() {
    on_every_engine(async |engine| {
        let settings = given(SocketAddr::from(([127, 0, 0, 1], 9)), json!({}));
        let world = World::open_with(&engine.config, engine.folder().into(), now(), settings).await;
        for (tenant, url) in [
            ("globex", "s3://films/a.mov"),
            ("acme", "s3://others/a.mov"),
            ("acme", "s3://films/../others/a.mov"),
            ("acme", "s3://films/"),
        ] {
            let asked = world.media.create_pull(&staff(tenant), CreatePull { url: url.into() }).await;
            assert!(matches!(asked, Err(MediaError::AddressRefused(_))), "{tenant} {url}: {asked:?}");
        }
    })
    .await;
}

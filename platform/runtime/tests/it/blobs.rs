//! Blobs: whole or not there, and each tenant its own.

use bytes::Bytes;
use futures::stream;
use tessera_contract::{Failure, FailureKind};
use tessera_runtime::{
    blobs::{BlobKey, Blobs, Pin, TenantBlobs},
    config::{self, BlobsConfig, Environment},
};
use tessera_testing::{S3Service, TempDir};

use crate::world::tenant;

fn key(text: &str) -> BlobKey {
    text.parse().unwrap()
}

fn two_tenants() -> (TenantBlobs, TenantBlobs, TempDir) {
    let folder = tessera_testing::temp_dir();
    let blobs = Blobs::folder(&folder.path().join("blobs")).unwrap();
    (blobs.tenant(&tenant("acme")), blobs.tenant(&tenant("globex")), folder)
}

/// `[blobs]` as it is written, with these lines.
fn settings(lines: &str) -> Result<BlobsConfig, String> {
    #[derive(Default, serde::Deserialize)]
    #[serde(default)]
    struct Root {
        blobs: BlobsConfig,
    }
    let root = config::parse::<Root>("tessera.toml", lines, &Environment::of::<&str, &str>([]));
    root.map(|root| root.blobs).map_err(|error| error.to_string())
}

/// `[blobs.s3]` of a bucket of `service`.
fn bucket(service: &S3Service, more: &str) -> BlobsConfig {
    let lines = format!(
        "[blobs.s3]\nbucket = \"blobs\"\nendpoint = \"http://{}\"\naccess_key_id = \"{}\"\nsecret_access_key = \"{}\"\n{more}",
        service.at,
        S3Service::KEY_ID,
        S3Service::SECRET
    );
    settings(&lines).unwrap()
}

/// Runs `test` with the blobs of two tenants in a folder, in a bucket, and in a part of one.
async fn on_every_store(test: impl AsyncFn(TenantBlobs, TenantBlobs)) {
    let (acme, globex, _folder) = two_tenants();
    test(acme, globex).await;
    let Some(service) = S3Service::open(&["blobs"]).await else { return };
    for more in ["", "prefix = \"tessera/one\""] {
        let blobs = Blobs::open(&bucket(&service, more), "/nowhere".as_ref()).unwrap();
        blobs.ping().await.unwrap();
        test(blobs.tenant(&tenant("acme")), blobs.tenant(&tenant("globex"))).await;
    }
    assert!(service.folder().join("blobs/tessera/one/acme").is_dir(), "a prefix goes before every key");
}

#[test]
fn a_section_that_could_mean_two_things_is_refused() {
    assert!(matches!(settings(""), Ok(BlobsConfig::InData)));
    assert!(matches!(settings("blobs.folder = \"/mnt/films\""), Ok(BlobsConfig::Folder(_))));
    for (lines, says) in [
        ("blobs.folder = \"/mnt/films\"\nblobs.s3.bucket = \"films\"", "leave out"),
        ("[blobs.s3]\nbucket = \"films\"\naccess_key_id = \"reader\"", "both or neither"),
        ("[blobs.s3]\nregion = \"eu-central-1\"", "bucket"),
    ] {
        let refused = settings(lines).unwrap_err();
        assert!(refused.contains(says), "{lines}: {refused}");
    }
}

#[tokio::test]
async fn a_bucket_that_cannot_be_had_is_said_and_no_secret_is() {
    let Some(service) = S3Service::open(&["blobs"]).await else { return };
    let BlobsConfig::S3(mut wrong) = bucket(&service, "") else { panic!("a bucket was configured") };
    wrong.secret_access_key = Some(config::Secret::new("another".to_owned()));
    let refused = Blobs::open(&BlobsConfig::S3(wrong.clone()), "/nowhere".as_ref()).unwrap().ping().await.unwrap_err();
    assert_eq!(refused.kind, FailureKind::Unavailable);
    assert!(!format!("{refused:?}{wrong:?}").contains("another"));
    let gone = bucket(&service, "");
    drop(service);
    let blobs = Blobs::open(&gone, "/nowhere".as_ref()).unwrap();
    assert_eq!(blobs.ping().await.unwrap_err().kind, FailureKind::Unavailable);
    let put = blobs.tenant(&tenant("acme")).put(&key("a"), Bytes::new()).await;
    assert_eq!(put.unwrap_err().kind, FailureKind::Unavailable);
}

#[tokio::test]
async fn what_is_put_is_read_whole_in_parts_and_in_pieces() {
    on_every_store(async |blobs, _| read_back(&blobs).await).await;
}

async fn read_back(blobs: &TenantBlobs) {
    let name = key("assets/ast_1/video.mp4");
    assert!(!blobs.exists(&name).await.unwrap());
    blobs.put(&name, Bytes::from_static(b"0123456789")).await.unwrap();
    assert_eq!(blobs.get(&name).await.unwrap(), "0123456789");
    assert_eq!(blobs.get_range(&name, 2..5).await.unwrap(), "234");
    assert_eq!(blobs.get_range(&name, 8..20).await.unwrap(), "89");
    for range in [10..11, 20..30, 5..5] {
        let failure = blobs.get_range(&name, range.clone()).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::InvalidRequest, "{range:?}");
    }
    let (size, pieces) = blobs.get_stream(&name).await.unwrap();
    let pieces: Vec<Bytes> = futures::TryStreamExt::try_collect(pieces).await.unwrap();
    assert_eq!((size, pieces.concat()), (10, b"0123456789".to_vec()));
    blobs.put(&name, Bytes::from_static(b"new")).await.unwrap();
    assert_eq!(blobs.get(&name).await.unwrap(), "new");
    assert_eq!(blobs.info(&name).await.unwrap().size, 3);
    blobs.delete(&name).await.unwrap();
    blobs.delete(&name).await.unwrap();
    assert_eq!(blobs.get(&name).await.unwrap_err().kind, FailureKind::NotFound);
    assert_eq!(blobs.get_range(&name, 0..1).await.unwrap_err().kind, FailureKind::NotFound);
}

#[tokio::test]
async fn a_tenant_sees_its_own_blobs_alone() {
    let (acme, globex, folder) = two_tenants();
    acme.put(&key("a/one"), Bytes::from_static(b"acme")).await.unwrap();
    globex.put(&key("a/one"), Bytes::from_static(b"globex")).await.unwrap();
    assert_eq!(acme.get(&key("a/one")).await.unwrap(), "acme");
    assert_eq!(acme.list(None).await.unwrap().len(), 1);
    acme.delete(&key("a/one")).await.unwrap();
    assert_eq!(globex.get(&key("a/one")).await.unwrap(), "globex");
    assert!(folder.path().join("blobs/globex/a/one").is_file());
}

#[tokio::test]
async fn listing_goes_by_whole_segments_in_order() {
    let (blobs, ..) = two_tenants();
    for name in ["a/b/2", "a/b/10", "a/bc", "z"] {
        blobs.put(&key(name), Bytes::new()).await.unwrap();
    }
    let names = async |prefix: Option<&BlobKey>| -> Vec<String> {
        blobs.list(prefix).await.unwrap().into_iter().map(|info| info.key.to_string()).collect()
    };
    assert_eq!(names(Some(&key("a/b"))).await, ["a/b/10", "a/b/2"]);
    assert_eq!(names(None).await, ["a/b/10", "a/b/2", "a/bc", "z"]);
    assert_eq!(names(Some(&key("none"))).await, [""; 0]);
}

#[tokio::test]
async fn deleting_below_a_prefix_takes_what_a_kill_left_there_and_nothing_else() {
    let (acme, globex, folder) = two_tenants();
    for name in ["a/b/1", "a/b/c/2", "a/bc"] {
        acme.put(&key(name), Bytes::from_static(b"acme")).await.unwrap();
        globex.put(&key(name), Bytes::from_static(b"globex")).await.unwrap();
    }
    // Where a put that is under way has its bytes.
    std::fs::write(folder.path().join("blobs/acme/a/b/3#1"), b"half").unwrap();
    acme.delete_below(&key("a/b")).await.unwrap();
    acme.delete_below(&key("a/b")).await.unwrap();
    assert!(!folder.path().join("blobs/acme/a/b").exists());
    let left: Vec<String> = acme.list(None).await.unwrap().into_iter().map(|info| info.key.to_string()).collect();
    assert_eq!(left, ["a/bc"]);
    assert_eq!(globex.list(None).await.unwrap().len(), 3);
}

#[tokio::test]
async fn every_store_lists_and_deletes_by_whole_segments_and_tenant() {
    on_every_store(async |acme, globex| {
        for name in ["a/b/1", "a/b/2", "a/bc"] {
            acme.put(&key(name), Bytes::from_static(b"x")).await.unwrap();
        }
        globex.put(&key("a/b/1"), Bytes::from_static(b"other")).await.unwrap();
        let names = async || acme.list(None).await.unwrap().into_iter().map(|info| info.key.to_string());
        assert_eq!(names().await.collect::<Vec<_>>(), ["a/b/1", "a/b/2", "a/bc"]);
        assert_eq!(acme.list(Some(&key("a/b"))).await.unwrap().len(), 2);
        acme.delete_below(&key("a/b")).await.unwrap();
        assert_eq!(names().await.collect::<Vec<_>>(), ["a/bc"]);
        assert_eq!(globex.get(&key("a/b/1")).await.unwrap(), "other");
    })
    .await;
}

#[test]
fn a_key_cannot_leave_its_tenant() {
    let bad = [
        "",
        "/",
        "a/",
        "/a",
        "a//b",
        "..",
        "a/../b",
        "./a",
        "a/.hidden",
        "a\\b",
        "a%2f",
        "a b",
        "a#1",
        "ü",
        "a\0",
        &"x".repeat(129),
        &["a"; 13].join("/"),
    ];
    for text in bad {
        assert!(text.parse::<BlobKey>().is_err(), "{text:?} must not be a key");
    }
    assert!(key("a").join("../b").is_err());
    assert_eq!(key("a").join("b.mp4").unwrap().to_string(), "a/b.mp4");
}

#[tokio::test]
async fn a_stream_is_stored_whole_and_a_broken_one_leaves_nothing() {
    on_every_store(async |blobs, _| {
        let piece = Bytes::from(vec![7; 3 * 1024 * 1024]);
        let whole = stream::iter((0..7).map(|_| Ok(piece.clone())));
        assert_eq!(blobs.put_stream(&key("big"), whole).await.unwrap(), 21 * 1024 * 1024);
        assert_eq!(blobs.info(&key("big")).await.unwrap().size, 21 * 1024 * 1024);

        blobs.put(&key("kept"), Bytes::from_static(b"before")).await.unwrap();
        let broken = || {
            let cut = Failure::new(FailureKind::InvalidRequest, "the client went away");
            stream::iter((0..4).map(|_| Ok(piece.clone())).chain([Err(cut)]).collect::<Vec<_>>())
        };
        assert_eq!(blobs.put_stream(&key("kept"), broken()).await.unwrap_err().detail, "the client went away");
        assert!(blobs.put_stream(&key("fresh"), broken()).await.is_err());
        assert_eq!(blobs.get(&key("kept")).await.unwrap(), "before");
        assert_eq!(blobs.list(None).await.unwrap().len(), 2, "no half of a stream is there");
    })
    .await;
}

#[tokio::test]
async fn a_store_that_fails_says_so() {
    let (blobs, _, folder) = two_tenants();
    std::fs::write(folder.path().join("blobs/acme"), b"in the way").unwrap();
    let failure = blobs.put(&key("a"), Bytes::new()).await.unwrap_err();
    assert_eq!((failure.kind, failure.detail.as_str()), (FailureKind::Unavailable, "storing the blob a"));
    assert!(Blobs::folder(&folder.path().join("blobs/acme")).is_err());
}

#[tokio::test]
async fn nothing_is_deleted_while_a_backup_has_the_blobs_pinned() {
    let (acme, globex, folder) = two_tenants();
    let name = key("uploads/upl_1/0");
    for blobs in [&acme, &globex] {
        blobs.put(&name, Bytes::from_static(b"chunk")).await.unwrap();
    }
    let root = folder.path().join("blobs");
    let pin = Pin::take(&root).unwrap().unwrap();
    for refused in [acme.delete(&name).await, globex.delete_below(&key("uploads/upl_1")).await] {
        let failure = refused.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Unavailable);
        assert!(failure.to_string().contains("a backup is being made"), "{failure}");
    }
    acme.put(&key("uploads/upl_2/0"), Bytes::from_static(b"new")).await.unwrap();
    drop(pin);
    acme.delete(&name).await.unwrap();
    globex.delete_below(&key("uploads/upl_1")).await.unwrap();
    assert!(!acme.exists(&name).await.unwrap() && !globex.exists(&name).await.unwrap());
    assert_eq!(acme.list(None).await.unwrap().len(), 1, "the pin itself is no blob");
}

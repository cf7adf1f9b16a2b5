//! Uploads, as tus 1.0.0 has them.

use axum::{body::Body, http::Request};
use tessera_contract::CX_HEADER;
use tessera_contract_media::{CreateAsset, Media, MediaError, Protection};
use tessera_testing::{clock, cx, eventually, on_every_engine, temp_dir};
use tessera_types::UploadId;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
};

use crate::world::{Answer, World, config, staff};

const CHUNK: &str = "application/offset+octet-stream";

async fn head(world: &World, tenant: &str, id: &UploadId) -> Answer {
    world.send(&staff(tenant), Request::head(format!("/media/v1/uploads/{id}")), Body::empty()).await
}

fn noise(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n.wrapping_mul(31) >> 3) as u8).collect()
}

#[tokio::test]
async fn an_upload_grows_by_patches_and_is_resumed_where_it_stands() {
    on_every_engine(async |engine| {
        let world = World::open(engine).await;
        let bytes = noise(200_000);
        let request = Request::post("/media/v1/uploads")
            .header("upload-length", bytes.len())
            .header("upload-metadata", "filename ZmlsbS5tcDQ=");
        let created = world.send(&staff("acme"), request, Body::empty()).await;
        let location = created.header("location").to_owned();
        assert_eq!((created.status, created.header("upload-offset")), (201, "0"));
        assert_eq!(created.header("upload-expires"), "Fri, 16 Jan 2026 12:00:00 GMT");
        let id: UploadId = location.strip_prefix("/media/v1/uploads/").unwrap().parse().unwrap();

        let first = world.patch("acme", &id, 0, bytes[..150_000].to_vec()).await;
        assert_eq!((first.status, first.header("upload-offset")), (204, "150000"));
        let stands = head(&world, "acme", &id).await;
        assert_eq!((stands.header("upload-offset"), stands.header("upload-length")), ("150000", "200000"));
        assert_eq!(
            (stands.header("upload-metadata"), stands.header("cache-control")),
            ("filename ZmlsbS5tcDQ=", "no-store")
        );

        let again = world.patch("acme", &id, 0, bytes[..10].to_vec()).await;
        assert_eq!((again.status, again.code().as_str()), (409, "offset_mismatch"));
        let rest = world.patch("acme", &id, 150_000, bytes[150_000..].to_vec()).await;
        assert_eq!((rest.status, rest.header("upload-offset")), (204, "200000"));
        let mut stored = Vec::new();
        for name in world.blob_names("acme").await {
            stored.extend(world.blob("acme", &name).await);
        }
        assert!(stored == bytes, "the chunks in the order of their names are the upload");
    })
    .await;
}

#[tokio::test]
async fn what_a_server_can_do_is_told_to_anybody() {
    let (folder, store) = world_in_a_folder();
    let world = World::open_with(&store, folder.path().into(), clock(), config()).await;
    let answer = world.send_bare(Request::options("/media/v1/uploads").body(Body::empty()).unwrap()).await;
    assert_eq!((answer.status, answer.header("tus-version")), (204, "1.0.0"));
    assert_eq!(answer.header("tus-extension"), "creation,creation-with-upload,termination,expiration,checksum");
    assert_eq!(
        (answer.header("tus-max-size"), answer.header("tus-checksum-algorithm")),
        ("53687091200", "sha1,sha256")
    );
}

#[tokio::test]
async fn a_request_that_is_not_tus_or_not_allowed_changes_nothing() {
    let (folder, store) = world_in_a_folder();
    let world = World::open_with(&store, folder.path().into(), clock(), config()).await;
    let id = world.begin("acme", 10).await;
    let at = |id: &str| format!("/media/v1/uploads/{id}");
    let patch = |kind: &str, offset: &str| {
        Request::patch(at(id.as_str())).header("content-type", kind).header("upload-offset", offset)
    };
    let post = |name: &str, value: &str| Request::post("/media/v1/uploads").header(name, value);
    let admin = staff("acme");
    for (caller, request, body, status, code) in [
        (&admin, post("upload-length", "many"), "", 400, "invalid_request"),
        (&admin, post("upload-length", "-1"), "", 400, "invalid_request"),
        (&admin, post("upload-defer-length", "1"), "", 400, "invalid_request"),
        (&admin, post("upload-length", "99999999999999"), "", 413, "upload_too_large"),
        (&admin, post("upload-length", "5").header("upload-metadata", "a b c"), "", 400, "invalid_request"),
        (&admin, post("upload-length", "5"), "bytes", 415, "unsupported_media_type"),
        (&admin, post("upload-length", "4").header("content-type", CHUNK), "bytes", 413, "upload_too_large"),
        (&admin, patch("video/mp4", "0"), "bytes", 415, "unsupported_media_type"),
        (&admin, patch(CHUNK, ""), "bytes", 400, "invalid_request"),
        (&admin, patch(CHUNK, "0"), "eleven bytes", 413, "upload_too_large"),
        (&admin, patch(CHUNK, "0").header("upload-checksum", "md5 AAAA"), "bytes", 400, "invalid_request"),
        (&admin, Request::put(at(id.as_str())), "", 405, "method_not_allowed"),
        (&admin, Request::head(at("ttl_1")), "", 400, ""),
        (&admin, Request::head(at("upl_1")), "", 404, ""),
        (&staff("globex"), Request::head(at(id.as_str())), "", 404, ""),
        (&staff("globex"), patch(CHUNK, "0"), "bytes", 404, "upload_not_found"),
        (&staff("globex"), Request::delete(at(id.as_str())), "", 404, "upload_not_found"),
        (&cx("acme").staff(&["media:read"]), patch(CHUNK, "0"), "bytes", 403, "forbidden"),
        (&cx("acme").viewer("acc_1"), patch(CHUNK, "0"), "bytes", 403, "forbidden"),
        (&cx("acme"), patch(CHUNK, "0"), "bytes", 401, "unauthenticated"),
    ] {
        let shown = format!("{request:?} {body:?}");
        let answer = world.send(caller, request, body.to_owned()).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{shown}");
        assert_eq!(answer.header("tus-resumable"), "1.0.0", "{shown}");
    }
    let token = world.signer.sign(&admin, "media").unwrap();
    let old = Request::delete(at(id.as_str())).header(CX_HEADER, token).header("tus-resumable", "0.2.2");
    let old = world.send_bare(old.body(Body::empty()).unwrap()).await;
    assert_eq!((old.status, old.code().as_str(), old.header("tus-version")), (412, "tus_version_unsupported", "1.0.0"));
    assert_eq!(head(&world, "acme", &id).await.header("upload-offset"), "0");
    assert_eq!(world.blob_names("acme").await, [""; 0]);
}

#[tokio::test]
async fn a_body_longer_than_announced_is_refused_when_it_shows() {
    let (folder, store) = world_in_a_folder();
    let world = World::open_with(&store, folder.path().into(), clock(), config()).await;
    let id = world.begin("acme", 100_000).await;
    let pieces = (0..4).map(|_| Ok::<_, std::io::Error>(noise(40_000)));
    let chunked = Body::from_stream(futures::stream::iter(pieces));
    let answer = world.patch("acme", &id, 0, chunked).await;
    assert_eq!((answer.status, answer.code().as_str()), (413, "upload_too_large"));
    assert_eq!(head(&world, "acme", &id).await.header("upload-offset"), "65536", "whole chunks before it count");
}

#[tokio::test]
async fn a_cut_request_keeps_what_arrived() {
    let (folder, store) = world_in_a_folder();
    let world = World::open_with(&store, folder.path().into(), clock(), config()).await;
    let id = world.begin("acme", 300_000).await;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = world.router();
    let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let token = world.signer.sign(&staff("acme"), "media").unwrap();
    let mut client = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "PATCH /media/v1/uploads/{id} HTTP/1.1\r\nhost: acme.localhost\r\n{CX_HEADER}: {token}\r\n\
         tus-resumable: 1.0.0\r\ncontent-type: {CHUNK}\r\nupload-offset: 0\r\ncontent-length: 300000\r\n\r\n"
    );
    client.write_all(request.as_bytes()).await.unwrap();
    client.write_all(&noise(100_000)).await.unwrap();
    client.flush().await.unwrap();
    eventually("the first chunk to count", || async {
        (head(&world, "acme", &id).await.header("upload-offset") == "65536").then_some(())
    })
    .await;
    let second = world.patch("acme", &id, 65_536, noise(10)).await;
    assert_eq!((second.status, second.code().as_str()), (423, "upload_locked"), "one request at a time");
    drop(client);
    eventually("all that arrived to count", || async {
        (head(&world, "acme", &id).await.header("upload-offset") == "100000").then_some(())
    })
    .await;
    let rest = eventually("the lock to be gone", || async {
        let answer = world.patch("acme", &id, 100_000, noise(200_000)).await;
        (answer.status != 423).then_some(answer)
    })
    .await;
    assert_eq!((rest.status, rest.header("upload-offset")), (204, "300000"));
    serving.abort();
}

#[tokio::test]
async fn of_two_processes_that_send_at_once_one_wins() {
    on_every_engine(async |engine| {
        if engine.name == "sqlite" {
            return; // one process at a time has the folder
        }
        let world = World::open(engine).await;
        let other = World::open(engine).await;
        let id = world.begin("acme", 150_000).await;
        let (one, two) =
            tokio::join!(world.patch("acme", &id, 0, noise(150_000)), other.patch("acme", &id, 0, noise(150_000)));
        let mut statuses = [one.status, two.status];
        statuses.sort_unstable();
        assert!(statuses[0] == 409 || statuses == [204, 409], "{statuses:?}");
        let stands: usize = head(&world, "acme", &id).await.header("upload-offset").parse().unwrap();
        let mut stored = 0;
        for name in world.blob_names("acme").await {
            stored += world.blob("acme", &name).await.len();
        }
        assert_eq!(stands, stored, "the loser's chunks are deleted");
    })
    .await;
}

#[tokio::test]
async fn a_checksum_decides_over_the_whole_body() {
    let (folder, store) = world_in_a_folder();
    let world = World::open_with(&store, folder.path().into(), clock(), config()).await;
    let id = world.begin("acme", 5).await;
    let patch = |checksum: &str| {
        let request = Request::patch(format!("/media/v1/uploads/{id}")).header("content-type", CHUNK);
        request.header("upload-offset", 0).header("upload-checksum", checksum)
    };
    let wrong = world.send(&staff("acme"), patch("sha1 AAAAAAAAAAAAAAAAAAAAAAAAAAA="), "hello").await;
    assert_eq!((wrong.status, wrong.code().as_str()), (460, "checksum_mismatch"));
    assert_eq!(
        (head(&world, "acme", &id).await.header("upload-offset"), world.blob_names("acme").await.len()),
        ("0", 0)
    );
    let right = world.send(&staff("acme"), patch("sha1 qvTGHdzF6KLavt4PO0gs2a6pQ00="), "hello").await;
    assert_eq!((right.status, right.header("upload-offset")), (204, "5"));
}

#[tokio::test]
async fn an_upload_may_begin_with_its_bytes_and_be_driven_by_post_alone() {
    let (folder, store) = world_in_a_folder();
    let world = World::open_with(&store, folder.path().into(), clock(), config()).await;
    let request = Request::post("/media/v1/uploads").header("upload-length", 10).header("content-type", CHUNK);
    let created = world.send(&staff("acme"), request, "hello").await;
    assert_eq!((created.status, created.header("upload-offset")), (201, "5"));
    let location = created.header("location").to_owned();
    let overridden = |method: &str| Request::post(&location).header("x-http-method-override", method);
    let patch = overridden("PATCH").header("content-type", CHUNK).header("upload-offset", 5);
    assert_eq!(world.send(&staff("acme"), patch, "world").await.status, 204);
    assert_eq!(world.send(&staff("acme"), overridden("DELETE"), Body::empty()).await.status, 204);
    assert_eq!(world.send(&staff("acme"), Request::head(&location), Body::empty()).await.status, 404);
}

#[tokio::test]
async fn terminated_and_expired_uploads_are_swept() {
    on_every_engine(async |engine| {
        let world = World::open(engine).await;
        let terminated = world.upload("acme", &noise(100)).await;
        let expired = world.upload("acme", &noise(200)).await;
        let theirs = world.begin("globex", 10).await;
        let delete = Request::delete(format!("/media/v1/uploads/{terminated}"));
        assert_eq!(world.send(&staff("acme"), delete, Body::empty()).await.status, 204);
        assert_eq!(head(&world, "acme", &terminated).await.status, 404);
        world.media.sweep().await.unwrap();
        assert_eq!(world.blob_names("acme").await.len(), 1, "the other one's");

        world.clock.advance(std::time::Duration::from_secs(23 * 60 * 60));
        assert_eq!(world.patch("globex", &theirs, 0, noise(5)).await.status, 204, "a patch puts its end off");
        world.clock.advance(std::time::Duration::from_secs(60 * 60));
        assert_eq!(head(&world, "acme", &expired).await.status, 404);
        let request = CreateAsset { upload_id: expired, protection: Protection::Clear, priority: None };
        let refusal = world.media.create_asset(&staff("acme"), request).await.unwrap_err();
        assert!(matches!(refusal, MediaError::UploadNotFound(_)), "{refusal:?}");
        world.media.sweep().await.unwrap();
        assert_eq!(world.blob_names("acme").await, [""; 0]);
        assert_eq!(head(&world, "globex", &theirs).await.status, 200);
    })
    .await;
}

fn world_in_a_folder() -> (tessera_testing::TempDir, tessera_store::StoreConfig) {
    let folder = temp_dir();
    let store = tessera_store::StoreConfig::sqlite(folder.path());
    (folder, store)
}

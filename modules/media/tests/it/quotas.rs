//! What a tenant may have under way, and uploads that lie about their length.

use axum::{body::Body, http::Request};
use tessera_media::MediaConfig;
use tessera_testing::{clock, on_every_engine};

use crate::world::{World, config, staff};

async fn with(engine: &tessera_testing::Engine, adjust: impl FnOnce(&mut MediaConfig)) -> World {
    let mut config = config();
    adjust(&mut config);
    World::open_with(&engine.config, engine.folder().to_owned(), clock(), config).await
}

/// What beginning an upload of this length is answered with.
async fn begin(world: &World, tenant: &str, length: &str) -> (u16, String) {
    let request = Request::post("/media/v1/uploads").header("upload-length", length);
    let answer = world.send(&staff(tenant), request, Body::empty()).await;
    (answer.status, answer.code())
}

#[tokio::test]
async fn a_tenant_has_so_many_bytes_and_uploads_under_way_and_no_more() {
    on_every_engine(async |engine| {
        let world = with(engine, |config| (config.tenant_upload_bytes, config.tenant_uploads) = (1000, 3)).await;
        let (begun, refused) = ((201, String::new()), (409, "upload_quota_exceeded".to_owned()));
        let first = world.begin("acme", 600).await;
        assert_eq!(begin(&world, "acme", "401").await, refused, "more bytes than the quota has left");
        assert_eq!(begin(&world, "globex", "1000").await, begun, "another tenant has its own");
        for _ in 0..2 {
            assert_eq!(begin(&world, "acme", "0").await, begun);
        }
        assert_eq!(begin(&world, "acme", "0").await, refused, "a fourth upload, even of nothing");
        let delete = Request::delete(format!("/media/v1/uploads/{first}"));
        assert_eq!(world.send(&staff("acme"), delete, Body::empty()).await.status, 204);
        assert_eq!(begin(&world, "acme", "1000").await, begun, "what has ended counts no more");
        world.clock.advance(std::time::Duration::from_secs(25 * 60 * 60));
        assert_eq!(begin(&world, "acme", "1000").await, begun, "nor what has expired");
    })
    .await;
}

#[tokio::test]
async fn an_upload_that_became_an_asset_counts_no_more() {
    on_every_engine(async |engine| {
        let world = with(engine, |config| config.tenant_upload_bytes = 1000).await;
        let upload = world.upload("acme", &[0; 900]).await;
        assert_eq!(begin(&world, "acme", "900").await.0, 409);
        world.submit("acme", upload).await;
        assert_eq!(begin(&world, "acme", "900").await.0, 201);
    })
    .await;
}

#[tokio::test]
async fn a_length_that_is_no_length_or_changes_is_refused() {
    on_every_engine(async |engine| {
        let world = with(engine, |_| {}).await;
        for (length, status) in [
            ("-1", 400),
            ("1e9", 400),
            ("+5", 400),
            ("0x10", 400),
            ("", 400),
            ("18446744073709551616", 400),
            ("9223372036854775808", 413),
            ("9223372036854775807", 413),
            ("18446744073709551615", 413),
        ] {
            assert_eq!(begin(&world, "acme", length).await.0, status, "Upload-Length: {length}");
        }
        let id = world.begin("acme", 10).await;
        for (offset, body, status, code) in [
            ("5", "12345", 409, "offset_mismatch"),
            ("9223372036854775807", "1", 413, "upload_too_large"),
            ("18446744073709551615", "1", 413, "upload_too_large"),
            ("-1", "1", 400, "invalid_request"),
            ("0", "12345678901", 413, "upload_too_large"),
        ] {
            let request = Request::patch(format!("/media/v1/uploads/{id}"))
                .header("content-type", "application/offset+octet-stream")
                .header("upload-length", "1000000")
                .header("upload-offset", offset);
            let answer = world.send(&staff("acme"), request, body).await;
            assert_eq!((answer.status, answer.code().as_str()), (status, code), "{body:?} at {offset}");
        }
        assert_eq!(world.patch("acme", &id, 0, "12345").await.status, 204, "a length in a PATCH changes nothing");
        assert_eq!(world.patch("acme", &id, 0, "123").await.code(), "offset_mismatch", "what overlaps what came");
        assert_eq!(world.patch("acme", &id, 5, "67890").await.header("upload-offset"), "10");
        assert_eq!(world.patch("acme", &id, 10, "1").await.code(), "upload_too_large");
    })
    .await;
}

#[tokio::test]
async fn a_process_takes_bytes_of_so_many_uploads_at_a_time() {
    on_every_engine(async |engine| {
        let world = with(engine, |config| config.uploads_at_once = 1).await;
        let (one, two) = (world.begin("acme", 10).await, world.begin("globex", 10).await);
        let (sender, body) = futures::channel::mpsc::unbounded::<Result<Vec<u8>, std::io::Error>>();
        let sending = async { world.patch("acme", &one, 0, Body::from_stream(body)).await.status };
        let meanwhile = async {
            sender.unbounded_send(Ok(vec![0; 5])).unwrap();
            let refused = tessera_testing::eventually("the first upload to be taken", async || {
                let answer = world.patch("globex", &two, 0, "12345").await;
                (answer.status == 503).then_some(answer)
            });
            let refused = refused.await;
            assert_eq!((refused.code().as_str(), refused.header("retry-after")), ("unavailable", "10"));
            sender.close_channel();
        };
        let (sent, ()) = futures::join!(sending, meanwhile);
        assert_eq!(sent, 204);
    })
    .await;
}

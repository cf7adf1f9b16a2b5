//! Files that are fetched from an address: resumed, redirected, refused.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, Response, StatusCode, header},
};
use bytes::Bytes;
use futures::{StreamExt, stream};
use tessera_contract_media::{CreatePull, GetPull, Media, MediaError, Pull, PullState};
use tessera_media::MediaConfig;
use tessera_store::{JobState, params};
use tessera_testing::{clock, eventually, on_every_engine};
use tessera_types::UploadId;

use crate::world::{World, config, staff};

/// Requests that are cut in their middle, before the others are answered whole.
const CUTS: usize = 3;

/// A server of one file, whose paths say how it behaves.
struct Films {
    at: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

#[derive(Clone)]
struct Shelf {
    file: Bytes,
    requests: Arc<AtomicUsize>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Films {
    async fn open(file: &[u8]) -> Self {
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let shelf = Shelf { file: Bytes::copy_from_slice(file), requests: Arc::default(), asked: asked.clone() };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer).with_state(shelf)).await });
        Self { at, asked }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.at)
    }
}

async fn answer(State(shelf): State<Shelf>, request: Request) -> Response<Body> {
    let (path, headers) = (request.uri().path().to_owned(), request.headers());
    let range = headers.get(header::RANGE).map(|range| range.to_str().unwrap().to_owned());
    shelf.asked.lock().unwrap().push(format!("{path} {}", range.as_deref().unwrap_or("whole")));
    let number = shelf.requests.fetch_add(1, Ordering::SeqCst);
    let from: usize = range.and_then(|r| r.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()).unwrap_or(0);
    let response = Response::builder();
    let to = |place: &str| Response::builder().status(302).header(header::LOCATION, place).body(Body::empty()).unwrap();
    match path.as_str() {
        "/film" => whole(&shelf.file, from, "\"a\""),
        "/cut" if number < CUTS => cut(&shelf.file, from),
        "/cut" => whole(&shelf.file, from, "\"a\""),
        "/cut-without-ranges" if number < CUTS => cut(&shelf.file, 0),
        "/cut-without-ranges" => whole(&shelf.file, 0, "\"a\""),
        "/changes" if number == 0 => cut(&shelf.file, from),
        "/changes" => whole(&shelf.file, from, "\"b\""),
        "/moved" => to("film"),
        "/round" => to("/round"),
        "/to-metadata" => to("http://169.254.169.254/latest/meta-data/"),
        "/to-file" => to("file:///etc/passwd"),
        "/endless" => response.body(Body::from_stream(stream::iter([Ok::<_, std::io::Error>("a")]))).unwrap(),
        _ => response.status(404).body(Body::empty()).unwrap(),
    }
}

fn head(file: &Bytes, from: usize, etag: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_LENGTH, (file.len() - from).into());
    headers.insert(header::ETAG, etag.parse().unwrap());
    if from > 0 {
        let range = format!("bytes {from}-{}/{}", file.len() - 1, file.len());
        headers.insert(header::CONTENT_RANGE, range.parse().unwrap());
    }
    headers
}

fn whole(file: &Bytes, from: usize, etag: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(file.slice(from..)));
    *response.headers_mut() = head(file, from, etag);
    if from > 0 {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    response
}

/// A quarter of the file, and then nothing.
fn cut(file: &Bytes, from: usize) -> Response<Body> {
    let some = file.slice(from..(from + file.len() / 4).min(file.len()));
    let mut response = whole(file, from, "\"a\"");
    // What waits for nothing is not sent before it breaks.
    let broken = stream::once(async {
        tokio::task::yield_now().await;
        Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset))
    });
    *response.body_mut() = Body::from_stream(stream::iter([Ok(some)]).chain(broken));
    response
}

fn allowing() -> MediaConfig {
    MediaConfig { pull_networks: vec!["127.0.0.0/8".parse().unwrap()], chunk_bytes: 64 * 1024, ..config() }
}

async fn pull(world: &World, url: String) -> UploadId {
    let pull = world.media.create_pull(&staff("acme"), CreatePull { url }).await.unwrap();
    assert_eq!((pull.state, pull.received_bytes, pull.host.as_str()), (PullState::Pulling, 0, "127.0.0.1"));
    pull.upload_id
}

/// The pull once it has ended. Time passes while it waits for its next attempt, so that it begins it.
pub(crate) async fn ended(world: &World, id: &UploadId) -> Pull {
    let (jobs, caller) = (world.media.store().jobs(), staff("acme").build());
    eventually("the pull to end", async || {
        let job = jobs.get(&caller, "pull", id.as_str()).await.unwrap();
        if job.is_some_and(|job| job.state == JobState::Queued) {
            world.clock.advance(Duration::from_secs(1));
        }
        let request = GetPull { upload_id: id.clone() };
        let pull = world.media.get_pull(&staff("acme"), request).await.unwrap();
        (pull.state != PullState::Pulling).then_some(pull)
    })
    .await
}

/// An upload's bytes as they are stored.
pub(crate) async fn stored(world: &World, id: &UploadId) -> Vec<u8> {
    const CHUNKS: &str = "select blob from upload_chunks where upload_id = $1 order by first_byte";
    let names: Vec<(String,)> = world.media.store().system().all(CHUNKS, params![id]).await.unwrap();
    let mut bytes = Vec::new();
    for (name,) in names {
        bytes.extend(world.blob("acme", &name).await);
    }
    bytes
}

pub(crate) fn file() -> Vec<u8> {
    (0..400_000_u32).flat_map(u32::to_le_bytes).collect()
}

#[tokio::test]
async fn a_file_is_fetched_whole_over_redirects_and_goes_on_where_it_was_cut() {
    let file = file();
    on_every_engine(async |engine| {
        for path in ["film", "moved", "cut", "cut-without-ranges"] {
            let films = Films::open(&file).await;
            let world = World::open_with(&engine.config, engine.folder().into(), clock(), allowing()).await;
            let working = world.work();
            let id = pull(&world, films.url(path)).await;
            let done = ended(&world, &id).await;
            working.stop().await;
            let length = Some(file.len() as u64);
            assert_eq!((done.state, done.length_bytes), (PullState::Complete, length), "{path}: {done:?}");
            assert!(stored(&world, &id).await == file, "{path}: other bytes");
            let asked = films.asked.lock().unwrap().clone();
            match path {
                "film" => assert_eq!(asked, ["/film whole"]),
                "moved" => assert_eq!(asked, ["/moved whole", "/film whole"]),
                _ => assert!(asked.len() == CUTS + 1 && asked[1].contains("bytes="), "{asked:?}"),
            }
            world.submit("acme", id).await;
            world.media.store().close().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_file_that_cannot_be_had_says_why() {
    let file = file();
    on_every_engine(async |engine| {
        for (path, code) in [
            ("missing", "source_refused"),
            ("round", "source_refused"),
            ("changes", "source_changed"),
            ("endless", "length_unknown"),
            ("to-metadata", "address_refused"),
            ("to-file", "address_refused"),
        ] {
            let films = Films::open(&file).await;
            let world = World::open_with(&engine.config, engine.folder().into(), clock(), allowing()).await;
            let working = world.work();
            let id = pull(&world, films.url(path)).await;
            let failed = ended(&world, &id).await;
            working.stop().await;
            assert_eq!(failed.failure.as_ref().map(|f| f.code.as_str()), Some(code), "{path}: {failed:?}");
            let url = "select count(*) from pulls where url is not null";
            let kept: i64 = world.media.store().system().scalar(url, vec![]).await.unwrap();
            assert_eq!(kept, 0, "the address is forgotten");
            world.media.store().close().await;
        }
    })
    .await;
}

#[tokio::test]
async fn nothing_of_this_machine_is_asked_unless_it_is_allowed() {
    on_every_engine(async |engine| {
        let films = Films::open(b"secret").await;
        let world = World::open(engine).await;
        let by_name = format!("http://localhost:{}/film", films.at.port());
        for url in [films.url("film"), "http://169.254.169.254/latest/".into(), "http://u:p@films.example/".into()] {
            let refused = world.media.create_pull(&staff("acme"), CreatePull { url }).await.unwrap_err();
            assert!(matches!(refused, MediaError::AddressRefused(_)), "{refused:?}");
        }
        let working = world.work();
        let made = world.media.create_pull(&staff("acme"), CreatePull { url: by_name }).await.unwrap();
        let failed = ended(&world, &made.upload_id).await;
        working.stop().await;
        assert_eq!(
            failed.failure.map(|f| f.code).as_deref(),
            Some("address_refused"),
            "a name is looked up, then checked"
        );
        assert_eq!(films.asked.lock().unwrap().len(), 0, "nothing was sent");
    })
    .await;
}

#[tokio::test]
async fn a_file_goes_on_after_the_server_was_killed_and_ends_when_it_is_too_large_or_too_slow() {
    let file = file();
    on_every_engine(async |engine| {
        let clock = clock();
        let open = async |config| World::open_with(&engine.config, engine.folder().into(), clock.clone(), config).await;
        let films = Films::open(&file).await;
        let world = open(allowing()).await;
        let working = world.work();
        let id = pull(&world, films.url("cut")).await;
        eventually("some of it to be here", async || {
            let pull = world.media.get_pull(&staff("acme"), GetPull { upload_id: id.clone() }).await.unwrap();
            (pull.received_bytes > 0).then_some(())
        })
        .await;
        working.kill().await;
        world.media.store().close().await;
        clock.advance(Duration::from_secs(60)); // the killed process's lease runs out
        let world = open(allowing()).await;
        let working = world.work();
        assert_eq!(ended(&world, &id).await.state, PullState::Complete);
        assert!(stored(&world, &id).await == file, "other bytes");
        working.stop().await;
        world.media.store().close().await;

        let world = open(MediaConfig { max_upload_bytes: 1000, ..allowing() }).await;
        let working = world.work();
        let id = pull(&world, films.url("film")).await;
        assert_eq!(ended(&world, &id).await.failure.map(|f| f.code).as_deref(), Some("too_large"));
        working.stop().await;
        let id = pull(&world, films.url("film")).await;
        clock.advance(Duration::from_secs(7 * 60 * 60));
        let working = world.work();
        assert_eq!(ended(&world, &id).await.failure.map(|f| f.code).as_deref(), Some("too_slow"));
        working.stop().await;
    })
    .await;
}

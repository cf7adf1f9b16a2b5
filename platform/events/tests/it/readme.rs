//! The example of the store's README, as it stands there.

use std::sync::Arc;

use tessera_contract::{CloudEvent, Cx, Event, Failure};
use tessera_events::{Consumer, HandlerError, Log, decode};
use tessera_store::{Job, JobError, Migration, Module, Store, Tx, WorkerOptions, params};
use tessera_testing::{cx, eventually, on_every_engine};
use tokio_util::sync::CancellationToken;

#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
struct FilmPublished {
    id: String,
    name: String,
    version: i64,
}

impl Event for FilmPublished {
    const TYPE: &'static str = "tessera.films.film.published.v1";
    fn subject(&self) -> String {
        self.id.clone()
    }
    fn version(&self) -> i64 {
        self.version
    }
}

static FILMS: Module = Module {
    name: "films",
    migrations: &[Migration { name: "0001_films", sql: include_str!("migrations/0001_films.sql"), postgres: None }],
};

static SHELVES: Module = Module {
    name: "shelves",
    migrations: &[Migration {
        name: "0001_shelves",
        sql: "create table shelves (tenant text not null, film text not null, name text not null, \
              primary key (tenant, film))",
        postgres: None,
    }],
};

// README: store.rs
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
struct Film {
    id: String,
    name: String,
    version: i64,
}

// All SQL of the module as constants. `$1` is the tenant, and the handle binds it.
const BY_ID: &str = "select id, name, version from films where tenant = $1 and id = $2";
const PAGE: &str = "select id, name, version from films where tenant = $1 and id > $2 order by id limit $3";
const ADD: &str = "insert into films (tenant, id, name, version) values ($1, $2, $3, 1) \
    on conflict do nothing returning id, name, version";
const RENAME: &str = "update films set name = $3, version = version + 1 \
    where tenant = $1 and id = $2 and version = $4 returning id, name, version";

struct Films {
    store: Store,
}

impl Films {
    async fn film(&self, cx: &Cx, id: &str) -> Result<Option<Film>, Failure> {
        self.store.tenant(cx).optional(BY_ID, params![id]).await
    }

    async fn page(&self, cx: &Cx, after: &str, limit: u32) -> Result<Vec<Film>, Failure> {
        self.store.tenant(cx).all(PAGE, params![after, limit]).await
    }

    /// Adds a film once for an idempotency key. The row, its event, its job and the kept answer are one commit.
    async fn add(&self, cx: &Cx, id: &str, name: &str) -> Result<Film, Failure> {
        let input = (id.to_owned(), name.to_owned());
        self.store
            .write_once(cx, input, |tx, (id, name)| {
                Box::pin(async move {
                    let film: Option<Film> = tx.optional(ADD, params![id, name]).await?;
                    let film = film.ok_or_else(|| Failure::invalid("id", "there is a film with this id"))?;
                    published(tx, &film).await?;
                    tx.enqueue("poster", id, &film, tx.now()).await?;
                    Ok(film)
                })
            })
            .await
    }

    /// Renames a film if nobody else has edited it since `expected` was read.
    async fn rename(&self, cx: &Cx, id: &str, name: &str, expected: i64) -> Result<Film, Failure> {
        let input = (id.to_owned(), name.to_owned());
        self.store
            .write(cx, input, move |tx, (id, name)| {
                Box::pin(async move {
                    if let Some(film) = tx.optional::<Film>(RENAME, params![id, name, expected]).await? {
                        published(tx, &film).await?;
                        return Ok(film);
                    }
                    let current: Option<Film> = tx.optional(BY_ID, params![id]).await?;
                    Err(Failure::version_conflict(expected, current.map_or(0, |film| film.version)))
                })
            })
            .await
    }
}

async fn published(tx: &mut Tx, film: &Film) -> Result<(), Failure> {
    let Film { id, name, version } = film.clone();
    tx.emit(&FilmPublished { id, name, version }).await
}
// README: end

// README: job
async fn make_poster(job: Arc<Job>) -> Result<(), JobError> {
    let film: Film = job.payload()?;
    job.progress(50, &format!("drawing {}", film.name)).await?;
    // …call other modules or write with `&job.cx()`…
    Ok(())
}

fn work(store: &Store, shutdown: CancellationToken) -> tokio::task::JoinHandle<()> {
    let jobs = store.jobs();
    tokio::spawn(async move { jobs.run("poster", WorkerOptions::concurrency(2), make_poster, shutdown).await })
}
// README: end

// README: consumer
fn follow_films(films: Log, shelves: &Store, shutdown: CancellationToken) -> tokio::task::JoinHandle<()> {
    let consumer = Consumer::new("shelves.films", films, shelves).on::<FilmPublished>().latest_only();
    tokio::spawn(consumer.run(|tx, event| Box::pin(shelve(tx, event)), shutdown))
}

async fn shelve(tx: &mut Tx, event: &CloudEvent) -> Result<(), HandlerError> {
    const PUT: &str = "insert into shelves (tenant, film, name) values ($1, $2, $3) \
        on conflict (tenant, film) do update set name = excluded.name";
    let film: FilmPublished = decode(event)?;
    tx.execute(PUT, params![film.id, film.name]).await?;
    Ok(())
}
// README: end

#[tokio::test]
async fn the_example_of_the_readme_runs() {
    on_every_engine(async |engine| {
        let films = Films { store: engine.open(&FILMS).await };
        let shelves = engine.open(&SHELVES).await;
        let shutdown = CancellationToken::new();
        let running =
            [work(&films.store, shutdown.clone()), follow_films(Log::of(&films.store), &shelves, shutdown.clone())];

        let acme = cx("acme").staff(&["films:write"]).effect("add", "key-1", "same");
        let film = films.add(&acme, "flm_1", "Arival").await.unwrap();
        assert_eq!(films.add(&acme, "flm_1", "Arival").await.unwrap(), film, "the kept answer");
        films.rename(&acme, "flm_1", "Arrival", 1).await.unwrap();
        films.rename(&acme, "flm_1", "Late", 1).await.unwrap_err();
        assert_eq!(films.film(&acme, "flm_1").await.unwrap().unwrap().name, "Arrival");
        assert_eq!(films.page(&cx("globex"), "", 10).await.unwrap(), vec![]);

        let shelved = "select name from shelves where tenant = $1 and film = $2";
        eventually("the film on its shelf", async || {
            let name: Option<(String,)> = shelves.tenant(&acme).optional(shelved, params!["flm_1"]).await.unwrap();
            name.filter(|(name,)| name == "Arrival")
        })
        .await;
        eventually("the poster", async || {
            let job = films.store.jobs().get(&acme, "poster", "flm_1").await.unwrap().unwrap();
            (job.progress == 100).then_some(())
        })
        .await;
        shutdown.cancel();
        for task in running {
            task.await.unwrap();
        }
    })
    .await;
}

#[test]
fn the_readme_shows_this_very_code() {
    let readme = include_str!("../../../store/README.md");
    let parts = include_str!("readme.rs").split("// README: ").filter(|part| !part.starts_with("end")).skip(1);
    let parts: Vec<_> = parts.take(3).map(|part| part.split_once('\n').unwrap()).collect();
    for (name, code) in parts {
        assert!(readme.contains(code.trim()), "README.md's example of {name} differs from readme.rs");
    }
    assert!(readme.contains(include_str!("migrations/0001_films.sql").trim()), "README.md's migration differs");
}

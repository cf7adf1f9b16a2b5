//! Durable jobs: each runs, none is lost, and a failing one ends.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use tessera_contract::{Failure, FailureKind};
use tessera_store::{Job, JobError, JobState, JobView, Store, WorkerOptions};
use tessera_testing::{clock, cx, eventually, on_every_engine};
use tokio::{sync::Notify, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::basics::TITLES;

const KIND: &str = "draw";

fn options() -> WorkerOptions {
    WorkerOptions {
        concurrency: 2,
        attempts: 3,
        poll: Duration::from_millis(5),
        grace: Duration::ZERO,
        ..WorkerOptions::default()
    }
}

/// Queues a job due in `seconds`.
pub(crate) async fn enqueue(store: &Store, tenant: &str, key: &str, seconds: u64) -> bool {
    let run_at = store.now().plus(Duration::from_secs(seconds));
    let queued = store.write(&cx(tenant), key.to_owned(), move |tx, key| {
        Box::pin(async move { tx.enqueue(KIND, key, &serde_json::json!({"key": key}), run_at).await })
    });
    Result::<bool, Failure>::unwrap(queued.await)
}

fn work<H, F>(store: &Store, options: WorkerOptions, handler: H) -> (CancellationToken, JoinHandle<()>)
where
    H: Fn(Arc<Job>) -> F + Send + Sync + 'static,
    F: Future<Output = Result<(), JobError>> + Send + 'static,
{
    let (jobs, stop) = (store.jobs(), CancellationToken::new());
    let until = stop.clone();
    (stop, tokio::spawn(async move { jobs.run(KIND, options, handler, until).await }))
}

async fn job(store: &Store, tenant: &str, key: &str) -> JobView {
    store.jobs().get(&cx(tenant), KIND, key).await.unwrap().expect("the job was enqueued")
}

async fn reaches(store: &Store, tenant: &str, key: &str, state: JobState) -> JobView {
    eventually(&format!("{key} to be {state:?}"), async || {
        Some(job(store, tenant, key).await).filter(|job| job.state == state)
    })
    .await
}

#[tokio::test]
async fn a_job_is_unique_by_tenant_kind_and_key() {
    on_every_engine(async |engine| {
        let store = engine.open(&TITLES).await;
        assert!(enqueue(&store, "acme", "a", 0).await);
        assert!(!enqueue(&store, "acme", "a", 0).await);
        assert!(enqueue(&store, "globex", "a", 0).await);
        assert!(enqueue(&store, "acme", "b", 0).await);
        let listed = store.jobs().list(&cx("acme"), KIND, "a", 10).await.unwrap();
        assert_eq!(listed.iter().map(|job| job.key.as_str()).collect::<Vec<_>>(), ["b"]);
    })
    .await;
}

#[tokio::test]
async fn jobs_run_once_due_with_their_payload_and_progress() {
    on_every_engine(async |engine| {
        let clock = clock();
        let store = engine.open_at(&TITLES, clock.clone()).await;
        enqueue(&store, "acme", "now", 0).await;
        enqueue(&store, "acme", "later", 60).await;
        let (stop, worker) = work(&store, options(), |job| async move {
            let payload: serde_json::Value = job.payload()?;
            job.progress(40, "half way").await?;
            match payload["key"] == job.key.as_str() && job.cx().tenant.as_str() == "acme" {
                true => Ok(()),
                false => Err(JobError::Dead(Failure::new(FailureKind::Internal, payload.to_string()))),
            }
        });
        let done = reaches(&store, "acme", "now", JobState::Done).await;
        assert_eq!((done.progress, done.message.as_deref(), done.attempts), (100, Some("half way"), 1));
        assert_eq!(job(&store, "acme", "later").await.state, JobState::Queued);
        clock.advance(Duration::from_secs(60));
        reaches(&store, "acme", "later", JobState::Done).await;
        stop.cancel();
        worker.await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_failing_job_backs_off_and_ends_dead_with_its_last_error() {
    on_every_engine(async |engine| {
        let clock = clock();
        let store = engine.open_at(&TITLES, clock.clone()).await;
        for key in ["fails", "panics", "gives-up"] {
            enqueue(&store, "acme", key, 0).await;
        }
        let (stop, worker) = work(&store, options(), |job| async move {
            match job.key.as_str() {
                "panics" => panic!("a bug"),
                "gives-up" => Err(JobError::Dead(Failure::new(FailureKind::InvalidRequest, "not a film"))),
                _ => Err(Failure::new(FailureKind::Unavailable, format!("attempt {}", job.attempt)).into()),
            }
        });
        assert_eq!(reaches(&store, "acme", "gives-up", JobState::Dead).await.attempts, 1);
        for attempt in 1..3 {
            let failed = eventually("the attempt to fail", async || {
                let job = job(&store, "acme", "fails").await;
                (job.state == JobState::Queued && job.attempts == attempt).then_some(job)
            })
            .await;
            assert!(failed.run_at_us > store.now().as_micros(), "it waits before the next attempt");
            clock.advance(Duration::from_secs(4));
        }
        assert_eq!(reaches(&store, "acme", "fails", JobState::Dead).await.error.as_deref(), Some("attempt 3"));
        reaches(&store, "acme", "panics", JobState::Dead).await;
        assert!(store.jobs().retry(&cx("acme"), KIND, "fails", store.now()).await.unwrap());
        assert!(!store.jobs().retry(&cx("acme"), KIND, "unknown", store.now()).await.unwrap());
        stop.cancel();
        worker.await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn many_workers_run_each_job_once() {
    on_every_engine(async |engine| {
        let store = engine.open(&TITLES).await;
        for n in 0..20 {
            enqueue(&store, "acme", &format!("job-{n:02}"), 0).await;
        }
        let seen = Arc::new(Mutex::new(Vec::new()));
        let workers: Vec<_> = (0..3)
            .map(|_| {
                let seen = seen.clone();
                work(&store, options(), move |job| {
                    seen.lock().unwrap().push(job.key.clone());
                    async { Ok(()) }
                })
            })
            .collect();
        eventually("all jobs done", async || {
            let jobs = store.jobs().list(&cx("acme"), KIND, "", 100).await.unwrap();
            jobs.iter().all(|job| job.state == JobState::Done).then_some(())
        })
        .await;
        for (stop, worker) in workers {
            stop.cancel();
            worker.await.unwrap();
        }
        let mut seen = seen.lock().unwrap().clone();
        seen.sort();
        assert_eq!(seen, (0..20).map(|n| format!("job-{n:02}")).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test]
async fn an_expired_lease_passes_to_another_worker_and_the_first_is_dropped() {
    on_every_engine(async |engine| {
        let clock = clock();
        let store = engine.open_at(&TITLES, clock.clone()).await;
        enqueue(&store, "acme", "a", 0).await;
        let begun = Arc::new(Notify::new());
        let quick = WorkerOptions { concurrency: 1, lease: Duration::from_secs(30), ..options() };
        // Its heartbeats come every ten real seconds; the clock passes the lease at once.
        let (first_stop, first) = work(&store, quick.clone(), {
            let begun = begun.clone();
            move |_| {
                begun.notify_one();
                std::future::pending()
            }
        });
        begun.notified().await;
        clock.advance(Duration::from_secs(31));
        let (stop, second) = work(&store, quick, |_| async { Ok(()) });
        assert_eq!(reaches(&store, "acme", "a", JobState::Done).await.attempts, 2);
        first_stop.cancel();
        stop.cancel();
        first.await.unwrap();
        second.await.unwrap();
        assert_eq!(job(&store, "acme", "a").await.state, JobState::Done, "the first worker changes nothing any more");
    })
    .await;
}

#[tokio::test]
async fn a_heartbeat_keeps_a_long_job_and_a_lost_lease_drops_its_handler() {
    on_every_engine(async |engine| {
        let clock = clock();
        let store = engine.open_at(&TITLES, clock.clone()).await;
        enqueue(&store, "acme", "a", 0).await;
        let (begun, dropped) = (Arc::new(Notify::new()), Arc::new(AtomicU32::new(0)));
        let short = WorkerOptions { lease: Duration::from_millis(30), ..options() };
        let (stop, worker) = work(&store, short, {
            let (begun, dropped) = (begun.clone(), dropped.clone());
            move |_| {
                let (begun, guard) = (begun.clone(), CountDrop(dropped.clone()));
                async move {
                    begun.notify_one();
                    std::future::pending::<()>().await;
                    drop(guard);
                    Ok(())
                }
            }
        });
        begun.notified().await;
        let lease = "select lease_until_us from tessera_jobs where key = $1";
        let until: i64 = store.system().scalar(lease, tessera_store::params!["a"]).await.unwrap();
        clock.advance(Duration::from_millis(20));
        eventually("a heartbeat", async || {
            let now: i64 = store.system().scalar(lease, tessera_store::params!["a"]).await.unwrap();
            (now > until).then_some(())
        })
        .await;
        let steal = "update tessera_jobs set lease_owner = 'someone else' where key = 'a'";
        let stolen = store.system_write((), move |tx, ()| Box::pin(async move { tx.execute(steal, vec![]).await }));
        assert_eq!(Result::<u64, Failure>::unwrap(stolen.await), 1);
        eventually("the handler to be dropped", async || (dropped.load(Ordering::SeqCst) > 0).then_some(())).await;
        stop.cancel();
        worker.await.unwrap();
    })
    .await;
}

struct CountDrop(Arc<AtomicU32>);

impl Drop for CountDrop {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_worker_that_stops_releases_its_jobs_at_once() {
    on_every_engine(async |engine| {
        let store = engine.open(&TITLES).await;
        enqueue(&store, "acme", "a", 0).await;
        let begun = Arc::new(Notify::new());
        let (stop, worker) = work(&store, options(), {
            let begun = begun.clone();
            move |_| {
                begun.notify_one();
                std::future::pending()
            }
        });
        begun.notified().await;
        stop.cancel();
        worker.await.unwrap();
        let released = job(&store, "acme", "a").await;
        assert_eq!((released.state, released.attempts), (JobState::Queued, 0));
    })
    .await;
}

#[tokio::test]
async fn a_job_that_is_put_off_waits_and_loses_no_attempt() {
    let (engine, clock) = (tessera_testing::Engine::sqlite(), clock());
    let store = engine.open_at(&TITLES, clock.clone()).await;
    enqueue(&store, "acme", "big", 0).await;
    let room = Arc::new(AtomicBool::new(false));
    let there = room.clone();
    let (stop, worker) = work(&store, options(), move |job| {
        let room = there.load(Ordering::SeqCst);
        async move {
            let full = || Failure::new(FailureKind::Unavailable, "the disk is full");
            assert_eq!(job.attempt, 1, "none of those before counts");
            if room { Ok(()) } else { Err(JobError::Later(full(), Duration::from_secs(10))) }
        }
    });
    for _ in 0..5 {
        let waiting = eventually("the job to be put off", async || {
            let job = job(&store, "acme", "big").await;
            let later = store.now().plus(Duration::from_secs(10)).as_micros();
            (job.state == JobState::Queued && job.run_at_us == later).then_some(job)
        })
        .await;
        assert_eq!((waiting.attempts, waiting.error.as_deref()), (0, Some("the disk is full")));
        clock.advance(Duration::from_secs(11));
    }
    room.store(true, Ordering::SeqCst);
    clock.advance(Duration::from_secs(11));
    reaches(&store, "acme", "big", JobState::Done).await;
    stop.cancel();
    worker.await.unwrap();
}

/// Sets a job's priority.
async fn prioritize(store: &Store, tenant: &str, key: &str, priority: i64) -> u64 {
    let write = store.write(&cx(tenant), key.to_owned(), move |tx, key| {
        Box::pin(async move { tx.prioritize(KIND, key, priority).await })
    });
    Result::<u64, Failure>::unwrap(write.await)
}

#[tokio::test]
async fn tenants_take_turns_and_a_tenants_own_jobs_go_by_priority() {
    on_every_engine(async |engine| {
        let clock = clock();
        let store = engine.open_at(&TITLES, clock.clone()).await;
        for key in ["a", "b", "c", "c/1"] {
            enqueue(&store, "acme", key, 0).await;
            clock.advance(Duration::from_millis(1));
        }
        for tenant in ["globex", "initech"] {
            enqueue(&store, tenant, "only", 0).await;
            clock.advance(Duration::from_millis(1));
        }
        assert_eq!(prioritize(&store, "acme", "c", 5).await, 2, "the job and the one below it");
        assert_eq!(prioritize(&store, "globex", "c", 9).await, 0, "another tenant's is not reached");
        let (order, options) = (Arc::new(Mutex::new(Vec::new())), WorkerOptions { per_tenant: Some(1), ..options() });
        loop {
            clock.advance(Duration::from_millis(1));
            let order = order.clone();
            let handler = move |job: Arc<Job>| {
                order.lock().unwrap().push(format!("{} {}", job.tenant, job.key));
                async { Ok(()) }
            };
            if !store.jobs().run_next(KIND, options.clone(), handler).await.unwrap() {
                break;
            }
        }
        let expected = ["acme c", "globex only", "initech only", "acme c/1", "acme a", "acme b"];
        assert_eq!(*order.lock().unwrap(), expected);
    })
    .await;
}

#[tokio::test]
async fn a_tenant_has_so_many_jobs_running_and_no_more() {
    on_every_engine(async |engine| {
        let store = engine.open(&TITLES).await;
        for key in ["a", "b", "c"] {
            enqueue(&store, "acme", key, 0).await;
        }
        enqueue(&store, "globex", "a", 0).await;
        let (begun, counted) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Notify::new()));
        let options = WorkerOptions { concurrency: 4, per_tenant: Some(2), ..options() };
        let (stop, worker) = work(&store, options, {
            let (begun, counted) = (begun.clone(), counted.clone());
            move |job| {
                begun.lock().unwrap().push(job.tenant.to_string());
                counted.notify_one();
                std::future::pending()
            }
        });
        eventually("three jobs to begin", async || (begun.lock().unwrap().len() == 3).then_some(())).await;
        let waiting = job(&store, "acme", "c").await;
        assert_eq!((waiting.state, waiting.attempts), (JobState::Queued, 0), "the third of a tenant waits");
        begun.lock().unwrap().sort();
        assert_eq!(*begun.lock().unwrap(), ["acme", "acme", "globex"]);
        stop.cancel();
        worker.await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_job_that_is_withdrawn_is_dropped_by_whoever_has_it() {
    on_every_engine(async |engine| {
        let store = engine.open(&TITLES).await;
        for key in ["a", "a/1", "ab"] {
            enqueue(&store, "acme", key, 0).await;
        }
        let (begun, dropped) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let short = WorkerOptions { concurrency: 3, lease: Duration::from_millis(30), ..options() };
        let (stop, worker) = work(&store, short, {
            let (begun, dropped) = (begun.clone(), dropped.clone());
            move |_| {
                begun.fetch_add(1, Ordering::SeqCst);
                let guard = CountDrop(dropped.clone());
                async move {
                    std::future::pending::<()>().await;
                    drop(guard);
                    Ok(())
                }
            }
        });
        eventually("the jobs to begin", async || (begun.load(Ordering::SeqCst) == 3).then_some(())).await;
        let withdrawn = store.write(&cx("acme"), (), |tx, ()| Box::pin(async move { tx.withdraw(KIND, "a").await }));
        assert_eq!(Result::<u64, Failure>::unwrap(withdrawn.await), 2);
        eventually("two handlers to be dropped", async || (dropped.load(Ordering::SeqCst) == 2).then_some(())).await;
        assert!(store.jobs().get(&cx("acme"), KIND, "a").await.unwrap().is_none());
        assert_eq!(job(&store, "acme", "ab").await.state, JobState::Running, "no prefix of a name is meant");
        assert!(enqueue(&store, "acme", "a", 0).await, "it can be queued anew");
        stop.cancel();
        worker.await.unwrap();
    })
    .await;
}

//! How full a store is, for metrics: what waits for its writer, its connections, its files, its jobs.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tessera_contract::Failure;

use crate::{Store, params, store::Backend, trouble};

const JOBS: &str = "select state, count(*), min(run_at_us) from tessera_jobs \
    where kind = $1 and state in ('queued', 'running', 'dead') group by state";
/// The states that are counted: those that a job does not stay in for good.
const STATES: [&str; 3] = ["queued", "running", "dead"];
/// How the attempts at jobs end.
const ENDS: [&str; 5] = ["done", "retried", "put_off", "dead", "released"];

impl Store {
    /// Sets the gauges that need no query. It does not wait.
    pub fn look(&self) {
        let module = self.module().name;
        let gauge = |name: &'static str, value: f64| metrics::gauge!(name, "module" => module).set(value);
        let (busy, most) = match self.backend() {
            Backend::Sqlite(sqlite) => {
                gauge("tessera_store_writes_waiting", sqlite.waiting() as f64);
                gauge("tessera_store_file_bytes", bytes(&sqlite.path));
                gauge("tessera_store_wal_bytes", bytes(&beside(&sqlite.path)));
                let (busy, most) = sqlite.readers.busy();
                (busy as f64, most as f64)
            }
            Backend::Postgres(postgres) => {
                let pool = &postgres.pool;
                let busy = f64::from(pool.size()) - pool.num_idle() as f64;
                (busy, f64::from(pool.options().get_max_connections()))
            }
        };
        gauge("tessera_store_connections", busy);
        gauge("tessera_store_connections_limit", most);
    }

    /// Sets the gauges of the jobs that are worked on here.
    pub async fn look_at_jobs(&self) -> Result<(), Failure> {
        let module = self.module().name;
        let kinds: Vec<&'static str> = self.site().kinds().iter().copied().collect();
        for kind in kinds {
            let rows: Vec<(String, i64, i64)> = self.system().all(JOBS, params![kind]).await?;
            for state in STATES {
                let count = rows.iter().find(|row| row.0 == state).map_or(0, |row| row.1);
                metrics::gauge!("tessera_jobs", "module" => module, "kind" => kind, "state" => state).set(count as f64);
            }
            let due = rows.iter().find(|row| row.0 == "queued").map_or(i64::MAX, |row| row.2);
            let waited = self.now().as_micros().saturating_sub(due).max(0) as f64 / 1e6;
            metrics::gauge!("tessera_jobs_oldest_due_seconds", "module" => module, "kind" => kind).set(waited);
        }
        Ok(())
    }
}

/// A worker begins to work on jobs of this kind: it is looked at from now on, and its counts begin at zero.
pub(crate) fn works_on(store: &Store, kind: &'static str) {
    let module = store.module().name;
    store.site().kinds().insert(kind);
    for end in ENDS {
        let labels = [("module", module), ("kind", kind), ("outcome", end)];
        metrics::counter!("tessera_jobs_ended_total", &labels).increment(0);
    }
}

/// A store is opened.
pub(crate) fn opened(module: &'static str) {
    trouble::announce(module);
    metrics::counter!("tessera_store_conflicts_total", "module" => module).increment(0);
}

fn bytes(path: &Path) -> f64 {
    fs::metadata(path).map_or(0.0, |metadata| metadata.len() as f64)
}

/// The write-ahead log of a file.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

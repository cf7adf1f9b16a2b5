//! What all parts of one open store share.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tessera_types::Clock;
use tokio::sync::watch;

use crate::{Module, followers::FollowerOf};

/// The module, its clock, and the bells that ring on commit.
pub(crate) struct Site {
    pub(crate) module: &'static Module,
    pub(crate) clock: Arc<dyn Clock>,
    /// Counts up when a commit has added events.
    pub(crate) events: watch::Sender<u64>,
    /// Counts up when a commit has added jobs.
    pub(crate) jobs: watch::Sender<u64>,
    /// Who reads the events, in this process.
    pub(crate) followers: Mutex<Vec<FollowerOf>>,
    /// The kinds of jobs that are worked on, in this process.
    kinds: Mutex<BTreeSet<&'static str>>,
}

impl Site {
    pub(crate) fn new(module: &'static Module, clock: Arc<dyn Clock>) -> Arc<Self> {
        let (events, jobs) = (watch::Sender::new(0), watch::Sender::new(0));
        Arc::new(Self { module, clock, events, jobs, followers: Mutex::default(), kinds: Mutex::default() })
    }

    /// The kinds of jobs that are worked on, in this process.
    pub(crate) fn kinds(&self) -> MutexGuard<'_, BTreeSet<&'static str>> {
        self.kinds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// PostgreSQL's role for tenants' requests: subject to row-level security.
    pub(crate) fn tenant_role(&self) -> String {
        tenant_role(self.module)
    }

    /// PostgreSQL's role for the relay, jobs and sweepers: sees all tenants.
    pub(crate) fn system_role(&self) -> String {
        system_role(self.module)
    }

    pub(crate) fn system_role_sql(&self) -> String {
        format!("set local role {}", self.system_role())
    }
}

/// [`Site::tenant_role`] of `module`.
pub(crate) fn tenant_role(module: &Module) -> String {
    format!("tessera_{}_tenant", module.name)
}

/// [`Site::system_role`] of `module`.
pub(crate) fn system_role(module: &Module) -> String {
    format!("tessera_{}_system", module.name)
}

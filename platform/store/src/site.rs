//! What all parts of one open store share.

use std::sync::Arc;

use tessera_types::Clock;
use tokio::sync::watch;

use crate::Module;

/// The module, its clock, and the bells that ring on commit.
pub(crate) struct Site {
    pub(crate) module: &'static Module,
    pub(crate) clock: Arc<dyn Clock>,
    /// Counts up when a commit has added events.
    pub(crate) events: watch::Sender<u64>,
    /// Counts up when a commit has added jobs.
    pub(crate) jobs: watch::Sender<u64>,
}

impl Site {
    pub(crate) fn new(module: &'static Module, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self { module, clock, events: watch::Sender::new(0), jobs: watch::Sender::new(0) })
    }

    /// PostgreSQL's role for tenants' requests: subject to row-level security.
    pub(crate) fn tenant_role(&self) -> String {
        format!("tessera_{}_tenant", self.module.name)
    }

    /// PostgreSQL's role for the relay, jobs and sweepers: sees all tenants.
    pub(crate) fn system_role(&self) -> String {
        format!("tessera_{}_system", self.module.name)
    }

    pub(crate) fn system_role_sql(&self) -> String {
        format!("set local role {}", self.system_role())
    }
}

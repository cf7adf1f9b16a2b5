//! What is learnt about a request on its way in, for its log line and its answer's headers.

use std::sync::{Arc, Mutex, PoisonError};

use tessera_contract::Caller;
use tessera_types::TenantId;

use crate::edge::rate_limit::Verdict;

/// A request's notes: put among its extensions by the server, written by the edge. Clones are the same notes.
#[derive(Debug, Clone, Default)]
pub struct Notes(Arc<Mutex<Noted>>);

/// Among an answer's extensions: machines ask this again and again, and no trace is kept of it.
#[derive(Debug, Clone, Copy)]
pub struct Routine;

/// What was noted.
#[derive(Debug, Clone, Default)]
pub(super) struct Noted {
    pub(super) tenant: Option<TenantId>,
    pub(super) caller: Option<&'static str>,
    pub(super) verdicts: Vec<Verdict>,
}

impl Notes {
    /// Who calls.
    pub fn caller(&self, tenant: &TenantId, caller: &Caller) {
        self.with(|noted| {
            noted.tenant = Some(tenant.clone());
            noted.caller = Some(caller.kind());
        });
    }

    /// What a rate limit said.
    pub fn rate(&self, verdict: &Verdict) {
        self.with(|noted| noted.verdicts.push(verdict.clone()));
    }

    /// Shows what rate limits said.
    pub(super) fn rates(&self, show: impl FnOnce(&[Verdict])) {
        self.with(|noted| show(&noted.verdicts));
    }

    pub(super) fn with<R>(&self, act: impl FnOnce(&mut Noted) -> R) -> R {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

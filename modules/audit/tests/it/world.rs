//! An audit whose records are made as a module's store makes them.

use std::{sync::Arc, time::Duration};

use tessera_audit::{AuditConfig, AuditService, Deps, MODULE};
use tessera_contract::{AuditTrail, Caller, Cx, Deed};
use tessera_contract_audit::{Audit, AuditRecord, ListRecords};
use tessera_runtime::config::Secret;
use tessera_store::Store;
use tessera_testing::{Engine, ManualClock, clock, cx};

/// An audit, and its tables for whoever means harm.
pub(crate) struct World {
    pub(crate) audit: Arc<AuditService>,
    pub(crate) tables: Store,
    pub(crate) clock: Arc<ManualClock>,
}

impl World {
    pub(crate) async fn open(engine: &Engine) -> Self {
        let clock = clock();
        let deps = || Deps { clock: clock.clone(), chain_key: Secret::new([7; 32]) };
        let config = AuditConfig { days: 10 };
        let audit = tessera_audit::open(config, &engine.config, deps()).await.unwrap();
        let tables = Store::open(&engine.config, &MODULE, clock.clone()).await.unwrap();
        Self { audit, tables, clock }
    }

    /// `subject` did `operation` about `target`; a millisecond passes.
    pub(crate) async fn done(&self, tenant: &str, subject: &str, operation: &str, target: &str) {
        let request = serde_json::json!({"title_id": target, "note": "x", "api_token": "hush"});
        let cx = called(tenant, subject).with_deed(Deed::new("catalog-management", operation, &request));
        self.audit.keep(&cx, cx.deed().unwrap()).await.unwrap();
        self.clock.advance(Duration::from_millis(1));
    }

    pub(crate) async fn records(&self, tenant: &str) -> Vec<AuditRecord> {
        let request = ListRecords { limit: Some(100), ..ListRecords::default() };
        self.audit.list_records(&cx(tenant).staff(&["audit:read"]), request).await.unwrap().data
    }

    pub(crate) fn days(&self, days: u64) {
        self.clock.advance(Duration::from_secs(days * 24 * 3600));
    }
}

pub(crate) fn called(tenant: &str, subject: &str) -> Cx {
    let mut cx = cx(tenant).build();
    cx.caller = Caller::Staff { subject: subject.into(), scopes: vec!["*".into()] };
    cx
}

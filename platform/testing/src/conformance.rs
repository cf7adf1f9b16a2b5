//! A contract's rules against an implementation, on every binding there is.

use std::sync::Arc;

use axum::Router;
use serde_json::Value;
use tessera_contract::{
    Api, CxSigner,
    conformance::{InProcess, Probe, Rule, SignedHttp, Subject, check},
    http_client,
};
use tessera_types::TenantId;

use crate::clock;

/// Runs `rules` against the implementation that `apis` makes (each call a fresh set of the same implementation), in
/// process and over HTTP. Panics with the report when a rule does not hold.
pub async fn conforms(contract: &'static str, rules: &[Rule], apis: impl Fn() -> Vec<Api>, fixture: &Value) {
    let tenants: [TenantId; 2] = ["acme", "globex"].map(|name| name.parse().expect("a literal tenant"));
    let in_process = InProcess { apis: apis(), tenants: tenants.clone(), clock: clock() };
    run("in process", contract, rules, &apis(), &in_process, fixture).await;

    let signer = CxSigner::new(&[42; 32], clock());
    let server = Served::start(apis(), signer.clone()).await;
    let over_http = SignedHttp { http: http_client(), base: server.base.clone(), signer, tenants, clock: clock() };
    run("over http", contract, rules, &apis(), &over_http, fixture).await;
}

async fn run(binding: &str, contract: &'static str, rules: &[Rule], apis: &[Api], probe: &dyn Probe, fixture: &Value) {
    let contracts: Vec<_> = apis.iter().map(|api| (api.info, api.document.clone())).collect();
    let subject = Subject::new(&contracts, probe, fixture.clone()).expect("the documents compile");
    let report = check(contract, rules, &subject).await;
    assert!(report.conforms(), "{contract} {binding}:\n{report}");
    eprintln!("{report} {binding}");
}

/// APIs of one mount served on a loopback port for as long as the value lives.
pub struct Served {
    /// `http://127.0.0.1:PORT`.
    pub base: String,
    task: tokio::task::JoinHandle<()>,
}

impl Served {
    /// Serves to callers whose context `signer` signed.
    pub async fn start(apis: Vec<Api>, signer: CxSigner) -> Self {
        Self::router(router(apis, signer)).await
    }

    /// Serves this.
    pub async fn router(router: Router) -> Self {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a loopback port is free");
        let base = format!("http://{}", listener.local_addr().expect("a bound listener has an address"));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.expect("serving") });
        Self { base, task }
    }
}

/// APIs of one mount, for callers whose context `signer` signed.
pub(crate) fn router(apis: Vec<Api>, signer: CxSigner) -> Router {
    let authenticate = Arc::new(signer);
    apis.into_iter().fold(Router::new(), |router, api| router.merge(api.into_router(authenticate.clone())))
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}

//! A contract's rules against an implementation, on every binding there is.

use std::sync::Arc;

use axum::Router;
use serde_json::Value;
use tessera_contract::{
    Api, Authenticate, Clients, CxSigner,
    conformance::{InProcess, Probe, Rule, SignedHttp, Subject, check},
    grpc_client, http_client,
};
use tessera_types::TenantId;

use crate::clock;

/// Runs `rules` against the implementation that `apis` makes (each call a fresh set of the same implementation), in
/// process, over HTTP, and by gRPC where an operation travels so. Panics with the report when a rule does not hold.
pub async fn conforms(contract: &'static str, rules: &[Rule], apis: impl Fn() -> Vec<Api>, fixture: &Value) {
    let tenants: [TenantId; 2] = ["acme", "globex"].map(|name| name.parse().expect("a literal tenant"));
    let in_process = InProcess { apis: apis(), tenants: tenants.clone(), clock: clock() };
    run("in process", contract, rules, &apis(), &in_process, fixture).await;

    let signer = CxSigner::new(&[42; 32], clock());
    let server = Served::start(apis(), signer.clone()).await;
    let mut signed =
        SignedHttp { http: http_client().into(), base: server.base.clone(), signer, tenants, clock: clock() };
    run("over http", contract, rules, &apis(), &signed, fixture).await;
    if apis().iter().any(|api| api.info.by_grpc().next().is_some()) {
        signed.http = Clients::of(http_client(), Some(grpc_client(&[])));
        run("by grpc", contract, rules, &apis(), &signed, fixture).await;
    }
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
    let authenticate: Arc<dyn Authenticate> = Arc::new(signer);
    apis.into_iter().fold(Router::new(), |router, api| {
        let router = match api.grpc_router(&authenticate) {
            Some((service, grpc)) => router.nest(&format!("/{service}"), grpc),
            None => router,
        };
        router.merge(api.into_router(authenticate.clone()))
    })
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}

//! What is measured on: a demo, accounts that are signed in, grants by the million.

use std::{
    fs,
    ops::Range,
    path::{Path, PathBuf},
    process::Command,
};

use rusqlite::Connection;
use serde_json::Value;
use tessera_contract::{Contract, Credential, Cx, CxSigner, Remote, http_client};
use tessera_contract_entitlement::{Entitlement, GrantScope, PutGrant};
use tessera_runtime::secrets::Secrets;
use tessera_tests::{Site, project};
use tessera_types::{AccountId, Clock, SystemClock, TenantId};

use crate::server::{Server, binary};

/// A data folder with a demo in it.
pub(crate) struct World {
    pub(crate) data: PathBuf,
    pub(crate) facts: Value,
    pub(crate) signer: CxSigner,
}

/// Somebody who is signed in.
pub(crate) struct Viewer {
    /// Header lines, each ended by CRLF.
    pub(crate) headers: String,
}

/// An empty folder of this name below `target/bench`.
pub(crate) fn folder(name: &str) -> PathBuf {
    let folder = project().join("target/bench").join(name);
    let _ = fs::remove_dir_all(&folder); // the last run's, or none
    fs::create_dir_all(&folder).expect("a folder below target/bench can be made");
    folder
}

impl World {
    /// A fresh one below `target/bench`, where a commit costs what this machine's disk costs.
    pub(crate) async fn make() -> Self {
        let data = folder("data");
        eprintln!("making a demo to measure on");
        let server = Server::tessera(&data, &["up", "--film-seconds", "16"]).await;
        let facts = demo(&data).await;
        server.stop().await;
        let secrets = Secrets::open(&data).expect("a data folder has secrets");
        let secret = secrets.get_or_create("cx-signing").expect("the secret is there");
        let clock = std::sync::Arc::new(SystemClock);
        Self { data, facts, signer: CxSigner::new(secret.expose(), clock) }
    }

    /// The demo's tenant.
    pub(crate) fn tenant(&self) -> TenantId {
        "demo".parse().expect("a literal tenant")
    }

    /// Its host name, as requests carry it.
    pub(crate) fn host(&self, server: &Server) -> String {
        format!("demo.localhost:{}", server.address.port())
    }

    /// The demo's title of this name.
    pub(crate) fn title(&self, name: &str) -> String {
        let titles = self.facts["titles"].as_array().expect("titles is a list");
        let found = titles.iter().find(|pair| pair[0] == name).and_then(|pair| pair[1].as_str());
        found.expect("the demo has this film").to_owned()
    }

    /// Signs up viewers of these numbers, who have the plan. A number can be had once.
    pub(crate) async fn viewers(&self, server: &Server, numbers: Range<usize>) -> Vec<Viewer> {
        eprintln!("signing up {} viewers", numbers.len());
        let site = Site::new("demo", server.address.port());
        let entitlement = self.entitlement(server);
        let mut viewers = Vec::new();
        for number in numbers {
            let mut browser = site.browser();
            browser.sign_up(&format!("bench-{number}@viewer.example"), "correct horse battery").await;
            let session = browser.get("/auth/session").await.ok();
            let account = session["account_id"].as_str().expect("a session names its account").parse().expect("an id");
            self.grant(&*entitlement, account, number).await;
            let lines = browser.headers().into_iter().map(|(name, value)| format!("{name}: {value}\r\n"));
            viewers.push(Viewer { headers: lines.collect() });
        }
        viewers
    }

    fn entitlement(&self, server: &Server) -> std::sync::Arc<dyn Entitlement> {
        let url = format!("http://{}/entitlement", server.address);
        <dyn Entitlement>::remote(Remote::new(http_client(), &url, Credential::Service(self.signer.clone())))
    }

    async fn grant(&self, entitlement: &dyn Entitlement, account: AccountId, number: usize) {
        let cx = Cx::service(self.tenant(), "billing", &SystemClock);
        let put = PutGrant {
            source: "bench".into(),
            reference: format!("viewer-{number}"),
            account_id: account,
            scope: GrantScope::Plan { plan: "basic".into() },
            starts_at: tessera_types::Timestamp::from_micros(0),
            ends_at: None,
            max_streams: 2,
            version: 1,
        };
        entitlement.put_grant(&cx, put).await.expect("a grant can be put");
    }

    /// Adds grants of other accounts until there are `total`; no server may be running.
    pub(crate) fn grants(&self, total: u64) {
        eprintln!("storing grants until there are {total}");
        let db = self.database("entitlement");
        let now = SystemClock.now().as_micros();
        run(
            &db,
            &format!(
                "with recursive n(i) as (select 1 union all select i + 1 from n where i < {total}) \
             insert into grants (tenant, grant_id, source, reference, account_id, scope, starts_at, ends_at, max_streams, \
             revoked, version, change_number) select 'demo', 'grt_bench' || i, 'unrelated', 'u' || i, \
             'acc_unrelated' || (i / 4), '{{\"kind\":\"plan\",\"plan\":\"basic\"}}', {now}, null, 2, 0, 1, 1000000 + i from n \
             where i > (select count(*) from grants where source = 'unrelated')"
            ),
        );
        run(&db, "update change_numbers set latest = 3000000 where tenant = 'demo'");
    }

    /// Adds published titles until there are `total`; no server may be running.
    pub(crate) fn titles(&self, total: u64) {
        eprintln!("storing titles until there are {total}");
        let db = self.database("catalog");
        let like = self.title("A Quiet Colony");
        run(
            &db,
            &format!(
                "with recursive n(i) as (select 1 union all select i + 1 from n where i < {total}) \
             insert into titles (tenant, title_id, published, draft, starts_at, ends_at, everywhere, asset_id, created_at, \
             updated_at, version, change_number) select tenant, 'ttl_bench' || i, published, draft, starts_at, ends_at, \
             everywhere, asset_id, created_at, updated_at, version, 1000000 + i from n, titles where title_id = '{like}'"
            ),
        );
        run(
            &db,
            "insert into title_genres (tenant, genre, title_id) select tenant, 'drama', title_id from titles \
             where title_id like 'ttl_bench%'",
        );
        run(&db, "update change_numbers set latest = 3000000 where tenant = 'demo'");
    }

    /// `tessera` with these words, told where the demo is.
    pub(crate) fn command(&self, server: &Server, words: &[&str]) -> Command {
        let (url, key) = (format!("http://{}", self.host(server)), self.facts["staff_key"].as_str());
        let mut command = Command::new(binary());
        command.args(words).args(["--url", &url, "--key", key.expect("the demo has a key")]);
        command
    }

    fn database(&self, module: &str) -> Connection {
        Connection::open(self.data.join(format!("{module}.db"))).expect("the database can be opened")
    }
}

/// The demo's facts, once it has all its films and offers.
async fn demo(data: &Path) -> Value {
    loop {
        let facts =
            fs::read(data.join("demo.json")).ok().and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
        let count = |facts: &Value, list: &str| facts[list].as_array().map_or(0, Vec::len);
        match facts {
            Some(facts) if count(&facts, "titles") == 3 && count(&facts, "offers") == 2 => return facts,
            _ => tokio::time::sleep(std::time::Duration::from_millis(100)).await,
        }
    }
}

fn run(db: &Connection, sql: &str) {
    db.execute_batch(sql).expect("the statement runs");
}

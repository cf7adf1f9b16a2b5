//! Replicas of entitlement on PostgreSQL: three beside one, each held to a quarter of a core; and the example in Python.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use serde_json::{Value, json};
use tessera_contract::{Contract, Credential, Cx, CxSigner, Remote, http_client};
use tessera_contract_entitlement::{
    DecisionRequest, Entitlement, GrantScope, PlayFacts, PutGrant, RevokeGrant, Viewing,
};
use tessera_runtime::secrets::Secrets;
use tessera_testing::{Postgres, free_port};
use tessera_tests::PythonEntitlement;
use tessera_types::{SystemClock, Timestamp};

use crate::{
    figure::{Better, Figure},
    figures::grpc,
    grpc_load::load as load_by_grpc,
    load::{Pace, Request, load_all, post},
    server::{SETTINGS, Server},
    world::folder,
};

const ACCOUNTS: u64 = 2000;
const CONNECTIONS: usize = 24;
/// Different requests of a load.
const REQUESTS: u64 = 2048;
/// Revocations that are looked for at every replica.
const REVOCATIONS: u64 = 100;

/// Where refusals would be told: nothing is refused here.
const AUDIT: &str = "[audit]\nurl = \"http://127.0.0.1:9/audit\"\n";

/// Who calls, and what is asked.
struct World {
    signer: CxSigner,
    home: PathBuf,
}

impl World {
    fn cx(&self) -> Cx {
        Cx::service("demo".parse().expect("a literal tenant"), "playback", &SystemClock)
    }

    fn at(&self, base: &str) -> Arc<dyn Entitlement> {
        <dyn Entitlement>::remote(Remote::new(http_client(), base, Credential::Service(self.signer.clone())))
    }

    /// As [`Self::most`], by gRPC: a connection to each, and as many calls at a time.
    async fn most_by_grpc(&self, servers: &[SocketAddr], length: Duration) -> f64 {
        let go = async |length| {
            let token = || self.signer.sign(&self.cx(), "entitlement").expect("a context can be signed");
            let calls = grpc::questions("127.0.0.1", token, asked);
            load_by_grpc(servers, Pace::Closed, (servers.len(), CONNECTIONS), length, calls)
                .await
                .whole("a decision by gRPC")
                .rate
        };
        go(length / 4).await; // warm
        go(length).await
    }

    /// Questions about accounts that have the plan, below `mount`, signed anew for each load.
    fn questions(&self, host: &str, mount: &str) -> Request {
        let request = |number: u64| {
            let token = self.signer.sign(&self.cx(), "entitlement").expect("a context can be signed");
            let header = format!("{}: {token}\r\n", tessera_contract::CX_HEADER);
            post(host, &format!("{mount}/v1/decisions"), &header, &asked(number).to_string())
        };
        let requests: Vec<_> = (0..REQUESTS).map(request).collect();
        Arc::new(move |number| requests[usize::try_from(number % REQUESTS).unwrap_or(0)].clone())
    }

    async fn most(&self, servers: &[SocketAddr], mount: &str, length: Duration) -> f64 {
        let go = async |length| {
            let questions = self.questions("127.0.0.1", mount);
            load_all(servers, Pace::Closed, CONNECTIONS, length, questions).await.whole("a decision").rate
        };
        go(length / 4).await; // warm
        go(length).await
    }
}

/// A question about one of the accounts.
fn asked(number: u64) -> Value {
    json!({
        "viewing": {"account_id": format!("acc_{}", number % ACCOUNTS), "territory": "DE"},
        "facts": {"title_id": "ttl_1", "free": false, "plans": ["basic"], "minimum_age": 6},
    })
}

fn grant(account: &str, version: i64) -> PutGrant {
    PutGrant {
        source: "bench".into(),
        reference: account.into(),
        account_id: account.parse().expect("an id"),
        scope: GrantScope::Plan { plan: "basic".into() },
        starts_at: Timestamp::from_micros(0),
        ends_at: None,
        max_streams: 2,
        version,
    }
}

fn question(account: &str) -> DecisionRequest {
    let facts = json!({"title_id": "ttl_1", "free": false, "plans": ["basic"], "minimum_age": 6});
    DecisionRequest {
        viewing: Viewing { account_id: account.parse().expect("an id"), territory: None, age_limit: None },
        facts: serde_json::from_value::<PlayFacts>(facts).expect("facts"),
    }
}

/// Every figure of replicas.
pub(crate) async fn replicas(length: Duration) -> Vec<Figure> {
    let home = folder("replicas");
    let secrets = Secrets::in_folder(home.join("secrets")).expect("a folder for secrets can be made");
    let secret = secrets.get_or_create("cx-signing").expect("a secret can be made");
    let world = World { signer: CxSigner::new(secret.expose(), Arc::new(SystemClock)), home };
    let postgres = Postgres::start();
    let mut replicas = Vec::new();
    for number in 0..3 {
        replicas.push(replica(&world.home, &postgres, number).await);
    }
    let addresses: Vec<SocketAddr> = replicas.iter().map(|replica| replica.address).collect();
    let each: Vec<_> = addresses.iter().map(|at| world.at(&format!("http://{at}/entitlement"))).collect();
    for account in 0..ACCOUNTS {
        each[0].put_grant(&world.cx(), grant(&format!("acc_{account}"), 1)).await.expect("a grant can be put");
    }
    let (rate, ()) = tokio::join!(world.most(&addresses, "/entitlement", length), revocations(&world, &each, "http"));
    let alone = world.most(&addresses[..1], "/entitlement", length).await;
    let (by_grpc, ()) = tokio::join!(world.most_by_grpc(&addresses, length), revocations(&world, &each, "grpc"));
    let alone_by_grpc = world.most_by_grpc(&addresses[..1], length).await;
    let revoked = format!(
        "closed loop, {CONNECTIONS} at a time, PostgreSQL on the same two cores; meanwhile {REVOCATIONS} grants are revoked at one replica and \
         denied by all at once"
    );
    let most =
        |name, rate, alone| Figure::beside(name, rate, "1/s", Better::Higher, ("one replica", alone)).by(&revoked);
    let mut figures = vec![
        most("entitlement.decide on PostgreSQL, three replicas: most", rate, alone),
        most("entitlement.decide by gRPC on PostgreSQL, three replicas: most", by_grpc, alone_by_grpc),
    ];
    let held: Vec<_> = replicas.iter().filter_map(|replica| Quarter::hold(replica.id())).collect();
    if held.len() == replicas.len() {
        let one = world.most(&addresses[..1], "/entitlement", length).await;
        let three = world.most(&addresses, "/entitlement", length).await;
        figures.push(
            Figure::beside(
                "three replicas of entitlement, a quarter core each",
                three,
                "1/s",
                Better::Higher,
                ("one of them", one),
            )
            .wanting(2.5)
            .by(format!(
                "HTTP, closed loop, {CONNECTIONS} connections; each held by its control group, PostgreSQL by none"
            )),
        );
    }
    for replica in replicas {
        replica.stop().await;
    }
    drop(held);
    figures.push(python(&world, length).await);
    figures
}

async fn replica(home: &Path, postgres: &Postgres, number: usize) -> Server {
    let (data, secrets) = (home.join(format!("replica-{number}")), home.join("secrets"));
    fs::create_dir_all(&data).expect("a folder can be made");
    let settings = format!("store = {:?}\n{SETTINGS}{AUDIT}[shared]\nsecrets = {secrets:?}\n", postgres.url());
    Server::tessera_at(free_port(), &data, &["serve", "--modules", "entitlement"], &settings).await
}

/// Grants put at one replica, revoked at the next, and then asked for at all of them.
async fn revocations(world: &World, each: &[Arc<dyn Entitlement>], round: &str) {
    for number in 0..REVOCATIONS {
        let (account, first) = (format!("acc_revoked{round}{number}"), usize::try_from(number).unwrap_or(0));
        let at = |step: usize| &each[(first + step) % each.len()];
        at(0).put_grant(&world.cx(), grant(&account, 1)).await.expect("a grant can be put");
        for replica in each {
            let decision = replica.decide(&world.cx(), question(&account)).await.expect("a decision");
            assert!(decision.allowed, "a grant that was put is not seen: {decision:?}");
        }
        let revoke = RevokeGrant { source: "bench".into(), reference: account.clone(), version: 2 };
        at(1).revoke_grant(&world.cx(), revoke).await.expect("a grant can be revoked");
        for replica in each {
            let decision = replica.decide(&world.cx(), question(&account)).await.expect("a decision");
            assert!(!decision.allowed, "a revocation that was answered is not seen: {decision:?}");
        }
    }
}

/// The built-in entitlement on SQLite beside the example in Python, over the same requests.
async fn python(world: &World, length: Duration) -> Figure {
    let data = world.home.join("built-in");
    fs::create_dir_all(&data).expect("a folder can be made");
    let settings = format!(
        "{SETTINGS}{AUDIT}[shared]\nsecrets = {:?}\ndirectory = {:?}\n",
        world.home.join("secrets"),
        world.home.join("built-in")
    );
    let ours = Server::tessera_at(free_port(), &data, &["serve", "--modules", "entitlement"], &settings).await;
    let theirs = PythonEntitlement::start(&world.home, &world.home.join("secrets/cx-signing"));
    let address = theirs.url.trim_start_matches("http://").trim_end_matches('/').parse().expect("an address");
    let bases = [format!("http://{}/entitlement", ours.address), theirs.url.clone()];
    for base in &bases {
        let entitlement = world.at(base);
        for account in 0..ACCOUNTS {
            entitlement.put_grant(&world.cx(), grant(&format!("acc_{account}"), 1)).await.expect("a grant can be put");
        }
    }
    let (built_in, example) =
        (world.most(&[ours.address], "/entitlement", length).await, world.most(&[address], "", length).await);
    ours.stop().await;
    Figure::beside(
        "entitlement.decide, built in, beside the example in Python",
        built_in,
        "1/s",
        Better::Higher,
        ("examples/entitlement-python", example),
    )
    .by(format!("HTTP, closed loop, {CONNECTIONS} connections, {ACCOUNTS} grants, both on SQLite"))
}

/// A control group of one process with a quarter of a core; gone with this value.
struct Quarter {
    folder: PathBuf,
}

impl Quarter {
    /// `None`, and that is said, where groups cannot be made.
    fn hold(process: u32) -> Option<Self> {
        let name = format!("tessera-bench-{process}");
        let old = Path::new("/sys/fs/cgroup/cpu").join(&name);
        let new = Path::new("/sys/fs/cgroup").join(&name);
        let (folder, limits): (PathBuf, &[(&str, &str)]) = match fs::create_dir(&old) {
            Ok(()) => (old, &[("cpu.cfs_period_us", "20000"), ("cpu.cfs_quota_us", "5000")]),
            Err(_) => {
                fs::create_dir(&new).ok()?;
                (new, &[("cpu.max", "5000 20000")])
            }
        };
        let quarter = Self { folder };
        let process = process.to_string();
        for (file, text) in limits.iter().copied().chain([("cgroup.procs", process.as_str())]) {
            if let Err(error) = fs::write(quarter.folder.join(file), text) {
                eprintln!("no control groups here ({error}): replicas that are held to a quarter core are left out");
                return None;
            }
        }
        Some(quarter)
    }
}

impl Drop for Quarter {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.folder); // it stays while its process lives
    }
}

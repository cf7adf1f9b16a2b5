//! Calls from process to process over TLS with certificates on both sides: real sockets on loopback.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tessera_contract::{
    Addresses, Authenticate, Caller, Callers, Clients, Contract, ContractError, Credential, Cx, CxSigner, Numbers,
    Protocol, Remote, RemoteConfig, Target, contract, errors,
};
use tessera_mtls::{Authority, Mtls, MtlsFiles};
use tessera_runtime::{
    config::ServerConfig,
    edge::Edge,
    http::{Server, listen},
    shutdown::Shutdown,
    telemetry::Metrics,
};
use tessera_testing::{TempDir, clock, temp_dir};
use tessera_types::{Clock, SystemClock};
use tokio::sync::Notify;

use crate::world::{SECRET, directory, tenant};

/// Whom to greet.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
struct Greet {
    /// A name; `slowly` waits for leave.
    name: String,
}

/// What to say.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
struct Greeting {
    /// The words.
    text: String,
}

errors! {
    /// Why nobody was greeted.
    pub enum GreetError {}
}

const NUMBERS: Numbers = &[("Greet", &["name"]), ("Greeting", &["text"])];

/// Greets, for trying connections.
#[contract(name = "greeter", version = "1.0", numbers = NUMBERS)]
trait Greeter: Send + Sync + 'static {
    /// Greet.
    #[get("/v1/greetings/{name}", access = public, grpc)]
    async fn greet(&self, cx: &Cx, request: Greet) -> Result<Greeting, GreetError>;
    /// Greet louder.
    #[get("/v1/shouts/{name}", access = public)]
    async fn shout(&self, cx: &Cx, request: Greet) -> Result<Greeting, GreetError>;
}

/// Says when somebody is greeted slowly, and waits.
#[derive(Default)]
struct Polite {
    asked: Notify,
    leave: Notify,
}

#[async_trait]
impl Greeter for Polite {
    async fn greet(&self, cx: &Cx, request: Greet) -> Result<Greeting, GreetError> {
        if request.name == "slowly" {
            self.asked.notify_one();
            self.leave.notified().await;
        }
        Ok(Greeting { text: format!("{} greets {}", cx.caller.key(), request.name) })
    }
    async fn shout(&self, _: &Cx, request: Greet) -> Result<Greeting, GreetError> {
        Ok(Greeting { text: request.name.to_uppercase() })
    }
}

const DAY: Duration = Duration::from_secs(86_400);

/// A greeter in a process of its own, and the authority of its deployment.
struct World {
    folder: TempDir,
    authority: Authority,
    mtls: Mtls,
    polite: Arc<Polite>,
    plain: SocketAddr,
    certified: SocketAddr,
    shutdown: Shutdown,
    _directory: TempDir,
}

impl World {
    async fn new() -> Self {
        let folder = temp_dir();
        let domain = "tessera.internal".parse().unwrap();
        let authority = Authority::init(folder.path(), domain, SystemClock.now(), DAY).unwrap();
        let (polite, shutdown) = (Arc::<Polite>::default(), Shutdown::new());
        authority.issue("greeter", &["greeter".into()], SystemClock.now(), DAY).unwrap();
        let mtls = Mtls::open(files(&folder, "greeter")).unwrap();
        let (tenants, kept) = directory(clock()).await;
        let mut callers = Callers::default();
        callers.allow("playback", ["greeter.greet"]);
        callers.allow("edge", ["*"]);
        let mut config = ServerConfig::default();
        config.rate_limits.address.requests = 20;
        let edge = Edge::new(&config, Arc::new(tenants), clock()).with_signer(signer());
        let edge: Arc<dyn Authenticate> = Arc::new(edge.with_callers(callers).with_certificates());
        let api = <dyn Greeter>::api(polite.clone());
        let (service, by_grpc) = api.grpc_router(&edge).unwrap();
        let api = api.into_router(edge);
        let loopback = || listen(SocketAddr::from(([127, 0, 0, 1], 0)));
        let (public, modules) = (loopback().await.unwrap(), loopback().await.unwrap());
        let (plain, certified) = (public.local_addr().unwrap(), modules.local_addr().unwrap());
        let server = Server::new(&config, Metrics::detached()).mount("greeter", api);
        let server = server.service("greeter", &service, by_grpc);
        let server = server.between_modules(modules, mtls.clone());
        let stop = shutdown.clone();
        tokio::spawn(async move { server.serve(public, &stop).await });
        Self { folder, authority, mtls, polite, plain, certified, shutdown, _directory: kept }
    }

    /// The certificate of a process that runs these modules.
    fn process(&self, name: &str, modules: &[&str]) -> Mtls {
        let modules: Vec<String> = modules.iter().map(|module| (*module).to_owned()).collect();
        self.authority.issue(name, &modules, SystemClock.now(), DAY).unwrap();
        Mtls::open(files(&self.folder, name)).unwrap()
    }

    /// The greeter, as a process with this certificate reaches it.
    fn greeter(&self, of: &Mtls) -> Arc<dyn Greeter> {
        remote(&format!("https://{}/greeter", self.certified), Some(of.client("greeter")))
    }

    /// The greeter over plain HTTP.
    fn plain(&self) -> Arc<dyn Greeter> {
        remote(&format!("http://{}/greeter", self.plain), None)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.shutdown.request();
    }
}

fn signer() -> CxSigner {
    CxSigner::new(&SECRET, clock())
}

fn files(folder: &TempDir, name: &str) -> MtlsFiles {
    let at = |file: String| folder.path().join(file);
    MtlsFiles {
        certificate: at(format!("{name}.pem")),
        key: at(format!("{name}-key.pem")),
        authority: at("authority.pem".into()),
    }
}

fn remote(base: &str, tls: Option<rustls::ClientConfig>) -> Arc<dyn Greeter> {
    let config = RemoteConfig { breaker_failures: 0, ..RemoteConfig::default() };
    let addresses = Addresses::new([base.to_owned()]).unwrap();
    let clients = Clients::between(&addresses, &config, tls.as_ref());
    let target = Target::new("greeter", &addresses, clients, &config);
    <dyn Greeter>::remote(Remote::at(target, Credential::Service(signer())))
}

/// The same by gRPC.
fn by_grpc(base: &str, tls: Option<rustls::ClientConfig>) -> Arc<dyn Greeter> {
    let config = RemoteConfig { breaker_failures: 0, ..RemoteConfig::default() };
    let addresses = Addresses::new([base.to_owned()]).unwrap().by(Protocol::Grpc);
    let clients = Clients::between(&addresses, &config, tls.as_ref());
    let target = Target::new("greeter", &addresses, clients, &config);
    <dyn Greeter>::remote(Remote::at(target, Credential::Service(signer())))
}

fn module(name: &str) -> Cx {
    Cx::service(tenant("acme"), name, clock().as_ref())
}

async fn greet(greeter: &Arc<dyn Greeter>, cx: &Cx, name: &str) -> Result<String, GreetError> {
    greeter.greet(cx, Greet { name: name.into() }).await.map(|greeting| greeting.text)
}

#[tokio::test]
async fn a_module_is_answered_over_tls_and_refused_over_plain_http() {
    let world = World::new().await;
    let playback = world.process("playback", &["playback"]);
    let greeter = world.greeter(&playback);
    assert_eq!(greet(&greeter, &module("playback"), "Ada").await.unwrap(), "service:playback greets Ada");

    let refused = greet(&world.plain(), &module("playback"), "Ada").await.unwrap_err();
    assert_eq!(refused.code(), "unauthenticated");
    assert!(refused.to_string().contains("over TLS with certificates on both sides alone"), "{refused}");

    let misled = remote(&format!("http://{}/greeter", world.certified), None);
    let lost = greet(&misled, &module("playback"), "Ada").await.unwrap_err();
    assert_eq!(lost.code(), "unavailable", "the listener between modules speaks TLS alone: {lost}");
}

#[tokio::test]
async fn a_module_is_answered_by_grpc_at_the_same_ports() {
    let world = World::new().await;
    let tls = world.process("playback", &["playback"]).client("greeter");
    let greeter = by_grpc(&format!("https://{}/greeter", world.certified), Some(tls));
    for name in ["Ada", "Grace"] {
        let greeted = greet(&greeter, &module("playback"), name).await.unwrap();
        assert_eq!(greeted, format!("service:playback greets {name}"));
    }
    let refused = greet(&greeter, &module("billing"), "Ada").await.unwrap_err();
    assert_eq!(refused.code(), "unauthenticated", "the certificate names another module: {refused}");

    let plain = by_grpc(&format!("http://{}/greeter", world.plain), None);
    let refused = greet(&plain, &module("playback"), "Ada").await.unwrap_err();
    assert!(refused.to_string().contains("over TLS with certificates on both sides alone"), "{refused}");
}

#[tokio::test]
async fn a_server_that_stops_answers_the_call_by_grpc_that_is_under_way() {
    let world = World::new().await;
    let tls = world.process("playback", &["playback"]).client("greeter");
    let greeter = by_grpc(&format!("https://{}/greeter", world.certified), Some(tls));
    let call = tokio::spawn(async move { greet(&greeter, &module("playback"), "slowly").await });
    world.polite.asked.notified().await;
    world.shutdown.request();
    world.polite.leave.notify_one();
    assert_eq!(call.await.unwrap().unwrap(), "service:playback greets slowly");
}

#[tokio::test]
async fn limits_by_address_are_for_people_and_not_for_modules() {
    let world = World::new().await;
    let greeter = world.greeter(&world.process("playback", &["playback"]));
    for _ in 0..40 {
        greet(&greeter, &module("playback"), "Ada").await.unwrap();
    }
    let mut plain = Vec::new();
    for _ in 0..30 {
        plain.push(greet(&world.plain(), &module("playback"), "Ada").await.unwrap_err().code().to_owned());
    }
    assert_eq!(plain.iter().filter(|code| *code == "rate_limited").count(), 10, "{plain:?}");
}

#[tokio::test]
async fn a_call_is_of_the_module_that_the_certificate_names() {
    let world = World::new().await;
    let playback = world.greeter(&world.process("playback", &["playback"]));
    let refused = greet(&playback, &module("billing"), "Ada").await.unwrap_err();
    assert_eq!(refused.code(), "unauthenticated");
    assert!(refused.to_string().contains("the certificate is of playback"), "{refused}");

    let person = Cx::new(tenant("acme"), Caller::Anonymous, clock().now());
    assert_eq!(greet(&playback, &person, "Ada").await.unwrap_err().code(), "unauthenticated");
    let front = world.greeter(&world.process("front", &["edge", "playback"]));
    for (cx, greeting) in [(person, "anonymous greets Ada"), (module("playback"), "service:playback greets Ada")] {
        assert_eq!(greet(&front, &cx, "Ada").await.unwrap(), greeting);
    }
}

#[tokio::test]
async fn a_module_calls_what_it_is_let_call_and_nothing_else() {
    let world = World::new().await;
    let both = world.greeter(&world.process("both", &["playback", "billing"]));
    assert!(greet(&both, &module("playback"), "Ada").await.is_ok());
    for (caller, operation) in [("billing", "greeter.greet"), ("playback", "greeter.shout")] {
        let request = Greet { name: "Ada".into() };
        let refused = match operation {
            "greeter.greet" => both.greet(&module(caller), request).await.unwrap_err(),
            _ => both.shout(&module(caller), request).await.unwrap_err(),
        };
        assert_eq!((refused.code(), refused.status()), ("forbidden", 403));
        let said = refused.to_string();
        assert!(said.contains(&format!("the module {caller} may not call {operation}")), "{said}");
    }
}

#[tokio::test]
async fn whoever_cannot_prove_who_it_is_does_not_get_in() {
    let (world, elsewhere) = (World::new().await, World::new().await);
    let stranger = elsewhere.process("playback", &["playback"]);
    let lost = greet(&world.greeter(&stranger), &module("playback"), "Ada").await.unwrap_err();
    assert_eq!(lost.code(), "unavailable", "an authority that nobody here knows: {lost}");

    let playback = world.process("playback", &["playback"]);
    let wanted = remote(&format!("https://{}/greeter", world.certified), Some(playback.client("entitlement")));
    let lost = greet(&wanted, &module("playback"), "Ada").await.unwrap_err();
    let cause = causes(&lost);
    assert!(cause.contains("spiffe://tessera.internal/module/entitlement was wanted"), "{cause}");

    let web = remote(&format!("https://{}/greeter", world.certified), None);
    assert_eq!(greet(&web, &module("playback"), "Ada").await.unwrap_err().code(), "unavailable", "no certificate");
}

fn causes(error: &dyn std::error::Error) -> String {
    let mut said = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        said = format!("{said}: {cause}");
        next = cause.source();
    }
    said
}

#[tokio::test]
async fn a_call_goes_on_while_certificates_change() {
    let world = World::new().await;
    let playback = world.process("playback", &["playback"]);
    let greeter = world.greeter(&playback);
    let slow = tokio::spawn({
        let greeter = greeter.clone();
        async move { greet(&greeter, &module("playback"), "slowly").await }
    });
    world.polite.asked.notified().await;

    // The server's certificate no longer names the greeter: who connects from now on does not find it there.
    world.authority.issue("greeter", &["billing".into()], SystemClock.now(), DAY).unwrap();
    world.mtls.reload().unwrap();
    let lost = greet(&world.greeter(&playback), &module("playback"), "Ada").await.unwrap_err();
    assert_eq!(lost.code(), "unavailable", "{lost}");

    world.polite.leave.notify_one();
    assert_eq!(slow.await.unwrap().unwrap(), "service:playback greets slowly");
    assert!(greet(&greeter, &module("playback"), "Ada").await.is_ok(), "over the connection that stands");
    world.authority.issue("greeter", &["greeter".into()], SystemClock.now(), DAY).unwrap();
    world.mtls.reload().unwrap();
    assert!(greet(&world.greeter(&playback), &module("playback"), "Ada").await.is_ok());
}

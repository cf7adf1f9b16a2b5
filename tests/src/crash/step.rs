//! What people do, one thing after the other, each carried to its end however often the server dies on the way.

use std::{fmt, str::FromStr, time::Duration};

use serde_json::json;
use tessera_contract::{AuditOutcome, CX_HEADER, Cx, CxSigner, Deed, OperationRecorded};
use tessera_types::{Clock, SystemClock};

use super::{
    World,
    viewer::{ANSWER_LOST, DECLINED, GOOD, REQUEST_LOST, SLOW, Viewer, text},
    world::OTHER_TENANT,
};

macro_rules! steps {
    ($($(#[$doc:meta])* $step:ident = $name:literal,)*) => {
        /// A thing that people do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Step { $($(#[$doc])* $step,)* }

        impl Step {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$step,)*];

            /// As `crash-points.txt` names it.
            pub fn name(self) -> &'static str {
                match self { $(Self::$step => $name,)* }
            }
        }
    };
}

steps! {
    /// An account, signed in, with its first profile.
    SignUp = "sign-up",
    /// A profile gets another name.
    Rename = "rename",
    /// A plan is bought with a good card.
    Buy = "buy",
    /// …with a card that is declined.
    BuyDeclined = "buy-declined",
    /// …with a card whose charge is made and not answered.
    BuyAnswerLost = "buy-answer-lost",
    /// …with a card whose charge gets lost.
    BuyRequestLost = "buy-request-lost",
    /// …with a card whose charge stays pending for a while.
    BuySlow = "buy-slow",
    /// A subscription is renewed when its period is over.
    Renew = "renew",
    /// A subscription is canceled.
    Cancel = "cancel",
    /// An offer is made and archived.
    Sell = "sell",
    /// A grant is put, decided on and revoked.
    Grant = "grant",
    /// API keys are made, and one is revoked.
    Keys = "keys",
    /// Another process asks whose an API key is.
    ResolveKey = "resolve-key",
    /// Somebody outside is told of an account, and forgotten.
    Webhooks = "webhooks",
    /// A tenant gets a brand.
    Dress = "dress",
    /// A tenant is made, exported, suspended and served again.
    Tenants = "tenants",
    /// A command changes the directory of tenants.
    Tenant = "tenant",
    /// A file is uploaded, transcoded and published.
    Ingest = "ingest",
    /// A longer file is uploaded, and encoded in parts.
    IngestInParts = "ingest-in-parts",
    /// A file is uploaded, and the upload is taken back.
    UploadInVain = "upload-in-vain",
    /// A file is asked for that is not fetched.
    Pull = "pull",
    /// An asset in the making is moved ahead, cancelled and retried.
    Steer = "steer",
    /// Subtitles are put beside a film, and taken away.
    Subtitle = "subtitle",
    /// A title is made, edited, published and withdrawn.
    Title = "title",
    /// A title whose keys are not made yet is played.
    Premiere = "premiere",
    /// An encrypted title is played from start to stop.
    Play = "play",
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Step {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|step| step.name() == text);
        found.copied().ok_or_else(|| format!("there is no step {text}"))
    }
}

impl Step {
    /// Does it. A command that is itself to die does so at `point`; the server is armed by [`World::arm`].
    pub async fn run(self, world: &World, point: Option<&str>) {
        match self {
            Self::SignUp => drop(Viewer::newcomer(world).await),
            Self::Rename => world.regular().await.rename(world).await,
            Self::Buy => buy(world, GOOD).await,
            Self::BuyDeclined => buy(world, DECLINED).await,
            Self::BuyAnswerLost => buy(world, ANSWER_LOST).await,
            Self::BuyRequestLost => buy(world, REQUEST_LOST).await,
            Self::BuySlow => buy(world, SLOW).await,
            Self::Renew => renew(world).await,
            Self::Cancel => {
                let viewer = Viewer::newcomer(world).await;
                let purchase = viewer.subscribe(world, GOOD).await;
                viewer.cancel(&purchase).await;
            }
            Self::Sell => world.sell().await,
            Self::Grant => world.grant().await,
            Self::Keys => world.hand_out_keys().await,
            Self::ResolveKey => resolve_key(world).await,
            Self::Webhooks => world.tell_outside().await,
            Self::Dress => world.dress().await,
            Self::Tenants => world.look_after_a_tenant().await,
            Self::Tenant => tenant(world, point),
            Self::Ingest => drop(world.ingest("cbcs").await),
            Self::IngestInParts => world.ingest_in_parts().await,
            Self::UploadInVain => world.upload_in_vain().await,
            Self::Pull => world.pull().await,
            Self::Steer => world.steer().await,
            Self::Subtitle => world.subtitle().await,
            Self::Title => {
                let title_id = world.publish(&world.an_asset().await).await;
                world.withdraw(&title_id).await;
            }
            Self::Premiere => {
                let (title_id, _) = world.ingest("cbcs").await;
                world.regular().await.watch(world, &title_id).await;
            }
            Self::Play => {
                let title_id = world.a_title().await;
                world.regular().await.watch(world, &title_id).await;
            }
        }
    }
}

async fn buy(world: &World, card: &str) {
    let viewer = Viewer::newcomer(world).await;
    let purchase = viewer.subscribe(world, card).await;
    if purchase.paid {
        let path = format!("/entitlement/v1/grants?account_id={}", viewer.account_id);
        world
            .staff
            .until("what was paid for to be granted", async || {
                let grants = world.staff.get(&path).await.ok();
                (grants["data"][0]["reference"].as_str() == purchase.subscription_id.as_deref()).then_some(())
            })
            .await;
    }
}

/// A new subscriber, and a month later a renewal. Whoever else has subscribed is renewed with them.
async fn renew(world: &World) {
    let viewer = world.regular().await;
    let before = viewer.client.get("/billing/v1/account").await.ok();
    if before["subscriptions"].as_array().is_none_or(Vec::is_empty) {
        viewer.subscribe(world, GOOD).await;
    }
    let ends =
        async || text(&viewer.client.get("/billing/v1/account").await.ok()["subscriptions"][0], "period_ends_at");
    let before = ends().await;
    assert!(world.command(&["tenant", "clock", "acme", "31d", "--data", "data"], None));
    world
        .staff
        .until("the next period", async || {
            world.staff.act("/billing/v1/management/renewals", json!({})).await.ok();
            (ends().await > before).then_some(())
        })
        .await;
}

/// As another process of the deployment would: with a context signed by the deployment's secret.
async fn resolve_key(world: &World) {
    world.hand_out_keys().await;
    let live = world.keys.lock().expect("nobody panics while holding it").iter().rev().find(|key| !key.1).cloned();
    let (secret, _) = live.expect("a key was handed out");
    let resolved = ask_signed(world, ("identity", "/identity/v1/api-keys/resolve"), json!({"secret": secret})).await;
    assert_eq!(resolved["tenant"], "acme", "{resolved}");

    // What an edge in another process asks besides, and what it tells the audit.
    let session =
        ask_signed(world, ("identity-edge", "/identity/v1/sessions/resolve"), json!({"cookie": "none"})).await;
    assert_eq!(session, json!({}));
    let uses = format!("/identity/v1/api-keys/{}/uses", resolved["key_id"].as_str().expect("a key's id"));
    ask_signed(world, ("identity-edge", &uses), json!({})).await;
    let subject = json!({"issuer": "https://id.example", "subject": "somebody"});
    let path = "/identity/v1/subjects/resolve";
    let once = ask_signed(world, ("identity-edge", path), subject.clone()).await;
    assert_eq!(ask_signed(world, ("identity-edge", path), subject).await, once, "one account, whatever dies");
    let clock = SystemClock;
    let record = Deed::new("catalog-management", "publish_title", &json!({}));
    let record = record.record(&Cx::operator(acme(), &clock), clock.now(), &[], None);
    let record = OperationRecorded { outcome: AuditOutcome::Refused, ..record };
    ask_signed(world, ("audit-intake", "/audit/v1/intake"), json!({"record": record})).await;
}

fn acme() -> tessera_types::TenantId {
    "acme".parse().expect("a tenant's name")
}

/// Calls an operation of a contract as a module of the deployment, until it is answered.
async fn ask_signed(world: &World, (contract, path): (&str, &str), body: serde_json::Value) -> serde_json::Value {
    let digits = std::fs::read_to_string(world.data().join("secrets/cx-signing")).expect("the deployment's secret");
    let byte = |at: usize| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).expect("hexadecimal digits");
    let signing: Vec<u8> = (0..32).map(byte).collect();
    let clock = std::sync::Arc::new(SystemClock);
    let signer = CxSigner::new(&signing, clock.clone());
    let request = |http: &crate::Browser| {
        let cx = Cx::service(acme(), "edge", &*clock);
        let signed = signer.sign(&cx, contract).expect("a context can be signed");
        http.request(reqwest::Method::POST, path).header(CX_HEADER, signed).json(&body)
    };
    world.visitor().ask(request).await.ok()
}

/// Moves the other tenant's clock; a command that died is given again.
fn tenant(world: &World, point: Option<&str>) {
    let command = ["tenant", "clock", OTHER_TENANT, "1s", "--data", "data"];
    if !world.command(&command, point) {
        assert!(world.command(&command, None), "the command works after one that died");
    }
}

/// How long a point may take to be reached once its step is done: jobs and consumers come a little later.
pub(crate) const AFTERWARDS: Duration = Duration::from_secs(8);

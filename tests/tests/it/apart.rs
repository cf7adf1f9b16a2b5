//! A module that is gone, or stands still: what needs it says so, and the rest goes on.

use std::{collections::BTreeSet, time::Duration};

use reqwest::Method;
use serde_json::{Value, json};
use tessera_testing::eventually;
use tessera_tests::{Answer, Browser, Receiver, Split};
use tokio::task::JoinHandle;

use crate::{
    beating::{Plays, give_many_streams},
    journey::{GOOD_CARD, buy, licence, session_path, start, start_bought},
};

/// Somebody who watches, and what they watch it by.
struct Watching {
    viewer: Browser,
    player: Browser,
    playback: Value,
    manifest: String,
    segment: String,
    /// Many others, who watch on other devices.
    plays: Plays,
}

/// How many they are.
const PLAYS: usize = 200;

impl Watching {
    async fn begin(split: &Split) -> Self {
        let mut many = Vec::new();
        for name in ["ada", "grace"] {
            let mut viewer = split.site.browser();
            viewer.sign_up(&format!("{name}@viewer.example"), "correct horse battery").await;
            give_many_streams(&split.site.with_token(split.fact("staff_key")), name).await;
            many.push(viewer);
        }
        let plays = Plays::begin(&many, &split.title("Seahorse Valley"), PLAYS).await;
        let mut viewer = split.site.browser();
        viewer.sign_up("watcher@viewer.example", "correct horse battery").await;
        buy(&viewer, "plan=basic", GOOD_CARD).await.ok();
        let playback = start_bought(&viewer, &split.title("Seahorse Valley"), "television").await;
        let player = split.site.visitor();
        let dash = playback["sources"][0]["dash_url"].as_str().expect("a DASH manifest").to_owned();
        let manifest = player.get(&dash).await.text();
        let hls = playback["sources"][0]["hls_url"].as_str().expect("an HLS playlist");
        let media = follow(&player, hls).await;
        let segment = follow(&player, &media).await;
        Self { viewer, player, playback, manifest, segment, plays }
    }

    /// The player gets its next segment.
    async fn plays_on(&self, gone: &str) {
        let segment = self.player.get(&self.segment).await;
        assert!(segment.status.is_success(), "without {gone}: {} {}", segment.status, segment.text());
    }

    /// Every one of many plays goes on: it is told so, or by name what of that which it truly needs is gone.
    async fn all_play_on(&self, gone: &str) {
        match gone {
            "front" => {} // through which they are asked
            "entitlement" | "playback" => {
                let judge = |answer: &Answer| match answer.status.is_success() {
                    true => {}
                    false => is_refused_for(answer, gone),
                };
                self.plays.each_beats(judge).await;
            }
            _ => self.each_beats().await,
        }
    }

    /// Each of them is told that it may go on.
    async fn each_beats(&self) {
        let judge = |answer: &Answer| assert!(answer.status.is_success(), "{} {}", answer.status, answer.text());
        self.plays.each_beats(judge).await;
    }

    async fn beat(&self) -> Answer {
        self.viewer.post(&session_path(&self.playback, "heartbeat"), json!({"position_seconds": 2})).await
    }

    /// A licence is to be had.
    async fn is_licensed(&self) {
        licence(&self.player, &self.playback, &self.manifest).await.ok();
    }

    /// The next segment is to be had of the origin itself, as a CDN gets it.
    async fn plays_on_without_the_front(&self, split: &Split) {
        let path = reqwest::Url::parse(&self.segment).expect("an address").path().to_owned();
        let segment = split.site.at(split.port("delivery")).visitor().get(&path).await;
        assert!(segment.status.is_success(), "of the origin: {} {}", segment.status, segment.text());
    }
}

/// The address of the first thing that a playlist names.
async fn follow(player: &Browser, playlist: &str) -> String {
    let text = player.get(playlist).await.text();
    let line = text.lines().find(|line| !line.starts_with('#') && !line.is_empty()).expect("something to follow");
    let base = reqwest::Url::parse(&player.address(playlist)).expect("an address");
    base.join(line).expect("an address").into()
}

/// What of the service is refused while a module is away, and by what request one sees it.
const NEEDED: &[(&str, &str)] = &[
    ("billing", "/billing/v1/offers"),
    ("catalog", "/catalog/v1/titles"),
    ("delivery", "/delivery/v1/posters/none.jpg"),
    ("drm", "/drm/v1/clearkey/00000000000000000000000000000000"),
    ("identity", "/identity/sign-in"),
    ("media", "/media/v1/uploads"),
    ("tenancy", "/tenancy/brand.css"),
    ("viewers", "/viewers/v1/profiles"),
];

/// Whether an answer is a problem that names the module.
fn names(answer: &Answer, module: &str) -> bool {
    let problem = answer.json();
    let said = problem["detail"].as_str().unwrap_or_default();
    let kind = answer.headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    matches!(answer.status.as_u16(), 503 | 504) && kind == "application/problem+json" && said.contains(module)
}

/// Expects a problem that names the module and says when to come back.
fn is_refused_for(answer: &Answer, module: &str) {
    assert!(names(answer, module), "without {module}: {} {}", answer.status, answer.text());
    assert!(answer.headers.contains_key("retry-after"), "without {module}: {:?}", answer.headers);
}

async fn away(split: &mut Split, watching: &Watching, module: &'static str, path: &str) {
    is_refused_for(&watching.viewer.get(path).await, module);
    if !["delivery", "drm", "media"].contains(&module) {
        watching.plays_on(module).await;
    }
    // Posters are what media made; profiles are a viewer's.
    let others = NEEDED.iter().filter(|(other, _)| ![module, "viewers"].contains(other));
    for (other, path) in others.filter(|(other, _)| (module, *other) != ("media", "delivery")) {
        let answer = split.site.visitor().get(path).await;
        assert!(answer.status.as_u16() < 500, "without {module}, {other}: {} {}", answer.status, answer.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_module_killed_in_turn_is_named_by_what_needs_it_and_missed_by_nothing_else() {
    let mut split = Split::whole_with_long_leases();
    let watching = Watching::begin(&split).await;
    for (module, path) in NEEDED {
        split.kill(module);
        away(&mut split, &watching, module, path).await;
        watching.all_play_on(module).await;
        split.revive(module);
        eventually("the module to be asked again", || async {
            (watching.viewer.get(path).await.status.as_u16() < 500).then_some(())
        })
        .await;
    }
    split.kill("identity");
    watching.beat().await.ok(); // who watches is known still
    split.revive("identity");
    split.kill("entitlement");
    licence(&watching.player, &watching.playback, &watching.manifest).await.refused(503, "unavailable");
    watching.plays_on("entitlement").await;
    watching.all_play_on("entitlement").await;
    split.revive("entitlement");
    let outside = Outside::listening(&split).await;
    for module in ["playback", "webhooks", "front"] {
        split.kill(module);
        let later = Later::begin(&split, &watching, module).await;
        if module != "front" {
            watching.plays_on(module).await;
        }
        watching.all_play_on(module).await;
        split.revive(module);
        later.comes(&split, &watching, &outside).await;
    }
    outside.holds();
    split.kill("sandbox_gateway");
    let card = json!({"card_number": GOOD_CARD, "expiry_month": 12, "expiry_year": 2039, "security_code": "123"});
    let token = watching.viewer.post("/payment-gateway/v1/tokens", card).await;
    assert!(names(&token, "card-vault"), "without the gateway: {} {}", token.status, token.text());
    watching.plays_on("sandbox_gateway").await;
    split.revive("sandbox_gateway");
    split.kill("audit");
    let title = split.title("A Quiet Colony");
    watching.beat().await.ok();
    start(&watching.viewer, &title, "phone").await.ok();
    split.revive("audit");
    eventually("everything to be as before", || async { watching.beat().await.status.is_success().then_some(()) })
        .await;
    watching.each_beats().await;
}

/// A fault of a module's process, or of the network before it, that nobody is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// It stands still: connections are taken, and nothing is answered.
    Stopped,
    /// Nothing comes to it or from it.
    CutOff,
}

impl Fault {
    fn begin(self, split: &mut Split, module: &str) {
        match self {
            Self::Stopped => split.process(module).signal("STOP"),
            Self::CutOff => split.cut(module),
        }
    }

    fn end(self, split: &mut Split, module: &str) {
        match self {
            Self::Stopped => split.process(module).signal("CONT"),
            Self::CutOff => split.join(module),
        }
    }
}

/// Who is told of what happens, at an address of their own.
struct Outside(Receiver);

impl Outside {
    async fn listening(split: &Split) -> Self {
        let receiver = Receiver::open();
        let types = ["tessera.catalog.title.published.v1", "tessera.playback.session.started.v1"];
        let endpoint = json!({"url": receiver.url(split.here()), "event_types": types});
        split.site.with_token(split.fact("staff_key")).post("/webhooks/v1/endpoints", endpoint).await.ok();
        Self(receiver)
    }

    /// The ids of the events about this; each may come again under its id.
    fn about(&self, subject: &str) -> BTreeSet<String> {
        let heard = self.0.heard().into_iter();
        heard.filter(|(_, event)| event["subject"] == subject).map(|(id, _)| id).collect()
    }

    /// Waits until they know of it.
    async fn hears_of(&self, subject: &str) {
        eventually("it to be told outside", async || (!self.about(subject).is_empty()).then_some(())).await;
    }

    /// Nothing was told twice: a title was published once, a session started once.
    fn holds(&self) {
        let heard = self.0.heard();
        for (id, event) in &heard {
            let subject = event["subject"].as_str().expect("an event has a subject");
            assert_eq!(event["id"], id.as_str(), "an event goes by its id");
            assert_eq!(self.about(subject).len(), 1, "{subject} is told of once: {heard:?}");
        }
    }
}

/// What was done while a module was away, and has to come of it when it is back.
enum Later {
    Nothing,
    /// What was asked of the front is answered when it goes on; of one that has died there was no connection.
    Answered(JoinHandle<reqwest::Result<Answer>>),
    /// The start that was refused is made once, however often it is asked for.
    StartsOnce,
    /// This title was published and this session started, and who is outside hears of both.
    Told([String; 2]),
    /// Somebody has paid, and may watch.
    Plays(Box<Browser>),
    /// The viewer's next start is there.
    ResumesAt(u64),
    /// The trail tells of this title, once.
    Recorded(String),
}

impl Later {
    /// Does what goes on without the module.
    async fn begin(split: &Split, watching: &Watching, module: &str) -> Self {
        match module {
            "front" => {
                let viewer = watching.viewer.clone();
                let asked = tokio::spawn(async move {
                    let request = viewer.request(Method::GET, "/playback/v1/nothing");
                    viewer.try_send(request).await
                });
                watching.plays_on_without_the_front(split).await;
                Self::Answered(asked)
            }
            "playback" => {
                is_refused_for(&watching.beat().await, module);
                is_refused_for(&start_once(split, &watching.viewer).await, module);
                watching.is_licensed().await;
                Self::StartsOnce
            }
            "webhooks" => {
                let staff = split.site.with_token(split.fact("staff_key"));
                is_refused_for(&staff.get("/webhooks/v1/endpoints").await, module);
                let title = json!({"title": {
                    "name": {"en": "Told"}, "asset_id": "ast_any", "access": {"free": true},
                }});
                let made = staff.post("/catalog/v1/management/titles", title).await.ok();
                let title = made["title_id"].as_str().expect("an id").to_owned();
                staff.post(&format!("/catalog/v1/management/titles/{title}/publish"), json!({})).await.ok();
                let playback = start(&watching.viewer, &split.title("Seahorse Valley"), "laptop").await.ok();
                watching.viewer.post(&session_path(&playback, "stop"), json!({"position_seconds": 1})).await.ok();
                let session = playback["session_id"].as_str().expect("an id").to_owned();
                Self::Told([title, session])
            }
            "entitlement" => {
                let mut viewer = split.site.browser();
                viewer.sign_up("meanwhile@viewer.example", "correct horse battery").await;
                buy(&viewer, "plan=basic", GOOD_CARD).await.ok();
                Self::Plays(Box::new(viewer))
            }
            "viewers" => {
                let stopped = json!({"position_seconds": 5});
                watching.viewer.post(&session_path(&watching.playback, "stop"), stopped).await.ok();
                Self::ResumesAt(5)
            }
            "audit" => {
                let staff = split.site.with_token(split.fact("staff_key"));
                let title = json!({"title": {"name": {"en": "Meanwhile"}}});
                let made = staff.post("/catalog/v1/management/titles", title).await.ok();
                Self::Recorded(made["title_id"].as_str().expect("an id").to_owned())
            }
            _ => Self::Nothing,
        }
    }

    /// Waits for it.
    async fn comes(self, split: &Split, watching: &Watching, outside: &Outside) {
        let title = split.title("Seahorse Valley");
        match self {
            Self::Nothing => {}
            Self::Answered(asked) => {
                match asked.await.expect("it does not panic") {
                    Ok(answer) => drop(answer.refused(404, "not_found")),
                    Err(error) => assert!(error.is_connect(), "{error}"),
                }
                watching.beat().await.ok(); // who is signed in is so still
            }
            Self::StartsOnce => {
                let started = eventually("the start to be made", async || {
                    let started = start_once(split, &watching.viewer).await;
                    started.status.is_success().then(|| started.json())
                })
                .await;
                let again = start_once(split, &watching.viewer).await.ok();
                assert_eq!(again["session_id"], started["session_id"], "one key is one session");
                watching.beat().await.ok();
                let session = started["session_id"].as_str().expect("an id");
                outside.hears_of(session).await;
                let on_it = |event: &Value| event["data"]["session"]["device_id"] == "once";
                let told = outside.0.heard().into_iter().filter(|(_, event)| on_it(event));
                let told: BTreeSet<String> = told.map(|(_, event)| event["subject"].to_string()).collect();
                assert_eq!(told, BTreeSet::from([json!(session).to_string()]), "the device started one session");
                watching.viewer.post(&session_path(&started, "stop"), json!({"position_seconds": 1})).await.ok();
            }
            Self::Told([title, session]) => {
                outside.hears_of(&title).await;
                outside.hears_of(&session).await;
            }
            Self::Plays(viewer) => drop(start_bought(&viewer, &title, "phone").await),
            Self::ResumesAt(seconds) => {
                eventually("the position to be remembered", async || {
                    let again = start(&watching.viewer, &title, "television").await;
                    let again = again.status.is_success().then(|| again.json())?;
                    (again["resume_position_seconds"] == seconds).then_some(())
                })
                .await;
            }
            Self::Recorded(title) => {
                let staff = split.site.with_token(split.fact("staff_key"));
                let records = eventually("the trail to tell of it", async || {
                    let trail = staff.get(&format!("/audit/v1/records?target={title}")).await;
                    let records = trail.json()["data"].as_array().cloned().unwrap_or_default();
                    (!records.is_empty()).then_some(records)
                })
                .await;
                assert_eq!(records.len(), 1, "{records:?}");
            }
        }
    }
}

/// A start with one and the same key.
async fn start_once(split: &Split, viewer: &Browser) -> Answer {
    let request = json!({"title_id": split.title("Seahorse Valley"), "device_id": "once"});
    viewer.post_once("/playback/v1/sessions", "once", request).await
}

/// In this order: who watches, watches until viewers is away.
const EACH: &[&str] = &[
    "front",
    "playback",
    "webhooks",
    "entitlement",
    "viewers",
    "audit",
    "billing",
    "catalog",
    "delivery",
    "drm",
    "identity",
    "media",
    "tenancy",
];

/// Every module is away for a while, one after the other.
async fn each_in_turn(mut split: Split, fault: Fault) {
    let watching = Watching::begin(&split).await;
    let outside = Outside::listening(&split).await;
    let before = booked(&split).await.len();
    // The front is not on the network that is cut: its viewers are here.
    let each = EACH.iter().copied().filter(|module| (*module, fault) != ("front", Fault::CutOff));
    for module in each {
        eprintln!("{fault:?}: {module}");
        let path = NEEDED.iter().find(|(name, _)| *name == module).map(|(_, path)| *path);
        fault.begin(&mut split, module);
        watching.all_play_on(module).await;
        let later = Later::begin(&split, &watching, module).await;
        if let Some(path) = path {
            let waiting = watching.viewer.get(path).await;
            assert!(names(&waiting, module), "{fault:?} {module}: {} {}", waiting.status, waiting.text());
            assert!(waiting.headers.contains_key("retry-after"), "{fault:?} {module}: {:?}", waiting.headers);
        }
        if !["delivery", "drm", "front", "media"].contains(&module) {
            watching.plays_on(module).await;
        }
        fault.end(&mut split, module);
        if let Some(path) = path {
            eventually("the module to be asked again", async || {
                let asked = tokio::time::timeout(Duration::from_secs(60), watching.viewer.get(path)).await;
                (asked.expect("an answer").status.as_u16() < 500).then_some(())
            })
            .await;
        }
        later.comes(&split, &watching, &outside).await;
    }
    outside.holds();
    watching.each_beats().await;
    // Whoever paid has paid once, and the books say so.
    let booked = booked(&split).await;
    assert_eq!(booked.len(), before + 1, "{booked:#?}");
    for transaction in booked {
        let entries = transaction["entries"].as_array().expect("entries").iter();
        let sum: i64 = entries.filter_map(|entry| entry["amount"]["amount_minor"].as_i64()).sum();
        assert_eq!(sum, 0, "{transaction}");
    }
}

/// What stands in the books.
async fn booked(split: &Split) -> Vec<Value> {
    let staff = split.site.with_token(split.fact("staff_key"));
    let ledger = staff.get("/billing/v1/management/ledger?limit=100").await.ok();
    ledger["data"].as_array().expect("transactions").clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_module_that_stands_still_holds_up_what_needs_it_for_a_while_and_nothing_else() {
    each_in_turn(Split::whole_with_long_leases(), Fault::Stopped).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_module_cut_off_from_the_network_is_named_and_what_happened_meanwhile_arrives() {
    if let Some(split) = Split::over_a_network() {
        each_in_turn(split, Fault::CutOff).await;
    }
}

//! A module that is gone, or stands still: what needs it says so, and the rest goes on.

use std::time::Duration;

use serde_json::{Value, json};
use tessera_testing::eventually;
use tessera_tests::{Answer, Browser, Split};

use crate::journey::{GOOD_CARD, buy, licence, session_path, start, start_bought};

/// Somebody who watches, and what they watch it by.
struct Watching {
    viewer: Browser,
    player: Browser,
    playback: Value,
    manifest: String,
    segment: String,
}

impl Watching {
    async fn begin(split: &Split) -> Self {
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
        Self { viewer, player, playback, manifest, segment }
    }

    /// The player gets its next segment.
    async fn plays_on(&self, gone: &str) {
        let segment = self.player.get(&self.segment).await;
        assert!(segment.status.is_success(), "without {gone}: {} {}", segment.status, segment.text());
    }

    async fn beat(&self) -> Answer {
        self.viewer.post(&session_path(&self.playback, "heartbeat"), json!({"position_seconds": 2})).await
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

async fn away(split: &mut Split, watching: &Watching, module: &'static str, path: &str) {
    let answer = watching.viewer.get(path).await;
    assert!(names(&answer, module), "without {module}: {} {}", answer.status, answer.text());
    assert!(answer.headers.contains_key("retry-after"), "without {module}: {:?}", answer.headers);
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
    let mut split = Split::whole();
    let watching = Watching::begin(&split).await;
    for (module, path) in NEEDED {
        split.kill(module);
        away(&mut split, &watching, module, path).await;
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
    split.revive("entitlement");
    split.kill("playback");
    let beat = watching.beat().await;
    assert!(names(&beat, "playback"), "without playback: {} {}", beat.status, beat.text());
    watching.plays_on("playback").await;
    split.revive("playback");
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
}

/// A fault of a module's process, or of the network before it, that nobody is told of.
#[derive(Debug, Clone, Copy)]
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

/// What was done while a module was away, and has to come of it when it is back.
enum Later {
    Nothing,
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
    async fn comes(self, split: &Split, watching: &Watching) {
        let title = split.title("Seahorse Valley");
        match self {
            Self::Nothing => {}
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

/// Every module is away for a while, one after the other.
async fn each_in_turn(mut split: Split, fault: Fault) {
    let watching = Watching::begin(&split).await;
    let before = booked(&split).await.len();
    for module in
        ["entitlement", "viewers", "audit", "billing", "catalog", "delivery", "drm", "identity", "media", "tenancy"]
    {
        eprintln!("{fault:?}: {module}");
        let path = NEEDED.iter().find(|(name, _)| *name == module).map(|(_, path)| *path);
        fault.begin(&mut split, module);
        let later = Later::begin(&split, &watching, module).await;
        if let Some(path) = path {
            let waiting = watching.viewer.get(path).await;
            assert!(names(&waiting, module), "{fault:?} {module}: {} {}", waiting.status, waiting.text());
            assert!(waiting.headers.contains_key("retry-after"), "{fault:?} {module}: {:?}", waiting.headers);
        }
        if !["delivery", "drm", "media"].contains(&module) {
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
        later.comes(&split, &watching).await;
    }
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
    each_in_turn(Split::whole(), Fault::Stopped).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_module_cut_off_from_the_network_is_named_and_what_happened_meanwhile_arrives() {
    if let Some(split) = Split::over_a_network() {
        each_in_turn(split, Fault::CutOff).await;
    }
}

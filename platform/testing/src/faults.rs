//! Seeded faults: a conforming implementation behind a layer that spoils one thing, and the rule that must notice.
//!
//! A fault is a line of data. What is spoilt is the answer on its way back, or what the implementation learns of the
//! request: an implementation that forgets idempotency keys is one that gets another key with each call.

use std::fmt::Write;

use axum::Router;
use serde_json::Value;
use tessera_contract::{
    Api, CxSigner, OperationInfo,
    conformance::{Report, Rule, SignedHttp, Subject, Verdict, check},
    http_client,
};

use crate::{Served, clock, spoilt::Spoiler};

/// Something wrong with an implementation, and who must notice.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    /// The operation that is wrong; [`EVERY`] for all.
    pub at: &'static str,
    /// What is wrong with it.
    pub spoil: Spoil,
    /// The rule that must catch it.
    pub caught_by: &'static str,
}

/// Every operation.
pub const EVERY: &str = "*";

/// What is wrong. Places in a body are pointers (RFC 6901) in which `*` is each entry of a list.
#[derive(Debug, Clone, Copy)]
pub enum Spoil {
    /// A success has this status.
    Status(u16),
    /// A refusal has another status and code than this one.
    Refuses(&'static str, u16, &'static str),
    /// A refusal with this code is a success: the operation's last one, or what is here when there was none.
    Succeeds(&'static str, &'static str),
    /// A field is left out.
    Without(&'static str),
    /// A field has another name.
    Renamed(&'static str, &'static str),
    /// A field has this value, in JSON.
    Set(&'static str, &'static str),
    /// A field has this value, in JSON, in refusals.
    SetInRefusals(&'static str, &'static str),
    /// A number is a string.
    AsText(&'static str),
    /// A time has lost its zone.
    WithoutZone(&'static str),
    /// A header has this value, or is left out.
    Header(&'static str, Option<&'static str>),
    /// The body ends in the middle, and says that this is its length.
    Halved,
    /// The connection ends in the middle of the body.
    BreaksOff,
    /// So many spaces follow the body.
    Padded(usize),
    /// Every call is 429, and nothing says when to come back.
    Hasty,
    /// The first answer to a request is given to every later one like it.
    Stale,
    /// A page after the first lacks its first entry.
    Skips,
    /// The second page's cursor is the first one's.
    RepeatsCursor,
    /// The last page says that there is another: the first.
    NeverEnds,
    /// A caller without a credential is taken for one that may.
    LetsInAnybody,
    /// Staff without a scope is taken for staff with all.
    IgnoresScopes,
    /// A viewer is taken for a module.
    TrustsViewers,
    /// Staff is taken for a module.
    TrustsStaff,
    /// An idempotency key is forgotten at once.
    ForgetsKeys,
    /// A call without an idempotency key is carried out.
    NeedsNoKey,
    /// The same key with another request is another effect.
    KeysAreOfTheRequest,
    /// The other tenant's calls are taken for ours.
    OneTenant,
    /// Each viewer is taken for this account's.
    OneAccount(&'static str),
    /// The time that the caller's context says is taken for the clock's.
    TimeStands,
    /// A field of the request is not read.
    Ignores(&'static str),
    /// A field of the request is read as this, in JSON.
    Reads(&'static str, &'static str),
}

/// Runs `rules` against what `open` makes, as it is and with each of `faults`; each time a fresh one, for a fault may leave
/// behind what breaks another rule. `open` answers with its apis, the rules' fixture, and what has to live as long.
/// Panics with each fault that its rule lets pass, and when the implementation itself does not conform.
pub async fn faults_are_caught<K>(
    contract: &'static str,
    rules: &[Rule],
    faults: &[Fault],
    open: impl AsyncFn() -> (Vec<Api>, Value, K),
) {
    let (apis, fixture, alive) = open().await;
    let report = run(contract, rules, apis, None, &fixture).await;
    assert!(report.conforms(), "without a fault:\n{report}");
    drop(alive);
    let mut passed = String::new();
    for fault in faults {
        let (apis, fixture, alive) = open().await;
        let report = run(contract, rules, apis, Some(*fault), &fixture).await;
        drop(alive);
        let outcome = report.outcomes.iter().find(|outcome| outcome.rule == fault.caught_by);
        let outcome = outcome.unwrap_or_else(|| panic!("{fault:?}: there is no such rule"));
        if outcome.verdict != Verdict::NotConforming {
            let _ = writeln!(passed, "{fault:?} is {} by it:", outcome.verdict.name());
            for other in report.outcomes.iter().filter_map(|other| Some((other.rule, other.violation.as_ref()?))) {
                let _ = writeln!(passed, "    {}: {}", other.0, other.1.why);
            }
        }
    }
    assert!(passed.is_empty(), "not caught by their rule:\n{passed}");
    eprintln!("{contract}: {} faults, each caught by its rule", faults.len());
}

async fn run(contract: &'static str, rules: &[Rule], apis: Vec<Api>, fault: Option<Fault>, fixture: &Value) -> Report {
    let contracts: Vec<_> = apis.iter().map(|api| (api.info, api.document.clone())).collect();
    let operations: Vec<&'static OperationInfo> =
        contracts.iter().flat_map(|(info, _)| info.operations).copied().collect();
    let signer = CxSigner::new(&[42; 32], clock());
    let router = crate::conformance::router(apis, signer.clone());
    let router: Router = match fault {
        Some(fault) => Spoiler::new(fault, operations, signer.clone()).around(router),
        None => router,
    };
    let served = Served::router(router).await;
    let tenants = ["acme", "globex"].map(|name| name.parse().expect("a literal tenant"));
    let probe = SignedHttp { http: http_client().into(), base: served.base.clone(), signer, tenants, clock: clock() };
    let subject = Subject::new(&contracts, &probe, fixture.clone()).expect("the documents compile");
    check(contract, rules, &subject).await
}

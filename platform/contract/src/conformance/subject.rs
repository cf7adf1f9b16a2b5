//! An implementation under test, and the rules it is held to.

use std::{collections::BTreeMap, sync::Mutex, time::Duration};

use futures::future::BoxFuture;
use serde_json::Value;

use crate::{ContractInfo, FailureKind, OperationInfo};

use super::{
    Actor, Exchange, Probe, Report, RuleOutcome, Verdict, Violation, access_rules, document_rules, schema::Schemas,
};

/// How often a call is repeated that was told to come back later, and how long one wait may be.
const RETURNS: u32 = 5;
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// An implementation under test.
pub struct Subject<'p> {
    probe: &'p dyn Probe,
    operations: BTreeMap<&'static str, &'static OperationInfo>,
    schemas: Vec<(&'static str, Schemas)>,
    /// The starting state: ids that the rules name, as the contract's rules document.
    pub fixture: Value,
    exchanges: Mutex<Vec<Exchange>>,
    breaches: Mutex<BTreeMap<&'static str, Violation>>,
}

impl<'p> Subject<'p> {
    /// An implementation of `contracts` (each with its frozen document) reached through `probe`, in the state that
    /// `fixture` describes. `/run` is added to it: a URL-safe name that is new for each run, so that rules can make
    /// things of their own.
    pub fn new(
        contracts: &[(&'static ContractInfo, Value)],
        probe: &'p dyn Probe,
        mut fixture: Value,
    ) -> Result<Self, Violation> {
        if let Some(fixture) = fixture.as_object_mut() {
            fixture.insert("run".into(), format!("{:016x}", rand::random::<u64>()).into());
        }
        let schemas: Result<Vec<_>, Violation> =
            contracts.iter().map(|(info, document)| Ok((info.name, Schemas::new(info, document)?))).collect();
        let operations = contracts.iter().flat_map(|(info, _)| info.operations).map(|op| (op.name, *op)).collect();
        let (exchanges, breaches) = Default::default();
        Ok(Self { probe, operations, schemas: schemas?, fixture, exchanges, breaches })
    }

    /// Calls an operation and checks the exchange against the document. Who is told to come back later (429 with
    /// `Retry-After`) does.
    pub async fn call(&self, operation: &str, actor: &Actor, request: Value) -> Result<Exchange, Violation> {
        let info = self.operations.get(operation).copied();
        let info = info.ok_or_else(|| Violation::new(format!("no operation {operation} in these contracts")))?;
        let fields = request.as_object().cloned().unwrap_or_default();
        let mut exchange = self.probe.send(info, actor, fields.clone()).await?;
        for _ in 0..RETURNS {
            let Some(wait) = told_to_wait(&exchange) else { break };
            tokio::time::sleep(wait).await;
            exchange = self.probe.send(info, actor, fields.clone()).await?;
        }
        if let Ok(mut exchanges) = self.exchanges.lock() {
            exchanges.push(exchange.clone());
        }
        let found = self.schemas_of(info).map_or(Ok(()), |schemas| schemas.check(&exchange));
        found.map_err(|(rule, violation)| {
            if let Ok(mut breaches) = self.breaches.lock() {
                breaches.entry(rule).or_insert_with(|| violation.clone());
            }
            violation
        })?;
        Ok(exchange)
    }

    /// A text of the fixture by pointer (RFC 6901), such as `/published_title`.
    pub fn given(&self, pointer: &str) -> Result<String, Violation> {
        let value = self.fixture.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        value.ok_or_else(|| Violation::not_checked(format!("the fixture lacks {pointer}")))
    }

    /// The operations under test.
    pub fn operations(&self) -> impl Iterator<Item = &'static OperationInfo> {
        self.operations.values().copied()
    }

    /// A request of `operation` that decodes, where one can be made from its document alone.
    pub(super) fn sample(&self, operation: &OperationInfo) -> Option<Value> {
        self.schemas_of(operation)?.sample(operation.name).cloned().map(Value::Object)
    }

    /// Whether `operation` answers in pages.
    pub(super) fn is_list(&self, operation: &OperationInfo) -> bool {
        self.schemas_of(operation).is_some_and(|schemas| schemas.is_list(operation.name))
    }

    /// The first exchange that broke a rule of [`document_rules`].
    pub(super) fn breach(&self, rule: &str) -> Option<Violation> {
        self.breaches.lock().ok()?.get(rule).cloned()
    }

    fn schemas_of(&self, operation: &OperationInfo) -> Option<&Schemas> {
        self.schemas.iter().find(|(name, _)| *name == operation.contract).map(|(_, schemas)| schemas)
    }

    fn made(&self, since: usize) -> Vec<Exchange> {
        self.exchanges.lock().map(|made| made.get(since..).unwrap_or_default().to_vec()).unwrap_or_default()
    }
}

/// How long an answer tells its caller to stay away, if it does.
fn told_to_wait(exchange: &Exchange) -> Option<Duration> {
    let said = exchange.wire.as_ref()?.retry_after.as_deref()?.parse().ok().map(Duration::from_secs)?;
    (exchange.status == FailureKind::RateLimited.status()).then_some(said).filter(|wait| *wait <= LONGEST_WAIT)
}

/// One rule of a contract.
pub struct Rule {
    /// A stable name, `draft_is_not_found`.
    pub name: &'static str,
    /// What the contract promises, in a sentence.
    pub promise: &'static str,
    /// Finds out.
    pub check: for<'s> fn(&'s Subject<'_>) -> BoxFuture<'s, Result<(), Violation>>,
}

/// Runs the rules: first who may call, last lists and what every answer was held to. One that cannot
/// be reached at the first rule, or does not answer it in time, is not asked again.
pub async fn check(contract: &'static str, rules: &[Rule], subject: &Subject<'_>) -> Report {
    let (mut outcomes, mut made) = (Vec::new(), 0);
    let mut in_the_way: Option<Violation> = None;
    for rule in access_rules().iter().chain(rules).chain(document_rules()) {
        let violation = match &in_the_way {
            None => (rule.check)(subject).await.err(),
            Some(first) => Some(Violation { why: format!("not tried: {}", first.why), sent: None, ..first.clone() }),
        };
        let calls = subject.made(made);
        made += calls.len();
        let gone = |violation: &&Violation| matches!(violation.verdict, Verdict::NotReachable | Verdict::Slow);
        if made == 0 && in_the_way.is_none() {
            in_the_way = violation.as_ref().filter(gone).cloned();
        }
        outcomes.push(RuleOutcome::of(rule.name, rule.promise, &calls, violation));
    }
    Report::of(contract, outcomes, made)
}

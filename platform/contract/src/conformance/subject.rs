//! An implementation under test, the rules it is held to, and what came of it.

use std::{collections::BTreeMap, sync::Mutex};

use futures::future::BoxFuture;
use serde::Serialize;
use serde_json::Value;

use crate::{ContractInfo, OperationInfo};

use super::{Actor, Exchange, Probe, Violation, schema::Schemas};

/// An implementation under test.
pub struct Subject<'p> {
    probe: &'p dyn Probe,
    operations: BTreeMap<&'static str, &'static OperationInfo>,
    schemas: Vec<(&'static str, Schemas)>,
    /// The starting state: ids that the rules name, as the contract's rules document.
    pub fixture: Value,
    exchanges: Mutex<Vec<Exchange>>,
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
        Ok(Self { probe, operations, schemas: schemas?, fixture, exchanges: Mutex::default() })
    }

    /// Calls an operation and checks the exchange against the document.
    pub async fn call(&self, operation: &str, actor: &Actor, request: Value) -> Result<Exchange, Violation> {
        let info = self.operations.get(operation).copied();
        let info = info.ok_or_else(|| Violation::new(format!("no operation {operation} in these contracts")))?;
        let fields = request.as_object().cloned().unwrap_or_default();
        let exchange = self.probe.send(info, actor, fields).await?;
        if let Ok(mut exchanges) = self.exchanges.lock() {
            exchanges.push(exchange.clone());
        }
        let schemas = self.schemas.iter().find(|(name, _)| *name == info.contract);
        schemas.map_or(Ok(()), |(_, schemas)| schemas.check(&exchange))?;
        Ok(exchange)
    }

    /// A text of the fixture by pointer (RFC 6901), such as `/published_title`.
    pub fn given(&self, pointer: &str) -> Result<String, Violation> {
        let value = self.fixture.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        value.ok_or_else(|| Violation::NotReachable(format!("the fixture lacks {pointer}")))
    }

    /// A request of `operation` that decodes, where one can be made from its document alone.
    pub(super) fn sample(&self, operation: &OperationInfo) -> Option<Value> {
        let (_, schemas) = self.schemas.iter().find(|(name, _)| *name == operation.contract)?;
        schemas.sample(operation.name).cloned().map(Value::Object)
    }

    /// The operations under test.
    pub fn operations(&self) -> impl Iterator<Item = &'static OperationInfo> {
        self.operations.values().copied()
    }
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

/// What a rule found.
#[derive(Debug, Clone, Serialize)]
pub struct RuleOutcome {
    /// The rule's name.
    pub rule: &'static str,
    /// What it promises.
    pub promise: &'static str,
    /// `None` when it holds.
    pub violation: Option<Violation>,
}

/// What all rules found.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The contract's name.
    pub contract: &'static str,
    /// A line a rule.
    pub outcomes: Vec<RuleOutcome>,
    /// How many requests were made.
    pub exchanges: usize,
}

impl Report {
    /// Whether every rule holds.
    pub fn conforms(&self) -> bool {
        self.outcomes.iter().all(|outcome| outcome.violation.is_none())
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for outcome in &self.outcomes {
            match &outcome.violation {
                None => writeln!(f, "  ok    {}", outcome.rule)?,
                Some(violation) => {
                    writeln!(f, "  FAIL  {}\n        promise: {}\n        {violation}", outcome.rule, outcome.promise)?;
                }
            }
        }
        let failed = self.outcomes.iter().filter(|o| o.violation.is_some()).count();
        let (contract, rules) = (self.contract, self.outcomes.len());
        write!(f, "{contract}: {} of {rules} rules hold, {} requests", rules - failed, self.exchanges)
    }
}

/// Runs the rules, those that hold for every contract first.
pub async fn check(contract: &'static str, rules: &[Rule], subject: &Subject<'_>) -> Report {
    let mut outcomes = Vec::new();
    for rule in super::access_rules().iter().chain(rules) {
        let violation = (rule.check)(subject).await.err();
        outcomes.push(RuleOutcome { rule: rule.name, promise: rule.promise, violation });
    }
    let exchanges = subject.exchanges.lock().map(|e| e.len()).unwrap_or_default();
    Report { contract, outcomes, exchanges }
}

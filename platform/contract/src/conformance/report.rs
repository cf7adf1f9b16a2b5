//! What all rules found, for a person and for a program.

use std::{fmt, time::Duration};

use serde::Serialize;

use super::{Exchange, Verdict, Violation};

/// A correct answer that takes longer is shown as slow.
const NOTICEABLE: Duration = Duration::from_secs(1);

/// What a rule found.
#[derive(Debug, Clone, Serialize)]
pub struct RuleOutcome {
    /// The rule's name.
    pub rule: &'static str,
    /// What it promises.
    pub promise: &'static str,
    /// What came of it.
    pub verdict: Verdict,
    /// How many requests it made.
    pub calls: usize,
    /// The answer that took longest.
    pub slowest: Option<Slowest>,
    /// `None` when it holds.
    pub violation: Option<Violation>,
}

/// The answer that took longest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Slowest {
    /// Of which operation.
    pub operation: &'static str,
    /// How long.
    pub milliseconds: u64,
}

impl RuleOutcome {
    pub(super) fn of(
        rule: &'static str,
        promise: &'static str,
        made: &[Exchange],
        violation: Option<Violation>,
    ) -> Self {
        let slowest = made.iter().max_by_key(|exchange| exchange.elapsed).map(|exchange| Slowest {
            operation: exchange.operation,
            milliseconds: u64::try_from(exchange.elapsed.as_millis()).unwrap_or(u64::MAX),
        });
        let verdict = violation.as_ref().map_or(Verdict::Conforming, |violation| violation.verdict);
        Self { rule, promise, verdict, calls: made.len(), slowest, violation }
    }
}

/// What all rules found.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The contract's name.
    pub contract: &'static str,
    /// The weightiest of the rules' verdicts.
    pub verdict: Verdict,
    /// A line a rule.
    pub outcomes: Vec<RuleOutcome>,
    /// How many requests had an answer.
    pub exchanges: usize,
}

impl Report {
    pub(super) fn of(contract: &'static str, outcomes: Vec<RuleOutcome>, exchanges: usize) -> Self {
        let verdict = outcomes.iter().map(|outcome| outcome.verdict).max().unwrap_or(Verdict::NotChecked);
        Self { contract, verdict, outcomes, exchanges }
    }

    /// Whether every rule holds.
    pub fn conforms(&self) -> bool {
        self.verdict == Verdict::Conforming
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for outcome in &self.outcomes {
            line(outcome, f)?;
        }
        let held = self.outcomes.iter().filter(|o| o.verdict == Verdict::Conforming).count();
        let (contract, rules, verdict) = (self.contract, self.outcomes.len(), self.verdict.name());
        write!(f, "{contract} is {verdict}: {held} of {rules} rules hold, {} requests", self.exchanges)
    }
}

fn line(outcome: &RuleOutcome, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let word = match outcome.verdict {
        Verdict::Conforming => "ok    ",
        Verdict::NotConforming => "FAIL  ",
        Verdict::NotReachable => "AWAY  ",
        Verdict::Slow => "SLOW  ",
        Verdict::NotChecked => "?     ",
    };
    write!(f, "  {word}{}", outcome.rule)?;
    if let Some(slowest) = &outcome.slowest {
        let Slowest { operation, milliseconds } = slowest;
        let marked = if Duration::from_millis(*milliseconds) >= NOTICEABLE { "slow: " } else { "" };
        write!(f, "  ({} requests, {marked}{operation} took {milliseconds} ms)", outcome.calls)?;
    }
    writeln!(f)?;
    let Some(violation) = &outcome.violation else { return Ok(()) };
    writeln!(f, "          promise   {}", outcome.promise)?;
    writeln!(f, "          because   {}", violation.why)?;
    if let Some(sent) = &violation.sent {
        write!(f, "          sent      {} {} as {}", sent.method, sent.path, sent.actor)?;
        if let Some(key) = &sent.idempotency_key {
            write!(f, " under key {key}")?;
        }
        writeln!(f, ": {} {}", sent.operation, sent.fields)?;
    }
    if let Some(got) = &violation.got {
        let kind = got.content_type.as_deref().unwrap_or("in process");
        writeln!(f, "          got       {} ({kind}) after {} ms: {}", got.status, got.milliseconds, got.body)?;
    }
    match &violation.clause {
        Some(clause) => writeln!(f, "          document  {clause}"),
        None => Ok(()),
    }
}

//! What an implementation did that its contract does not allow, and what that makes of a rule.

use serde::Serialize;
use serde_json::Value;

use super::{Exchange, Obstacle};

/// What came of a rule, or of a whole check. The greater outweighs the lesser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The promise is kept.
    Conforming,
    /// The fixture lacks what is needed to find out.
    NotChecked,
    /// No answer came before the operation's deadline.
    Slow,
    /// The implementation could not be asked.
    NotReachable,
    /// It answered, and the answer breaks the contract.
    NotConforming,
}

impl Verdict {
    /// In words.
    pub const fn name(self) -> &'static str {
        match self {
            Verdict::Conforming => "conforming",
            Verdict::NotChecked => "not checked",
            Verdict::Slow => "slow",
            Verdict::NotReachable => "not reachable",
            Verdict::NotConforming => "not conforming",
        }
    }
}

/// Why a rule does not hold: what was sent, what came back, and where the contract says otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{}: {why}", verdict.name())]
pub struct Violation {
    /// Never [`Verdict::Conforming`].
    pub verdict: Verdict,
    /// In a sentence.
    pub why: String,
    /// Where the contract's OpenAPI document says otherwise, as a URI fragment (RFC 6901 §6).
    pub clause: Option<String>,
    /// What is in the way, when it cannot be reached.
    pub obstacle: Option<Obstacle>,
    /// The request.
    pub sent: Option<Box<Sent>>,
    /// The answer to it.
    pub got: Option<Box<Got>>,
}

/// A request, as a person repeats it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sent {
    /// The operation's name.
    pub operation: &'static str,
    /// Its method.
    pub method: &'static str,
    /// Its path, with its fields in braces.
    pub path: &'static str,
    /// As whom.
    pub actor: String,
    /// Under which idempotency key.
    pub idempotency_key: Option<String>,
    /// All fields, those of the path too.
    pub fields: Value,
}

/// An answer, as recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Got {
    /// HTTP status.
    pub status: u16,
    /// `Content-Type`; absent in process.
    pub content_type: Option<String>,
    /// The body, shortened; `null` when it was not JSON.
    pub body: String,
    /// When it was there, after the request.
    pub milliseconds: u64,
}

impl Violation {
    /// A broken rule, in words.
    pub fn new(why: impl Into<String>) -> Self {
        Self::of(Verdict::NotConforming, why.into())
    }

    /// The fixture lacks something.
    pub fn not_checked(why: impl Into<String>) -> Self {
        Self::of(Verdict::NotChecked, why.into())
    }

    /// No answer in time.
    pub fn slow(why: impl Into<String>) -> Self {
        Self::of(Verdict::Slow, why.into())
    }

    /// It could not be asked, for what is in the way.
    pub fn not_reachable(obstacle: Obstacle, why: impl Into<String>) -> Self {
        Self { obstacle: Some(obstacle), ..Self::of(Verdict::NotReachable, why.into()) }
    }

    /// The same with the exchange that shows it; the clause is the exchange's unless there is a closer one.
    pub fn shown_by(self, exchange: &Exchange) -> Self {
        let clause = self.clause.unwrap_or_else(|| exchange.clause());
        let (sent, got) = (Some(Box::new(exchange.sent())), Some(Box::new(exchange.got())));
        Self { clause: Some(clause), sent, got, ..self }
    }

    /// The same with the request that had no answer.
    pub(crate) fn about(self, sent: Sent) -> Self {
        Self { sent: Some(Box::new(sent)), ..self }
    }

    /// The same with the place in the document that says otherwise.
    pub fn against(self, clause: impl Into<String>) -> Self {
        Self { clause: Some(clause.into()), ..self }
    }

    fn of(verdict: Verdict, why: String) -> Self {
        Self { verdict, why, clause: None, obstacle: None, sent: None, got: None }
    }
}

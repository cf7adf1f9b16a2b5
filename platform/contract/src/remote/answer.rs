//! What came back: read within limits, and judged.

use std::time::Duration;

use http::header;
use serde::{
    Deserialize,
    de::{DeserializeOwned, Error as _},
};
use serde_json::{Map, Value};

use super::{
    RawAnswer,
    carrier::{Incoming, NoAnswer},
    target::Outcome,
};
use crate::{ContractError, Failure, FailureKind, OperationInfo, PROBLEM_JSON};

/// When to come back to a contract that is out of reach.
const COME_BACK: Duration = Duration::from_secs(2);
/// The largest answer that is read.
pub(super) const MAX_ANSWER: usize = 8 * 1024 * 1024;

/// An answer, whole.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content: Content,
    pub(super) retry_after: Option<Duration>,
}

/// What an answer holds.
pub(super) enum Content {
    /// Text, which should be JSON.
    Json(Vec<u8>),
    /// A success's fields, which travelled as a message.
    Fields(Map<String, Value>),
    /// Nothing that the contract speaks of; the text says what there is.
    None(String),
}

impl Content {
    /// What it says.
    pub(super) fn parse<T: DeserializeOwned>(self) -> Result<T, serde_json::Error> {
        match self {
            Content::Json(text) => serde_json::from_slice(&text),
            Content::Fields(fields) => T::deserialize(Value::Object(fields)),
            Content::None(why) => Err(serde_json::Error::custom(why)),
        }
    }
}

impl Answer {
    /// As it would be over HTTP, for whoever judges it.
    pub(super) fn into_raw(self, operation: &OperationInfo) -> Result<RawAnswer, Failure> {
        let Self { status, content, retry_after } = self;
        let kind = if status == operation.status { "application/json" } else { PROBLEM_JSON };
        let mut headers = header::HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
        if let Some(wait) = retry_after {
            headers.insert(header::RETRY_AFTER, wait.as_secs().into());
        }
        let body = match content {
            Content::Json(text) => text,
            Content::Fields(fields) => serde_json::to_vec(&fields)
                .map_err(|error| Failure::internal("writing an answer's fields as JSON", error))?,
            Content::None(why) => why.into_bytes(),
        };
        Ok(RawAnswer { status, headers, body: Ok(body) })
    }
}

/// No answer, and how that came.
pub(super) struct Lost {
    pub(super) outcome: Outcome,
    pub(super) failure: Failure,
}

/// What a problem needs for a caller to act on; `type` and `title` may be missing in a stranger's answer.
#[derive(Deserialize)]
pub(super) struct WireProblem {
    code: String,
    #[serde(default)]
    detail: String,
    #[serde(default)]
    param: Option<String>,
}

/// An answer that is not success.
pub(super) struct Refused {
    pub(super) status: u16,
    pub(super) retry_after: Option<Duration>,
    /// The problem, unless that is not what came.
    pub(super) problem: Result<WireProblem, serde_json::Error>,
}

impl Refused {
    pub(super) fn new(answer: Answer) -> Self {
        let Answer { status, content, retry_after } = answer;
        Self { status, retry_after, problem: content.parse() }
    }

    /// What it says of who answered.
    pub(super) fn outcome(&self) -> Outcome {
        match &self.problem {
            Ok(problem) if FailureKind::from_code(&problem.code) == Some(FailureKind::DeadlineExceeded) => {
                Outcome::Late
            }
            // It is there, and does what its operator wants.
            Ok(problem) if FailureKind::from_code(&problem.code) == Some(FailureKind::SwitchedOff) => Outcome::Answered,
            Ok(_) if self.status >= 500 => Outcome::Faulty,
            Ok(_) => Outcome::Answered,
            Err(_) if matches!(self.status, 502..=504) => Outcome::Unreachable,
            Err(_) => Outcome::BadAnswer,
        }
    }

    /// What it says to a person, if it does.
    pub(super) fn detail(&self) -> Option<&str> {
        self.problem.as_ref().ok().map(|problem| problem.detail.as_str()).filter(|detail| !detail.is_empty())
    }

    /// The error that a caller of the contract sees.
    pub(super) fn error<Err: ContractError>(self, operation: &OperationInfo) -> Err {
        match self.problem {
            Ok(WireProblem { code, detail, param }) => match FailureKind::from_code(&code) {
                // What any operation can fail with keeps the field at fault and the time to come back.
                Some(kind) if Err::CODES.iter().all(|own| own.code != code) => {
                    Err::from(Failure::reported(kind, detail, param, self.retry_after))
                }
                _ => Err::from_wire(&code, self.status, detail),
            },
            Err(_) if matches!(self.status, 502..=504) => {
                let detail = format!("{} is not reachable: a proxy answered {}", operation.contract, self.status);
                Failure::reported(FailureKind::Unavailable, detail, None, self.retry_after).into()
            }
            Err(error) => bad_answer(operation, self.status, &error).into(),
        }
    }
}

pub(super) fn bad_answer(operation: &OperationInfo, status: u16, error: &serde_json::Error) -> Failure {
    let detail = format!(
        "{}.{} answered {status} with something its contract does not allow: {error}",
        operation.contract, operation.name
    );
    Failure::new(FailureKind::BadAnswer, detail)
}

/// The whole body, unless it is larger than a client reads or breaks off.
pub(super) async fn read(operation: &OperationInfo, mut incoming: Incoming) -> Result<Vec<u8>, Lost> {
    let mut body = Vec::new();
    while let Some(frame) = incoming.frame().await {
        let Ok(data) = frame.map_err(|error| lost(operation, error))?.into_data() else { continue };
        if body.len() + data.len() > MAX_ANSWER {
            let detail = format!("{} answered more than {MAX_ANSWER} bytes", operation.contract);
            return Err(Lost { outcome: Outcome::BadAnswer, failure: Failure::new(FailureKind::BadAnswer, detail) });
        }
        body.extend_from_slice(&data);
    }
    Ok(body)
}

/// No answer came within the deadline.
pub(super) fn late(operation: &OperationInfo) -> Lost {
    let detail = format!("{} did not answer within the deadline", operation.contract);
    let failure = Failure::new(FailureKind::DeadlineExceeded, detail).retry_after(COME_BACK);
    Lost { outcome: Outcome::Late, failure }
}

/// Why nothing came back. An address that cannot be connected to in time is told from an answer that does not come in time.
pub(super) fn lost(operation: &OperationInfo, error: NoAnswer) -> Lost {
    let contract = operation.contract;
    let (outcome, failure) = match error {
        NoAnswer::Direct(error) if error.is_connect() => (Outcome::Unreachable, out_of_reach(contract, error)),
        NoAnswer::Direct(error) => (Outcome::Broken, out_of_reach(contract, error)),
        NoAnswer::Body(error) => (Outcome::Broken, out_of_reach(contract, error)),
        NoAnswer::Whole(error) if error.is_builder() => {
            (Outcome::Abandoned, Failure::internal(&format!("writing a request for {contract}"), error))
        }
        NoAnswer::Whole(error) if error.is_connect() => (Outcome::Unreachable, out_of_reach(contract, error)),
        NoAnswer::Whole(error) => (Outcome::Broken, out_of_reach(contract, error)),
    };
    Lost { outcome, failure }
}

fn out_of_reach(contract: &str, error: impl std::error::Error + Send + Sync + 'static) -> Failure {
    Failure::unavailable(&format!("{contract} cannot be reached"), error).retry_after(COME_BACK)
}

/// `Retry-After` in seconds (RFC 9110 §10.2.3); a date is for browsers and not read.
pub(super) fn retry_after(headers: &header::HeaderMap) -> Option<Duration> {
    let seconds = headers.get(header::RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

//! Tells a story to a server, and keeps what it answers.

use serde_json::{Map, Value};
use tessera_contract::OperationInfo;
use tessera_testing::eventually;

use super::{Answered, Asked, Exchange, People, exchange::find, story};
use crate::Answer;

/// Records the whole story with the people of a server.
///
/// # Panics
/// The server answers otherwise than the story goes.
pub async fn record(people: &People) -> Vec<Exchange> {
    let mut recorder = Recorder { people, kept: Vec::new(), astray: Vec::new() };
    story::tell(&mut recorder).await;
    assert!(recorder.astray.is_empty(), "the story goes otherwise:\n{}", recorder.astray.join("\n"));
    conceal(recorder.kept)
}

/// A story under way.
pub(super) struct Recorder<'p> {
    people: &'p People,
    kept: Vec<Exchange>,
    /// Answers that the story does not go on from.
    astray: Vec<String>,
}

impl Recorder<'_> {
    /// Asks `contract.operation` with these fields, whatever comes back.
    pub(super) async fn ask(&mut self, caller: &str, operation: &str, fields: Value) -> Value {
        let exchange = self.exchange(caller, operation, &fields).await;
        let body = exchange.answered.body.clone();
        self.kept.push(exchange);
        body
    }

    /// The same, where the story needs it to succeed.
    pub(super) async fn done(&mut self, caller: &str, operation: &str, fields: Value) -> Value {
        let body = self.ask(caller, operation, fields).await;
        self.expect("a success", |answered| answered.status < 300);
        body
    }

    /// The same, where the story needs it to be refused with this code.
    pub(super) async fn refused(&mut self, caller: &str, operation: &str, fields: Value, code: &str) {
        self.ask(caller, operation, fields).await;
        self.expect(code, |answered| answered.body["code"] == code);
    }

    /// Asks until the answer is a success that has `wanted`: something comes by an event. The last answer alone is kept.
    pub(super) async fn awaited(
        &mut self,
        caller: &str,
        operation: &str,
        fields: Value,
        wanted: fn(&Value) -> bool,
    ) -> Value {
        let this = &*self;
        let exchange = eventually(operation, async || {
            let exchange = this.exchange(caller, operation, &fields).await;
            (exchange.answered.status < 300 && wanted(&exchange.answered.body)).then_some(exchange)
        })
        .await;
        let body = exchange.answered.body.clone();
        self.kept.push(Exchange { awaited: true, ..exchange });
        body
    }

    fn expect(&mut self, what: &str, is_so: impl Fn(&Answered) -> bool) {
        let last = self.kept.last().expect("something was asked");
        if !is_so(&last.answered) {
            let Answered { status, body, .. } = &last.answered;
            self.astray.push(format!("{} is not {what}: {status} {body}", last.name()));
        }
    }

    async fn exchange(&self, caller: &str, operation: &str, fields: &Value) -> Exchange {
        let (contract, name) = operation.split_once('.').expect("contract.operation");
        let (entry, info) = find(contract, name);
        let at = self.kept.len();
        let asked = asked(info, entry.info.mount, fields, at);
        let answered = answered(&self.people.ask(caller, contract, &asked).await);
        let (contract, operation, caller) = (contract.to_owned(), name.to_owned(), caller.to_owned());
        Exchange { at, contract, operation, caller, awaited: false, asked, answered }
    }
}

/// The request of an operation: its fields in path, query and body.
fn asked(info: &OperationInfo, mount: &str, fields: &Value, at: usize) -> Asked {
    let mut fields: Map<String, Value> = fields.as_object().cloned().expect("fields are an object");
    let mut path = format!("/{mount}{}", info.path);
    for field in info.path_fields() {
        let value = fields.remove(field).unwrap_or_else(|| panic!("{} needs {field}", info.name));
        path = path.replace(&format!("{{{field}}}"), value.as_str().expect("a path's field is a text"));
    }
    let method = info.method.name().to_owned();
    if info.method.has_body() {
        let key = (method == "POST").then(|| format!("recorded-{at}"));
        return Asked { method, path, key, body: fields.into() };
    }
    let query: Vec<String> = fields
        .iter()
        .map(|(name, value)| match value {
            Value::String(text) => format!("{name}={}", text.replace('@', "%40")),
            other => format!("{name}={other}"),
        })
        .collect();
    let path = if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) };
    Asked { method, path, key: None, body: Value::Null }
}

/// What of an answer is kept.
pub(super) fn answered(answer: &Answer) -> Answered {
    let header = |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok());
    let kind = header("content-type").unwrap_or_default();
    Answered {
        status: answer.status.as_u16(),
        content_type: kind.split(';').next().unwrap_or_default().trim().to_owned(),
        etag: header("etag").map(str::to_owned),
        body: answer.json(),
    }
}

/// Fields whose texts open something.
const SECRETS: [&str; 3] = ["secret", "key", "staff_key"];

/// Nothing that is kept looks like a secret that opens something: each becomes a text that says so, wherever it stands.
fn conceal(mut exchanges: Vec<Exchange>) -> Vec<Exchange> {
    let mut secrets = Vec::new();
    exchanges.iter().for_each(|exchange| gather(&exchange.answered.body, &mut secrets));
    let text = serde_json::to_string(&exchanges).expect("exchanges are plain JSON");
    let concealed = secrets.iter().enumerate().fold(text, |text, (number, secret)| {
        let begin: String = secret.chars().take(3).collect();
        text.replace(secret, &format!("{begin}-recorded-secret-{number}"))
    });
    exchanges = serde_json::from_str(&concealed).expect("only texts were changed");
    exchanges
}

fn gather(value: &Value, secrets: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_str() {
                    Some(text) if SECRETS.contains(&name.as_str()) && !secrets.iter().any(|s| s == text) => {
                        secrets.push(text.to_owned());
                    }
                    _ => gather(value, secrets),
                }
            }
        }
        Value::Array(entries) => entries.iter().for_each(|entry| gather(entry, secrets)),
        _ => {}
    }
}

//! Asks a server what a release was asked, and compares what it says.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    Answered, Asked, Exchange, People,
    likeness::{Likeness, lacking},
    recorder::answered,
    renaming::Renaming,
};

/// How long something that comes by an event is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Asks all of it in order, ids and tokens as this server gives them. What an answer lacks of the recorded one, a line each.
pub async fn replay(people: &People, exchanges: &[Exchange]) -> Vec<String> {
    let (mut renaming, mut found) = (Renaming::default(), Vec::new());
    for exchange in exchanges {
        let asked = &exchange.asked;
        let asked = Asked {
            method: asked.method.clone(),
            path: renaming.text(&asked.path),
            key: asked.key.clone(),
            body: renaming.value(&asked.body),
        };
        let until = Instant::now() + PATIENCE;
        let (now, differs) = loop {
            let now = answered(&people.ask(&exchange.caller, &exchange.contract, &asked).await);
            let differs = differences(&exchange.answered, &now);
            if differs.is_empty() || !exchange.awaited || Instant::now() > until {
                break (now, differs);
            }
            tokio::task::yield_now().await;
        };
        found.extend(differs.into_iter().map(|what| format!("{}: {what}", exchange.name())));
        renaming.learn(&exchange.answered.body, &now.body);
        if let (Some(was), Some(now)) = (&exchange.answered.etag, &now.etag) {
            renaming.learn(&was.as_str().into(), &now.as_str().into());
        }
    }
    found
}

/// What today's answer lacks of the recorded one.
fn differences(was: &Answered, now: &Answered) -> Vec<String> {
    if (was.status, &was.content_type) != (now.status, &now.content_type) {
        let said = format!("{} {} {}", now.status, now.content_type, now.body);
        return vec![format!("the answer is {said} and was {} {}", was.status, was.content_type)];
    }
    let mut found = lacking(&was.body, &now.body, Likeness::Form);
    if was.etag.is_some() && now.etag.is_none() {
        found.push("the ETag is gone".into());
    }
    found
}

//! What a consumer had of a log before it came to read it where it does now: out of the outbox, or from another topic.

use std::collections::BTreeMap;

use tessera_contract::{CloudEvent, Failure};
use tessera_store::Position;

use crate::{ledger::Ledger, topic};

/// How far a consumer came elsewhere.
#[derive(Debug, Default)]
pub(crate) struct Elsewhere {
    /// In the outbox itself.
    embedded: Position,
    /// In other topics, a partition each.
    topics: Vec<Vec<Position>>,
}

impl Elsewhere {
    /// By its books, for who reads the topic `now`, or the outbox.
    pub(crate) async fn of(ledger: &Ledger, now: Option<&str>) -> Result<Self, Failure> {
        let embedded = match now {
            Some(_) => ledger.embedded().await?,
            None => Position::default(),
        };
        let mut topics: BTreeMap<String, Vec<Position>> = BTreeMap::new();
        for row in ledger.places().await?.into_iter().filter(|row| Some(&*row.topic) != now) {
            let parts = usize::try_from(row.parts).unwrap_or_default();
            let position = row.place().position;
            let places = topics.entry(row.topic).or_insert_with(|| vec![Position::default(); parts]);
            if let Some(place) = usize::try_from(row.part).ok().and_then(|part| places.get_mut(part)) {
                *place = position;
            }
        }
        Ok(Self { embedded, topics: topics.into_values().collect() })
    }

    /// Whether the event at `at` in its outbox was handled there.
    pub(crate) fn handled(&self, event: &CloudEvent, at: Position) -> bool {
        at <= self.embedded
            || self.topics.iter().any(|places| {
                let parts = i32::try_from(places.len()).unwrap_or(i32::MAX);
                let part = topic::partition(event.tenant.as_str(), &event.subject, parts);
                usize::try_from(part).ok().and_then(|part| places.get(part)).is_some_and(|place| at <= *place)
            })
    }
}

//! A module's log as a topic: what a record holds, and which partition it is in.
//!
//! The topic of a module is `{prefix}.{module}`. A record is an event in the structured mode of the Kafka protocol binding of
//! CloudEvents 1.0 (§3.3): the value is the envelope with its data, in JSON. The key is `tenant/subject`, so that events
//! of one subject are in one partition, in order. A header says where the event stands in its outbox; a record that comes
//! a second time has a position that is not above those before it in its partition.

use tessera_contract::CloudEvent;
use tessera_store::Position;

/// The header that names the mode, and what it says (CloudEvents Kafka binding 1.0, §3.3.1).
pub(crate) const CONTENT_TYPE: (&str, &str) = ("content-type", "application/cloudevents+json; charset=UTF-8");
/// The header with the event's place in its outbox: transaction and number, decimal, with a dot between.
pub(crate) const POSITION: &str = "tessera-position";

/// The key of a record.
pub(crate) fn key(tenant: &str, subject: &str) -> String {
    format!("{tenant}/{subject}")
}

/// The partition of a key out of `partitions`: CRC-32 of it, as librdkafka's partitioner `consistent` has it.
pub(crate) fn partition(tenant: &str, subject: &str, partitions: i32) -> i32 {
    let partitions = u32::try_from(partitions).unwrap_or(1).max(1);
    i32::try_from(crc32fast::hash(key(tenant, subject).as_bytes()) % partitions).expect("below a count that is an i32")
}

/// A position as its header has it.
pub(crate) fn position_text(position: Position) -> String {
    format!("{}.{}", position.xact, position.seq)
}

/// Why a record is no event of the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Alien {
    /// No position, or none that can be read.
    #[error("it has no header `tessera-position` with a position")]
    Position,
    /// No event.
    #[error("its value is no event: {0}")]
    Value(String),
    /// Another module's.
    #[error("it is of {0}")]
    Source(String),
}

/// The event of a record of `module`, and its place in that module's outbox.
pub(crate) fn event(module: &str, position: Option<&[u8]>, value: &[u8]) -> Result<(Position, CloudEvent), Alien> {
    let position = position.and_then(parsed).ok_or(Alien::Position)?;
    let event: CloudEvent = serde_json::from_slice(value).map_err(|error| Alien::Value(error.to_string()))?;
    match event.source.strip_prefix("/tessera/") == Some(module) {
        true => Ok((position, event)),
        false => Err(Alien::Source(event.source)),
    }
}

fn parsed(text: &[u8]) -> Option<Position> {
    let (xact, seq) = std::str::from_utf8(text).ok()?.split_once('.')?;
    Some(Position { xact: xact.parse().ok()?, seq: seq.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_read_as_it_was_written() {
        let at = Position { xact: 7, seq: i64::MAX };
        assert_eq!(parsed(position_text(at).as_bytes()), Some(at));
        for wrong in ["", "7", "7.", ".7", "7.x", "7.8.9", "99999999999999999999.1"] {
            assert_eq!(parsed(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn the_partition_of_a_key_is_the_one_that_librdkafka_s_consistent_partitioner_gives() {
        assert_eq!(crc32fast::hash(b"123456789"), 0xcbf4_3926, "the check value of CRC-32");
        assert_eq!(partition("acme", "a", 1), 0);
        let found: std::collections::HashSet<i32> = (0..100).map(|n| partition("acme", &format!("s{n}"), 12)).collect();
        assert!(found.iter().all(|at| (0..12).contains(at)) && found.len() == 12, "{found:?}");
    }

    #[test]
    fn what_is_no_event_of_the_module_is_told_apart() {
        assert_eq!(event("catalog", None, b"{}"), Err(Alien::Position));
        assert!(matches!(event("catalog", Some(b"0.1"), b"{}"), Err(Alien::Value(_))));
    }
}

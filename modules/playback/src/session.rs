//! A playback session: what a beat and an end make of it.

use tessera_contract_playback::SessionState;
use tessera_types::{Sensitive, Timestamp};

/// A session as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) state: SessionState,
    /// What its owner calls the device.
    pub(crate) device_name: Sensitive<String>,
    /// Without a beat until then it is over, wall time.
    pub(crate) beat_by: Timestamp,
    /// When it ended, wall time; it plays when absent.
    pub(crate) ended_at: Option<Timestamp>,
}

impl Session {
    /// Whether it has not ended.
    pub(crate) fn is_playing(&self) -> bool {
        self.ended_at.is_none()
    }

    /// Whether it plays, and no beat came in time.
    pub(crate) fn is_silent(&self, now: Timestamp) -> bool {
        self.is_playing() && self.beat_by <= now
    }

    /// After a beat. `held_until` is the slot's new end; absent when nobody could be asked for it: the viewer is there all
    /// the same, and the session is given as long again as the last time.
    pub(crate) fn beat(&self, position_seconds: u32, held_until: Option<Timestamp>, now: Timestamp) -> Self {
        let as_before = self.beat_by.since(self.state.updated_at);
        let beat_by = held_until.unwrap_or_else(|| now.plus(as_before)).max(self.beat_by);
        let state = self.heard(position_seconds, now);
        Self { state, device_name: self.device_name.clone(), beat_by, ended_at: None }
    }

    /// After its end; `position_seconds` where the viewer says so once more.
    pub(crate) fn end(&self, position_seconds: Option<u32>, now: Timestamp) -> Self {
        let state = match position_seconds {
            Some(seconds) => self.heard(seconds, now),
            None => SessionState { version: self.state.version + 1, ..self.state.clone() },
        };
        Self { state, device_name: self.device_name.clone(), beat_by: self.beat_by, ended_at: Some(now) }
    }

    fn heard(&self, position_seconds: u32, now: Timestamp) -> SessionState {
        SessionState {
            position_seconds,
            position_reported: true,
            // The clock may go back; what is said later stays later.
            updated_at: now.max(self.state.updated_at),
            version: self.state.version + 1,
            ..self.state.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(second: i64) -> Timestamp {
        Timestamp::from_micros(second * 1_000_000)
    }

    fn begun() -> Session {
        let state = SessionState {
            session_id: "pbs_1".parse().unwrap(),
            account_id: "acc_1".parse().unwrap(),
            profile_id: "prf_1".parse().unwrap(),
            title_id: "ttl_1".parse().unwrap(),
            device_id: "tv".into(),
            position_seconds: 30,
            position_reported: false,
            started_at: at(0),
            updated_at: at(0),
            version: 1,
        };
        Session { state, device_name: "The television".to_owned().into(), beat_by: at(60), ended_at: None }
    }

    #[test]
    fn a_beat_holds_the_session_for_as_long_as_the_slot() {
        let beat = begun().beat(50, Some(at(80)), at(20));
        assert_eq!((beat.beat_by, beat.state.position_seconds, beat.state.version), (at(80), 50, 2));
        assert!(beat.state.position_reported);
        assert!(!beat.is_silent(at(79)) && beat.is_silent(at(80)));
    }

    #[test]
    fn a_beat_that_cannot_renew_the_slot_still_shows_that_the_viewer_is_there() {
        let once = begun().beat(50, Some(at(80)), at(20));
        let twice = once.beat(70, None, at(40)).beat(90, None, at(60));
        assert_eq!(twice.beat_by, at(120));
    }

    #[test]
    fn an_end_without_a_word_keeps_what_was_last_said_and_when() {
        let silent = begun().end(None, at(99));
        assert_eq!((silent.state.position_seconds, silent.state.position_reported), (30, false));
        assert_eq!((silent.state.updated_at, silent.ended_at, silent.state.version), (at(0), Some(at(99)), 2));
        assert!(!silent.is_playing());
        let said = begun().end(Some(44), at(99));
        assert_eq!((said.state.position_seconds, said.state.updated_at), (44, at(99)));
    }

    #[test]
    fn time_in_a_session_never_goes_back() {
        let beat = begun().beat(50, Some(at(80)), at(20)).beat(60, Some(at(70)), at(10));
        assert_eq!((beat.state.updated_at, beat.beat_by), (at(20), at(80)));
    }
}

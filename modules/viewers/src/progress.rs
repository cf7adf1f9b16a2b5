//! Watch progress: which of two statements about a title counts.

use tessera_contract_playback::SessionState;
use tessera_contract_viewers::Progress;
use tessera_types::{PlaybackSessionId, Timestamp};

/// Progress as it is kept, with the statement it rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Watched {
    pub(crate) progress: Progress,
    pub(crate) session_id: PlaybackSessionId,
    pub(crate) session_version: i64,
}

/// What is kept after `state` where `stored` was: `None` when it says nothing new.
///
/// Within a session its version decides; between sessions (two devices in one title), the time at which the viewer was
/// last heard of does, so that an old session that ends late does not take the viewer back.
pub(crate) fn follow(stored: Option<&Watched>, state: &SessionState) -> Option<Watched> {
    if !state.position_reported || stored.is_some_and(|stored| !newer(stored, state)) {
        return None;
    }
    Some(Watched {
        progress: Progress {
            title_id: state.title_id.clone(),
            position_seconds: state.position_seconds,
            watched_at: state.updated_at,
            version: stored.map_or(0, |stored| stored.progress.version) + 1,
        },
        session_id: state.session_id.clone(),
        session_version: state.version,
    })
}

fn newer(stored: &Watched, state: &SessionState) -> bool {
    let order = |at: Timestamp, session: &PlaybackSessionId| (at, session.clone());
    match state.session_id == stored.session_id {
        true => state.version > stored.session_version,
        // The session id settles two statements of one instant, whichever comes first.
        false => order(state.updated_at, &state.session_id) > order(stored.progress.watched_at, &stored.session_id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn said(session: u8, version: i64, at: i64) -> SessionState {
        SessionState {
            session_id: format!("pbs_{session}").parse().unwrap(),
            account_id: "acc_1".parse().unwrap(),
            profile_id: "prf_1".parse().unwrap(),
            title_id: "ttl_1".parse().unwrap(),
            device_id: "tv".into(),
            position_seconds: (u32::from(session) * 1000) + version as u32,
            position_reported: true,
            started_at: Timestamp::from_micros(0),
            updated_at: Timestamp::from_micros(at),
            version,
        }
    }

    fn position(stored: Option<&Watched>) -> Option<u32> {
        stored.map(|watched| watched.progress.position_seconds)
    }

    #[test]
    fn a_session_that_never_said_how_far_changes_nothing() {
        let silent = SessionState { position_reported: false, ..said(1, 2, 9) };
        assert_eq!(follow(None, &silent), None);
    }

    #[test]
    fn an_old_session_that_ends_late_does_not_take_the_viewer_back() {
        let television = follow(None, &said(1, 5, 100)).unwrap();
        let phone = follow(Some(&television), &said(2, 2, 200)).unwrap();
        // The television's session runs out now: one version on, but heard of last at 100.
        assert_eq!(follow(Some(&phone), &said(1, 6, 100)), None);
        assert_eq!(phone.progress.version, 2);
    }

    #[test]
    fn within_a_session_the_version_decides_even_when_the_clock_went_back() {
        let first = follow(None, &said(1, 2, 100)).unwrap();
        assert_eq!(position(follow(Some(&first), &said(1, 3, 90)).as_ref()), Some(1003));
        assert_eq!(follow(Some(&first), &said(1, 2, 110)), None, "the same statement again");
    }

    proptest! {
        /// Two sessions' statements, in any order and repeated, end in the latest.
        #[test]
        fn statements_converge(order in prop::collection::vec((0..2u8, 1..6i64), 1..30)) {
            // Both sessions beat at the same instants: the later session's id settles those.
            let mut stored = None;
            for (session, version) in &order {
                stored = follow(stored.as_ref(), &said(*session, *version, *version * 10)).or(stored);
            }
            let latest = order.iter().max_by_key(|(session, version)| (*version, *session)).unwrap();
            prop_assert_eq!(position(stored.as_ref()), Some(said(latest.0, latest.1, 0).position_seconds));
        }
    }
}

//! One start, however often it is asked for: which session an idempotency key stands for, and who may bring it about.
//!
//! The session's id is kept under the key before anything is done with it, so that a retry after a crash asks
//! entitlement for the same session's slot and gets the same one. One attempt at a time may go on; others wait for it
//! and answer what it answers.

use std::time::Duration;

use tessera_contract::{Cx, Failure, FailureKind};
use tessera_contract_playback::{Playback, PlaybackError, PlaybackStarted};
use tessera_store::{Store, Tx};
use tessera_types::PlaybackSessionId;
use tokio::time::Instant;

use crate::{session::Session, store};

/// How long an attempt may go on. Longer than a start's deadline, and than a slot takes to be given back after it.
const ATTEMPT: Duration = Duration::from_secs(20);
/// How long a duplicate waits for the first to end, and how often it looks.
const PATIENCE: Duration = Duration::from_secs(2);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The right to bring a session about.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    pub(crate) session_id: PlaybackSessionId,
    number: i64,
}

/// What came of asking for one.
pub(crate) enum Begun {
    /// It is ours.
    Now(Attempt),
    /// There is nothing to do: this was answered.
    Before(Box<Playback>),
}

enum Claim {
    Mine,
    Busy,
    Answered(Box<Playback>),
}

/// Begins the start that `cx`'s idempotency key stands for, or finds what it answered before.
pub(crate) async fn begin(store: &Store, cx: &Cx) -> Result<Begun, PlaybackError> {
    let fresh = Attempt { session_id: PlaybackSessionId::mint(store.now()), number: rand::random() };
    let write = store.write_once(cx, fresh.clone(), |tx, fresh| {
        Box::pin(async move {
            store::claim(tx, &fresh.session_id, fresh.number, tx.now().plus(ATTEMPT)).await?;
            Ok::<_, PlaybackError>(fresh.session_id.clone())
        })
    });
    let session_id = write.await?;
    if session_id == fresh.session_id {
        return Ok(Begun::Now(fresh));
    }
    let (attempt, give_up) = (Attempt { session_id, ..fresh }, Instant::now() + PATIENCE);
    loop {
        match claim(store, cx, &attempt).await? {
            Claim::Mine => return Ok(Begun::Now(attempt)),
            Claim::Answered(answer) => return Ok(Begun::Before(answer)),
            Claim::Busy if Instant::now() < give_up => tokio::time::sleep(LOOK_AGAIN).await,
            Claim::Busy => return Err(still_running().into()),
        }
    }
}

async fn claim(store: &Store, cx: &Cx, attempt: &Attempt) -> Result<Claim, PlaybackError> {
    let write = store.write(cx, attempt.clone(), |tx, Attempt { session_id, number }| {
        Box::pin(async move {
            if let Some(answer) = store::answer(tx, session_id).await? {
                return Ok::<_, PlaybackError>(Claim::Answered(Box::new(answer)));
            }
            if store::pending(tx, session_id).await?.is_some_and(|until| until > tx.now()) {
                return Ok(Claim::Busy);
            }
            store::claim(tx, session_id, *number, tx.now().plus(ATTEMPT)).await?;
            Ok(Claim::Mine)
        })
    });
    write.await
}

fn still_running() -> Failure {
    let detail = "a start with the same idempotency key is still running: try again in a moment";
    Failure::new(FailureKind::InProgress, detail).retry_after(Duration::from_secs(1))
}

impl Attempt {
    /// The attempt has come off: the session, its event and its answer are one commit.
    pub(crate) async fn succeed(
        self,
        store: &Store,
        cx: &Cx,
        session: Session,
        answer: Playback,
    ) -> Result<(), PlaybackError> {
        let write = store.write(cx, (self, session, answer), |tx, (attempt, session, answer)| {
            Box::pin(async move {
                if !attempt.clear(tx).await? {
                    // It took so long that another began in its place, which goes on with the same slot.
                    return Err(PlaybackError::from(still_running()));
                }
                store::add(tx, session, answer).await?;
                tx.emit(&PlaybackStarted { session: session.state.clone() }).await?;
                Ok(())
            })
        });
        write.await
    }

    /// The attempt has failed. `undo` gives back what it took, unless another attempt has begun in its place and uses it;
    /// none begins before it is done.
    pub(crate) async fn fail(self, store: &Store, cx: &Cx, undo: impl Future<Output = ()>) -> Result<(), Failure> {
        let hold = store.write(cx, self.clone(), |tx, Attempt { session_id, number }| {
            Box::pin(async move { store::hold(tx, session_id, *number, tx.now().plus(ATTEMPT)).await })
        });
        if !hold.await? {
            return Ok(());
        }
        undo.await;
        let clear = store.write(cx, self, |tx, attempt| Box::pin(attempt.clear(tx)));
        clear.await.map(drop)
    }

    async fn clear(&self, tx: &mut Tx) -> Result<bool, Failure> {
        store::clear(tx, &self.session_id, self.number).await
    }
}

//! Ending what went silent, and forgetting what is long over.

use std::time::Duration;

use tessera_contract::{Cx, Failure};
use tessera_contract_playback::PlaybackEnded;
use tessera_types::Timestamp;

use crate::{
    service::PlaybackService,
    store::{self, AnySession, CHUNK},
};

/// After the process was away, its viewers get this long to be heard of again: their beats found nobody.
const BACK_AGAIN: Duration = Duration::from_secs(60);
/// How long starts that died are kept: longer than any attempt may still believe it goes on.
const DEAD_STARTS: Duration = Duration::from_secs(60 * 60);

/// What a sweep found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Sessions that it ended, because no beat came while their slot was held.
    pub ended: u64,
    /// Rows that it forgot, because they were long over.
    pub forgotten: u64,
}

impl PlaybackService {
    /// Ends the sessions of all tenants whose slot ran out without a beat, so that every session that began ends, and
    /// forgets those that ended long ago. To be called every few seconds, by any number of processes. The slots need no
    /// release: they ran out.
    pub async fn sweep(&self) -> Result<Swept, Failure> {
        let now = self.store().now();
        let mut swept = Swept::default();
        if self.opened_at().plus(BACK_AGAIN) <= now {
            swept.ended = self.end_all_silent(now).await?;
        }
        swept.forgotten += store::forget_ended(self.store(), now.minus(self.config().keep_ended())).await?;
        swept.forgotten += store::forget_starts(self.store(), now.minus(DEAD_STARTS)).await?;
        Ok(swept)
    }

    async fn end_all_silent(&self, now: Timestamp) -> Result<u64, Failure> {
        let mut all = 0;
        loop {
            let (silent, mut ended) = (store::silent(self.store(), now).await?, 0);
            let found = silent.len();
            for session in silent {
                ended += u64::from(self.end_silent(session).await?);
            }
            all += ended;
            if found < CHUNK as usize || ended == 0 {
                return Ok(all);
            }
        }
    }

    /// Whether it ended the session: a beat or another process may have come first.
    async fn end_silent(&self, (tenant, account, session): AnySession) -> Result<bool, Failure> {
        let cx = Cx::service(tenant, "playback", &*self.deps().clock);
        let write = self.store().write(&cx, (account, session), |tx, (account, id)| {
            Box::pin(async move {
                let found = store::session_in(tx, account, id).await?;
                let Some(silent) = found.filter(|session| session.is_silent(tx.now())) else { return Ok(false) };
                let ended = silent.end(None, tx.now());
                store::update(tx, &ended).await?;
                tx.emit(&PlaybackEnded { session: ended.state }).await?;
                Ok::<_, Failure>(true)
            })
        });
        write.await
    }
}

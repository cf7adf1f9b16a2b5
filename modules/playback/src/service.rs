//! The contract, on the store: load, ask entitlement, commit with events.

use tessera_contract::{Cx, DEFAULT_TIMEOUT, Failure, async_trait};
use tessera_contract_entitlement::{ReleaseLease, RenewLease};
use tessera_contract_playback::{
    Beat, Heartbeat, Playback, PlaybackEnded, PlaybackError, PlaybackProgressed, PlaybackSessions, StartPlayback,
    StopPlayback, Stopped,
};
use tessera_store::Store;
use tessera_types::{AccountId, PlaybackSessionId, Timestamp};
use tokio::time::Instant;
use tracing::Instrument;

use crate::{
    PlaybackDeps, again,
    config::PlaybackConfig,
    dependency::{self, NoSlot},
    press,
    session::Session,
    start, store,
};

/// The built-in playback. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct PlaybackService {
    config: PlaybackConfig,
    store: Store,
    deps: PlaybackDeps,
    opened_at: Timestamp,
}

impl PlaybackService {
    pub(crate) fn new(config: PlaybackConfig, store: Store, deps: PlaybackDeps) -> Self {
        let opened_at = store.now();
        Self { config, store, deps, opened_at }
    }

    /// Its store: for readiness, upkeep, and the log of its events.
    pub fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn config(&self) -> &PlaybackConfig {
        &self.config
    }

    pub(crate) fn deps(&self) -> &PlaybackDeps {
        &self.deps
    }

    pub(crate) fn opened_at(&self) -> Timestamp {
        self.opened_at
    }

    /// The context to ask another module with.
    pub(crate) fn asking(&self, cx: &Cx) -> Cx {
        cx.as_service("playback").with_timeout(self.config.module_timeout())
    }

    /// The same request with time enough to clean up after it.
    pub(crate) fn afresh(&self, cx: &Cx) -> Cx {
        let mut cx = cx.as_service("playback");
        cx.deadline = Instant::now() + DEFAULT_TIMEOUT;
        cx
    }

    /// Frees a session's slot. When entitlement cannot be reached it runs out by itself.
    pub(crate) async fn release(&self, cx: &Cx, session: &PlaybackSessionId) {
        let request = ReleaseLease { session_id: session.clone() };
        if let Err(error) = self.deps.entitlement.release_lease(&self.asking(cx), request).await {
            tracing::warn!(%session, %error, "a slot could not be freed; it runs out by itself");
        }
    }

    /// A beat that is worth its name: the session, if it plays, with the position and perhaps the slot's new end.
    async fn keep_beat(
        &self,
        cx: &Cx,
        account: &AccountId,
        beat: &Heartbeat,
        held_until: Option<Timestamp>,
    ) -> Result<(), PlaybackError> {
        let write = self.store.write(cx, (account.clone(), beat.clone()), move |tx, (account, beat)| {
            Box::pin(async move {
                let session = playing(store::session_in(tx, account, &beat.session_id).await?, &beat.session_id)?;
                let session = session.beat(beat.position_seconds, held_until, tx.now());
                store::update(tx, &session).await?;
                tx.emit(&PlaybackProgressed { session: session.state }).await?;
                Ok(())
            })
        });
        write.await
    }

    /// Ends a session unless it has ended; answers it as it stands then.
    async fn end(
        &self,
        cx: &Cx,
        account: &AccountId,
        session: &PlaybackSessionId,
        position_seconds: Option<u32>,
    ) -> Result<Session, PlaybackError> {
        let write = self.store.write(cx, (account.clone(), session.clone()), move |tx, (account, id)| {
            Box::pin(async move {
                let found = store::session_in(tx, account, id).await?.ok_or_else(|| not_found(id))?;
                if !found.is_playing() {
                    return Ok(found);
                }
                let session = found.end(position_seconds, tx.now());
                store::update(tx, &session).await?;
                tx.emit(&PlaybackEnded { session: session.state.clone() }).await?;
                Ok::<_, PlaybackError>(session)
            })
        });
        write.await
    }

    async fn beat(self, cx: Cx, account: AccountId, beat: Heartbeat) -> Result<Beat, PlaybackError> {
        let id = &beat.session_id;
        let session = playing(store::session(&self.store.tenant(&cx), &account, id).await?, id)?;
        let request = RenewLease { session_id: id.clone() };
        let renewed = self.deps.entitlement.renew_lease(&self.asking(&cx), request).await;
        let renewed = match renewed.map_err(dependency::of_entitlement) {
            Err(NoSlot::OutOfReach(failure)) => again::slot(&self, &cx, &session, failure).await,
            known => known,
        };
        match renewed {
            Ok(lease) => {
                let kept = self.keep_beat(&cx, &account, &beat, Some(lease.expires_at)).await;
                if matches!(kept, Err(PlaybackError::SessionNotFound(_))) {
                    // It was ended meanwhile, and this took its slot again.
                    self.release(&cx, id).await;
                }
                let (heartbeat_after_seconds, lease_expires_at) = (lease.renew_after_seconds, lease.expires_at);
                kept.map(|()| Beat { heartbeat_after_seconds, lease_expires_at })
            }
            Err(NoSlot::Refused(refusal)) => {
                self.end(&cx, &account, id, Some(beat.position_seconds)).await?;
                if !matches!(refusal, PlaybackError::LeaseLost(_)) {
                    self.release(&cx, id).await;
                }
                Err(refusal)
            }
            Err(NoSlot::Unknown(failure) | NoSlot::OutOfReach(failure)) => {
                // Entitlement decides at the next beat; how far the viewer is can be kept without it.
                self.keep_beat(&cx, &account, &beat, None).await?;
                Err(failure.into())
            }
        }
    }

    async fn stop(self, cx: Cx, account: AccountId, request: StopPlayback) -> Result<Stopped, PlaybackError> {
        let StopPlayback { session_id, position_seconds } = request;
        let session = self.end(&cx, &account, &session_id, position_seconds).await?;
        self.release(&cx, &session_id).await;
        Ok(Stopped { session_id, position_seconds: session.state.position_seconds })
    }
}

fn not_found(id: &PlaybackSessionId) -> PlaybackError {
    PlaybackError::SessionNotFound(format!("this account plays no session {id}: start again"))
}

fn playing(found: Option<Session>, id: &PlaybackSessionId) -> Result<Session, PlaybackError> {
    found.filter(Session::is_playing).ok_or_else(|| not_found(id))
}

fn check_minted(id: &PlaybackSessionId) -> Result<(), Failure> {
    id.expect_minted().map_err(|e| Failure::invalid("session_id", e.to_string()))
}

/// Carries `work` out to its end, whether or not the caller waits for it: what is asked of entitlement and what is kept
/// of it do not come apart when a viewer goes away.
async fn carry_out<T: Send + 'static>(
    work: impl Future<Output = Result<T, PlaybackError>> + Send + 'static,
) -> Result<T, PlaybackError> {
    let done = tokio::spawn(work.in_current_span()).await;
    done.unwrap_or_else(|error| Err(Failure::internal("a playback task ended before its work did", error).into()))
}

#[async_trait]
impl PlaybackSessions for PlaybackService {
    async fn start(&self, cx: &Cx, request: StartPlayback) -> Result<Playback, PlaybackError> {
        let press = press::checked(cx, request, &self.config.default_device_name)?;
        carry_out(start::run(self.clone(), cx.clone(), press)).await
    }

    async fn heartbeat(&self, cx: &Cx, request: Heartbeat) -> Result<Beat, PlaybackError> {
        check_minted(&request.session_id)?;
        press::check_position(request.position_seconds)?;
        carry_out(self.clone().beat(cx.clone(), press::account(cx)?.clone(), request)).await
    }

    async fn stop(&self, cx: &Cx, request: StopPlayback) -> Result<Stopped, PlaybackError> {
        check_minted(&request.session_id)?;
        request.position_seconds.map_or(Ok(()), press::check_position)?;
        carry_out(self.clone().stop(cx.clone(), press::account(cx)?.clone(), request)).await
    }
}

//! What viewers does with what identity and playback tell.

use tessera_contract::{CloudEvent, Event};
use tessera_contract_identity::AccountCreated;
use tessera_contract_playback::{PlaybackEnded, PlaybackProgressed, SessionState};
use tessera_contract_viewers::ProgressUpdated;
use tessera_events::{HandlerError, decode};
use tessera_store::Tx;

use crate::{progress, service, store};

/// An account was made: it has a profile before anybody asks.
pub(crate) async fn account_created(name: String, tx: &mut Tx, event: &CloudEvent) -> Result<(), HandlerError> {
    let AccountCreated { account_id, .. } = decode(event)?;
    service::add_default(tx, &account_id, &name).await?;
    Ok(())
}

/// A session went on or ended: how far its profile is.
pub(crate) async fn watched(tx: &mut Tx, event: &CloudEvent) -> Result<(), HandlerError> {
    let state = state_in(event)?;
    let stored = store::watched_in(tx, &state.profile_id, &state.title_id).await?;
    let Some(now) = progress::follow(stored.as_ref(), &state) else { return Ok(()) };
    store::put_watched(tx, &state.profile_id, &now).await?;
    tx.emit(&ProgressUpdated { profile_id: state.profile_id, progress: now.progress }).await?;
    Ok(())
}

fn state_in(event: &CloudEvent) -> Result<SessionState, HandlerError> {
    match event.kind == PlaybackEnded::TYPE {
        true => decode::<PlaybackEnded>(event).map(|ended| ended.session),
        false => decode::<PlaybackProgressed>(event).map(|progressed| progressed.session),
    }
}

//! A slot for a session that plays, when the one it had is out of reach: taken anew where decisions are made now, under the
//! same rules as at its start. The old one, wherever it is, is renewed no more and runs out by itself.

use tessera_contract::{Cx, Failure};
use tessera_contract_entitlement::Lease;
use tessera_contract_playback::PlaybackError;

use crate::{
    dependency::{self, NoSlot},
    press::Press,
    service::PlaybackService,
    session::Session,
    start, store,
};

/// Takes it. `failure` is why the old one cannot be renewed, and what is answered when this cannot be done either.
pub(crate) async fn slot(
    service: &PlaybackService,
    cx: &Cx,
    session: &Session,
    failure: Failure,
) -> Result<Lease, NoSlot> {
    // The rule that a device plays what it started last was kept where the slot was; here it is ours to keep.
    match store::is_latest_of_its_device(&service.store().tenant(cx), &session.state).await {
        Ok(true) => {}
        Ok(false) => {
            let lost = "This device started another stream.".to_owned();
            return Err(NoSlot::Refused(PlaybackError::LeaseLost(lost)));
        }
        Err(failure) => return Err(NoSlot::Unknown(failure)),
    }
    let (asked, press) = (service.asking(cx), Press::of(session));
    let wanted = start::wanted(service, &asked, &press, &session.state.session_id).await;
    let (_, _, wanted) = wanted.map_err(|error| {
        tracing::warn!(%error, "a slot cannot be taken anew: who knows the title or the profile does not say");
        NoSlot::Unknown(failure)
    })?;
    service.deps().entitlement.acquire_lease(&asked, wanted).await.map_err(dependency::of_entitlement)
}

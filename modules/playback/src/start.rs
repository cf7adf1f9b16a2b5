//! A start: what is asked of whom, in which order, and what becomes of the slot when it comes to nothing.

use tessera_contract::Cx;
use tessera_contract_catalog::{GetPlayable, Playable};
use tessera_contract_delivery::{Route, RouteRequest};
use tessera_contract_drm::AuthorizeLicence;
use tessera_contract_entitlement::{AcquireLease, Lease, PlayFacts, Viewing};
use tessera_contract_playback::{Licence, Playback, PlaybackError, SessionState};
use tessera_contract_viewers::{FindProfile, FoundProfile, GetProgress, Profile};
use tessera_types::PlaybackSessionId;
use tracing::Instrument;

use crate::{
    attempt::{self, Attempt, Begun},
    dependency::{self, NoSlot},
    press::Press,
    service::PlaybackService,
    session::Session,
};

/// The tier that everybody watches in: every rendition.
const TIER: &str = "standard";

/// Why a start came to nothing, and whether it may hold a slot.
struct NotStarted {
    error: PlaybackError,
    may_hold_slot: bool,
}

impl From<PlaybackError> for NotStarted {
    fn from(error: PlaybackError) -> Self {
        Self { error, may_hold_slot: false }
    }
}

/// All that entitlement, delivery, drm and viewers say to the start.
struct Gathered {
    lease: Lease,
    route: Route,
    licence: Option<Licence>,
    resume_position_seconds: u32,
}

/// Starts what was pressed, or answers what the same press answered before. Runs in a task of its own: it goes to its
/// end when the viewer goes away, so that nothing taken is left behind.
pub(crate) async fn run(service: PlaybackService, cx: Cx, press: Press) -> Result<Playback, PlaybackError> {
    let attempt = match attempt::begin(service.store(), &cx).await? {
        Begun::Now(attempt) => attempt,
        Begun::Before(answer) => return Ok(*answer),
    };
    match play(&service, &cx, &press, attempt.clone()).await {
        Ok(playback) => Ok(playback),
        Err(NotStarted { error, may_hold_slot }) => {
            // The viewer need not wait for this; a retry with the same key does.
            tokio::spawn(fail(service, cx, attempt, may_hold_slot).in_current_span());
            Err(error)
        }
    }
}

async fn fail(service: PlaybackService, cx: Cx, attempt: Attempt, may_hold_slot: bool) {
    let (cx, session_id) = (service.afresh(&cx), attempt.session_id.clone());
    let undo = async {
        if may_hold_slot {
            service.release(&cx, &session_id).await;
        }
    };
    if let Err(failure) = attempt.fail(service.store(), &cx, undo).await {
        tracing::warn!(%session_id, %failure, "a start that failed is not put away; its slot runs out by itself");
    }
}

async fn play(service: &PlaybackService, cx: &Cx, press: &Press, attempt: Attempt) -> Result<Playback, NotStarted> {
    let asked = service.asking(cx);
    let (playable, found, wanted) = wanted(service, &asked, press, &attempt.session_id).await?;
    let gathered = gather(service, &asked, press, &playable, &found, wanted).await?;
    let (session, answer) = begun(service, press, found.profile, &attempt, gathered);
    let done = attempt.succeed(service.store(), cx, session, answer.clone()).await;
    done.map(|()| answer).map_err(|error| NotStarted { error, may_hold_slot: true })
}

/// The slot that a session wants, with the facts that it is decided on.
pub(crate) async fn wanted(
    service: &PlaybackService,
    cx: &Cx,
    press: &Press,
    session_id: &PlaybackSessionId,
) -> Result<(Playable, FoundProfile, AcquireLease), PlaybackError> {
    let (playable, found) = tokio::join!(playable(service, cx, press), profile(service, cx, press));
    let (playable, found) = (playable?, found?);
    let wanted = AcquireLease {
        session_id: session_id.clone(),
        device_id: press.device_id.clone(),
        device_name: press.device_name.clone(),
        viewing: Viewing {
            account_id: press.account_id.clone(),
            territory: cx.territory.clone(),
            age_limit: found.profile.age_limit,
        },
        facts: facts(&playable),
    };
    Ok((playable, found, wanted))
}

async fn playable(service: &PlaybackService, cx: &Cx, press: &Press) -> Result<Playable, PlaybackError> {
    let request = GetPlayable { title_id: press.title_id.clone() };
    service.deps().catalog.playable(cx, request).await.map_err(dependency::of_catalog)
}

async fn profile(service: &PlaybackService, cx: &Cx, press: &Press) -> Result<FoundProfile, PlaybackError> {
    let (account_id, profile_id) = (press.account_id.clone(), press.profile_id.clone());
    let request = FindProfile { account_id, profile_id, title_id: Some(press.title_id.clone()) };
    service.deps().viewers.find_profile(cx, request).await.map_err(dependency::of_viewers)
}

/// Takes the slot, and asks beside that for what has no effect and is of no use without the slot.
async fn gather(
    service: &PlaybackService,
    cx: &Cx,
    press: &Press,
    playable: &Playable,
    found: &FoundProfile,
    wanted: AcquireLease,
) -> Result<Gathered, NotStarted> {
    // Each goes to its end: an acquisition that is dropped half-way may have taken the slot or not.
    let (lease, media, resume_position_seconds) = tokio::join!(
        service.deps().entitlement.acquire_lease(cx, wanted.clone()),
        media(service, cx, playable, &wanted),
        resume_position(service, cx, press, found),
    );
    let lease = lease
        .map_err(dependency::of_entitlement)
        .map_err(|no| NotStarted { may_hold_slot: !matches!(no, NoSlot::Refused(_)), error: no.into() })?;
    let (route, licence) = media.map_err(|error| NotStarted { error, may_hold_slot: true })?;
    Ok(Gathered { lease, route, licence, resume_position_seconds })
}

fn facts(playable: &Playable) -> PlayFacts {
    PlayFacts {
        title_id: playable.title_id.clone(),
        free: playable.access.free,
        plans: playable.access.plans.clone(),
        available_from: playable.window.starts_at,
        available_until: playable.window.ends_at,
        territories: playable.territories.clone(),
        minimum_age: playable.minimum_age,
    }
}

/// Where the media is, and where its licences are if it is encrypted.
async fn media(
    service: &PlaybackService,
    cx: &Cx,
    playable: &Playable,
    wanted: &AcquireLease,
) -> Result<(Route, Option<Licence>), PlaybackError> {
    let asset_id = playable.asset_id.clone();
    let request = RouteRequest {
        asset_id: asset_id.clone(),
        tier: TIER.into(),
        territory: cx.territory.clone(),
        max_height: None,
        codecs: None,
    };
    let route = service.deps().delivery.route(cx, request).await.map_err(dependency::of_delivery)?;
    if !route.encrypted {
        return Ok((route, None));
    }
    let AcquireLease { session_id, viewing, facts, .. } = wanted.clone();
    let key_labels = route.key_labels.as_ref().map(|labels| labels.iter().filter_map(|label| label.parse().ok()));
    let key_labels = key_labels.map(Iterator::collect);
    let request = AuthorizeLicence { session_id, asset_id, viewing, facts, key_labels };
    let access = service.deps().drm.authorize_licence(cx, request).await.map_err(dependency::of_drm)?;
    Ok((route, Some(Licence { servers: access.servers, token: access.token })))
}

/// Where the profile left off: as viewers said with the profile, or says now; the beginning when it does not say so in time.
async fn resume_position(service: &PlaybackService, cx: &Cx, press: &Press, found: &FoundProfile) -> u32 {
    if let Some(position) = found.position_seconds {
        return position;
    }
    let timeout = service.config().resume_timeout();
    let request = GetProgress { profile_id: found.profile.profile_id.clone(), title_id: press.title_id.clone() };
    let cx = cx.with_timeout(timeout);
    match tokio::time::timeout(timeout, service.deps().viewers.get_progress(&cx, request)).await {
        Ok(Ok(position)) => position.position_seconds,
        Ok(Err(error)) => {
            tracing::warn!(%error, "no position to resume from; playing from the beginning");
            0
        }
        Err(_) => {
            tracing::warn!(?timeout, "no position to resume from in time; playing from the beginning");
            0
        }
    }
}

/// The session that begins, and what the player is told.
fn begun(
    service: &PlaybackService,
    press: &Press,
    profile: Profile,
    attempt: &Attempt,
    gathered: Gathered,
) -> (Session, Playback) {
    let Gathered { lease, route, licence, resume_position_seconds } = gathered;
    let (now, session_id) = (service.store().now(), attempt.session_id.clone());
    let state = SessionState {
        session_id: session_id.clone(),
        account_id: press.account_id.clone(),
        profile_id: profile.profile_id.clone(),
        title_id: press.title_id.clone(),
        device_id: press.device_id.clone(),
        position_seconds: resume_position_seconds,
        position_reported: false,
        started_at: now,
        updated_at: now,
        version: 1,
    };
    let device_name = press.device_name.clone();
    let session = Session { state, device_name, beat_by: lease.expires_at, ended_at: None };
    let answer = Playback {
        session_id,
        title_id: press.title_id.clone(),
        profile_id: profile.profile_id,
        sources: route.sources,
        licence,
        resume_position_seconds,
        heartbeat_after_seconds: lease.renew_after_seconds,
        lease_expires_at: lease.expires_at,
    };
    (session, answer)
}

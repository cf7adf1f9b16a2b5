//! The modules that playback asks, as far as a start needs them: contracts over explicit data, which a test can make
//! slow, silent or unreachable.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::json;
use tessera_contract::{ContractError, Cx, Failure, FailureKind, Page, async_trait};
use tessera_contract_catalog::{
    Catalog, CatalogError, Changes, GetPlayable, GetTitle, ListChanges, ListTitles, Playable, Title,
};
use tessera_contract_delivery::{Delivery, DeliveryError, Route, RouteRequest, Source};
use tessera_contract_drm::{AuthorizeLicence, ContentKey, Drm, DrmError, GetContentKey, LicenceAccess, LicenceServer};
use tessera_contract_entitlement::{
    AcquireLease, Decision, DecisionReason, DecisionRequest, Entitlement, EntitlementError, Grant, GrantPage, Lease,
    ListGrants, PutGrant, ReleaseLease, Released, RenewLease, RevokeGrant,
};
use tessera_contract_viewers::{
    EditProfile, FindProfile, FoundProfile, GetProgress, ListProfiles, ListProgress, Position, Profile, Profiles,
    Progress, Viewers, ViewersError,
};
use tessera_types::Clock;
use tokio::sync::Semaphore;

/// Whether a module can be reached.
#[derive(Default)]
pub(crate) struct Reach {
    down: AtomicBool,
}

impl Reach {
    pub(crate) fn cut(&self) {
        self.down.store(true, Ordering::SeqCst);
    }

    pub(crate) fn mend(&self) {
        self.down.store(false, Ordering::SeqCst);
    }

    fn check(&self) -> Result<(), Failure> {
        match self.down.load(Ordering::SeqCst) {
            true => Err(Failure::new(FailureKind::Unavailable, "connection refused by 10.0.0.7")),
            false => Ok(()),
        }
    }
}

/// An operation that no start and no beat asks for.
fn not_asked<E: From<Failure>>() -> E {
    Failure::new(FailureKind::Internal, "playback does not ask for this").into()
}

/// Titles by tenant: `ttl_film` (encrypted), `ttl_clear`, `ttl_denied`, `ttl_packaging` (its asset is not ready) of acme,
/// `ttl_globex` of globex.
#[derive(Default)]
pub(crate) struct Titles {
    pub(crate) reach: Reach,
}

#[async_trait]
impl Catalog for Titles {
    async fn list_titles(&self, _: &Cx, _: ListTitles) -> Result<Page<Title>, CatalogError> {
        Err(not_asked())
    }

    async fn get_title(&self, _: &Cx, _: GetTitle) -> Result<Title, CatalogError> {
        Err(not_asked())
    }

    async fn playable(&self, cx: &Cx, request: GetPlayable) -> Result<Playable, CatalogError> {
        self.reach.check()?;
        let ours: &[&str] = match cx.tenant.as_str() {
            "acme" => &["ttl_film", "ttl_clear", "ttl_denied", "ttl_packaging"],
            _ => &["ttl_globex"],
        };
        if !ours.contains(&request.title_id.as_str()) {
            return Err(CatalogError::TitleNotFound(format!("there is no title {} here", request.title_id)));
        }
        let asset = request.title_id.as_str().replace("ttl_", "ast_");
        let facts = json!({
            "title_id": request.title_id, "asset_id": asset, "window": {}, "minimum_age": 12,
            "access": {"free": false, "plans": ["basic"]}, "version": 3,
        });
        Ok(serde_json::from_value(facts).unwrap())
    }

    async fn list_changes(&self, _: &Cx, _: ListChanges) -> Result<Changes, CatalogError> {
        Err(not_asked())
    }
}

/// A slot by tenant and session.
type Slots = BTreeMap<(String, String), AcquireLease>;

/// Entitlement with two streams an account. Everything but `ttl_denied` is granted, unless `refusal` says otherwise.
pub(crate) struct Entitlements {
    pub(crate) reach: Reach,
    pub(crate) slots: Mutex<Slots>,
    /// What every decision is from now on.
    pub(crate) refusal: Mutex<Option<EntitlementError>>,
    /// Slots that are not here may be somewhere that nobody reaches.
    pub(crate) split: AtomicBool,
    /// An acquisition waits for one of these; there are plenty until they are taken away.
    pub(crate) gate: Semaphore,
    pub(crate) waiting: AtomicUsize,
    pub(crate) clock: Arc<dyn Clock>,
}

pub(crate) const SLOT: Duration = Duration::from_secs(60);

impl Entitlements {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        let (reach, slots, refusal, split, waiting) = Default::default();
        Self { reach, slots, refusal, split, gate: Semaphore::new(Semaphore::MAX_PERMITS), waiting, clock }
    }

    pub(crate) fn held(&self) -> Vec<String> {
        self.slots.lock().unwrap().keys().map(|(_, session)| session.clone()).collect()
    }

    /// What was held is out of reach; what is taken from now on is held here.
    pub(crate) fn lose_slots(&self) {
        self.split.store(true, Ordering::SeqCst);
        self.slots.lock().unwrap().clear();
    }

    /// From now on decides against everything, with this code.
    pub(crate) fn refuse(&self, code: &str, status: u16) {
        let error = EntitlementError::from_wire(code, status, format!("refused: {code}"));
        *self.refusal.lock().unwrap() = Some(error);
    }

    fn decide(&self, title: &str) -> Result<(), EntitlementError> {
        match (&*self.refusal.lock().unwrap(), title) {
            (Some(refusal), _) => Err(refusal.clone()),
            (None, "ttl_denied") => Err(EntitlementError::NotEntitled("choose a plan".into())),
            (None, _) => Ok(()),
        }
    }

    fn lease(&self, wanted: &AcquireLease) -> Lease {
        Lease {
            session_id: wanted.session_id.clone(),
            expires_at: self.clock.now().plus(SLOT),
            renew_after_seconds: 20,
            decision: Decision {
                allowed: true,
                reason: DecisionReason::Plan,
                message: "part of the plan".into(),
                grant_id: None,
                holds_until: None,
                max_streams: 2,
            },
        }
    }
}

#[async_trait]
impl Entitlement for Entitlements {
    async fn put_grant(&self, _: &Cx, _: PutGrant) -> Result<Grant, EntitlementError> {
        Err(not_asked())
    }

    async fn revoke_grant(&self, _: &Cx, _: RevokeGrant) -> Result<Grant, EntitlementError> {
        Err(not_asked())
    }

    async fn list_grants(&self, _: &Cx, _: ListGrants) -> Result<GrantPage, EntitlementError> {
        Err(not_asked())
    }

    async fn decide(&self, _: &Cx, _: DecisionRequest) -> Result<Decision, EntitlementError> {
        Err(not_asked())
    }

    async fn acquire_lease(&self, cx: &Cx, wanted: AcquireLease) -> Result<Lease, EntitlementError> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let _passed = self.gate.acquire().await.unwrap();
        self.reach.check()?;
        self.decide(wanted.facts.title_id.as_str())?;
        let tenant = cx.tenant.to_string();
        let mut slots = self.slots.lock().unwrap();
        let same_account = |(of, _): &(String, String), slot: &AcquireLease| {
            *of == tenant && slot.viewing.account_id == wanted.viewing.account_id
        };
        slots.retain(|key, slot| !(same_account(key, slot) && slot.device_id == wanted.device_id));
        let key = (tenant.clone(), wanted.session_id.to_string());
        let others = slots.iter().filter(|(of, slot)| same_account(of, slot) && **of != key).count();
        if others >= 2 {
            return Err(EntitlementError::StreamLimitReached("both of your streams are in use".into()));
        }
        slots.insert(key, wanted.clone());
        Ok(self.lease(&wanted))
    }

    async fn renew_lease(&self, cx: &Cx, request: RenewLease) -> Result<Lease, EntitlementError> {
        self.reach.check()?;
        let key = (cx.tenant.to_string(), request.session_id.to_string());
        let slot = self.slots.lock().unwrap().get(&key).cloned();
        let slot = slot.ok_or_else(|| match self.split.load(Ordering::SeqCst) {
            true => EntitlementError::LeaseOutOfReach("who may hold it cannot be asked".into()),
            false => EntitlementError::LeaseNotFound("this stream has ended".into()),
        })?;
        self.decide(slot.facts.title_id.as_str())?;
        Ok(self.lease(&slot))
    }

    async fn release_lease(&self, cx: &Cx, request: ReleaseLease) -> Result<Released, EntitlementError> {
        self.reach.check()?;
        let key = (cx.tenant.to_string(), request.session_id.to_string());
        Ok(Released { released: self.slots.lock().unwrap().remove(&key).is_some() })
    }
}

/// An origin that has every asset but `ast_packaging`; `ast_clear` is not encrypted.
#[derive(Default)]
pub(crate) struct Origin {
    pub(crate) reach: Reach,
}

#[async_trait]
impl Delivery for Origin {
    async fn route(&self, cx: &Cx, request: RouteRequest) -> Result<Route, DeliveryError> {
        self.reach.check()?;
        let asset = request.asset_id.as_str();
        if asset == "ast_packaging" {
            return Err(DeliveryError::AssetNotFound("there is no such asset".into()));
        }
        let url = |file: &str| format!("/delivery/v1/{asset}/{file}");
        let source =
            Source { name: "origin".into(), hls_url: url("main.m3u8").into(), dash_url: url("main.mpd").into() };
        let expires_at = cx.business_now.plus(Duration::from_secs(3600));
        Ok(Route { sources: vec![source], encrypted: asset != "ast_clear", key_labels: None, expires_at })
    }
}

/// Licences for every asset; the token names the session.
#[derive(Default)]
pub(crate) struct Licences {
    pub(crate) reach: Reach,
}

#[async_trait]
impl Drm for Licences {
    async fn get_content_key(&self, _: &Cx, _: GetContentKey) -> Result<ContentKey, DrmError> {
        Err(not_asked())
    }

    async fn authorize_licence(&self, cx: &Cx, request: AuthorizeLicence) -> Result<LicenceAccess, DrmError> {
        self.reach.check()?;
        let server = LicenceServer { key_system: "org.w3.clearkey".into(), url: "/drm/v1/clearkey".into() };
        let token = format!("token-of-{}", request.session_id).into();
        Ok(LicenceAccess { servers: vec![server], token, expires_at: cx.business_now.plus(SLOT) })
    }
}

/// A profile `prf_<account>` an account, with an age limit of 16, at second 90 of everything, and 120 where that is said with
/// the profile.
#[derive(Default)]
pub(crate) struct Profiled {
    pub(crate) reach: Reach,
    /// The position is said with the profile.
    pub(crate) says_position: AtomicBool,
    /// Only the position cannot be had by itself.
    pub(crate) positions: Reach,
    /// The position never comes.
    pub(crate) silent: AtomicBool,
}

#[async_trait]
impl Viewers for Profiled {
    async fn list_profiles(&self, _: &Cx, _: ListProfiles) -> Result<Profiles, ViewersError> {
        Err(not_asked())
    }

    async fn edit_profile(&self, _: &Cx, _: EditProfile) -> Result<Profile, ViewersError> {
        Err(not_asked())
    }

    async fn list_progress(&self, _: &Cx, _: ListProgress) -> Result<Page<Progress>, ViewersError> {
        Err(not_asked())
    }

    async fn find_profile(&self, _: &Cx, request: FindProfile) -> Result<FoundProfile, ViewersError> {
        self.reach.check()?;
        let own = request.account_id.as_str().replace("acc_", "prf_");
        if request.profile_id.as_ref().is_some_and(|id| id.as_str() != own) {
            return Err(ViewersError::ProfileNotFound("this account has no such profile".into()));
        }
        let (profile_id, account_id) = (own.parse().unwrap(), request.account_id);
        let profile = Profile { profile_id, account_id, name: "Viewer".into(), age_limit: Some(16), version: 1 };
        let says = self.says_position.load(Ordering::SeqCst);
        Ok(FoundProfile { profile, position_seconds: request.title_id.filter(|_| says).map(|_| 120) })
    }

    async fn get_progress(&self, _: &Cx, _: GetProgress) -> Result<Position, ViewersError> {
        if self.silent.load(Ordering::SeqCst) {
            futures::future::pending::<()>().await;
        }
        self.positions.check()?;
        Ok(Position { position_seconds: 90 })
    }
}

//! The contract, on the store: load, check, commit with events.

use std::time::Duration;

use tessera_contract::{Cx, Failure, FailureKind, Page, async_trait, decode_cursor, page_limit};
use tessera_contract_viewers::{
    EditProfile, FindProfile, FoundProfile, GetProgress, ListProfiles, ListProgress, Position, Profile, ProfileUpdated,
    Profiles, Progress, Viewers, ViewersError,
};
use tessera_store::{Store, Tx};
use tessera_types::{AccountId, ProfileId, Timestamp, TitleId};

use crate::{config::ViewersConfig, profile, store};

/// How long a profile is held back for where it left off. Without that, who plays asks for it by itself, and begins anew
/// where nobody says.
const POSITION_WITHIN: Duration = Duration::from_millis(100);

/// The built-in viewers.
pub struct ViewersService {
    config: ViewersConfig,
    store: Store,
}

impl ViewersService {
    pub(crate) fn new(config: ViewersConfig, store: Store) -> Self {
        Self { config, store }
    }

    /// Its store: for readiness, upkeep, and the log of its events.
    pub fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn default_name(&self) -> String {
        self.config.default_profile_name.clone()
    }

    /// The account's profiles, at least one: its default is made when there is none yet.
    async fn profiles(&self, cx: &Cx, account: &AccountId) -> Result<Vec<Profile>, ViewersError> {
        let found = store::profiles(&self.store.tenant(cx), account).await?;
        if !found.is_empty() {
            return Ok(found);
        }
        let input = (account.clone(), self.default_name());
        let write = self.store.write(cx, input, |tx, (account, name)| {
            Box::pin(async move {
                add_default(tx, account, name).await?;
                Ok::<_, ViewersError>(store::profiles_in(tx, account).await?)
            })
        });
        write.await
    }

    async fn profile(&self, cx: &Cx, account: &AccountId, id: &ProfileId) -> Result<Profile, ViewersError> {
        check_minted(id)?;
        store::profile(&self.store.tenant(cx), account, id).await?.ok_or_else(|| not_found(id))
    }

    async fn default_profile(&self, cx: &Cx, account: &AccountId) -> Result<Profile, ViewersError> {
        let first = self.profiles(cx, account).await?.into_iter().next();
        // Between the write and its answer nothing removes a profile, so that this is a fault of the store.
        first.ok_or_else(|| Failure::new(FailureKind::Internal, "an account is left without a profile").into())
    }

    async fn position(&self, cx: &Cx, profile: &ProfileId, title: &TitleId) -> Result<u32, ViewersError> {
        store::position(&self.store.tenant(cx), profile, title).await?.ok_or_else(|| not_found(profile))
    }

    /// Where the profile left off, if that is read in time: a film is not kept from its viewer for it.
    async fn position_in_time(&self, cx: &Cx, profile: &ProfileId, title: &TitleId) -> Option<u32> {
        match tokio::time::timeout(POSITION_WITHIN, self.position(cx, profile, title)).await {
            Ok(Ok(position)) => Some(position),
            Ok(Err(error)) => {
                tracing::warn!(%profile, %error, "a profile is found without where it left off");
                None
            }
            Err(_) => {
                tracing::warn!(%profile, timeout = ?POSITION_WITHIN, "a profile is found without where it left off in time");
                None
            }
        }
    }
}

/// Makes the account's default profile unless it has one.
pub(crate) async fn add_default(tx: &mut Tx, account: &AccountId, name: &str) -> Result<(), Failure> {
    let profile = profile::first(ProfileId::mint(tx.now()), account.clone(), name);
    if store::add_first(tx, &profile).await? {
        tx.emit(&ProfileUpdated { profile }).await?;
    }
    Ok(())
}

fn not_found(id: &ProfileId) -> ViewersError {
    ViewersError::ProfileNotFound(format!("this account has no profile {id}"))
}

fn check_minted(id: &ProfileId) -> Result<(), Failure> {
    id.expect_minted().map_err(|e| Failure::invalid("profile_id", e.to_string()))
}

fn account(cx: &Cx) -> Result<&AccountId, Failure> {
    cx.account().ok_or_else(|| Failure::new(FailureKind::Forbidden, "profiles are a signed-in viewer's"))
}

#[async_trait]
impl Viewers for ViewersService {
    async fn list_profiles(&self, cx: &Cx, _: ListProfiles) -> Result<Profiles, ViewersError> {
        Ok(Profiles { data: self.profiles(cx, account(cx)?).await? })
    }

    async fn edit_profile(&self, cx: &Cx, request: EditProfile) -> Result<Profile, ViewersError> {
        check_minted(&request.profile_id)?;
        profile::checked_name(&request.name)?;
        let write = self.store.write(cx, (account(cx)?.clone(), request), |tx, (account, edit)| {
            Box::pin(async move {
                let before = store::profile_in(tx, account, &edit.profile_id).await?;
                let before = before.ok_or_else(|| not_found(&edit.profile_id))?;
                let profile = profile::edited(&before, edit)?;
                store::edit(tx, &profile).await?;
                tx.emit(&ProfileUpdated { profile: profile.clone() }).await?;
                Ok::<_, ViewersError>(profile)
            })
        });
        write.await
    }

    async fn list_progress(&self, cx: &Cx, request: ListProgress) -> Result<Page<Progress>, ViewersError> {
        let limit = page_limit(request.limit)?;
        let after = decode_cursor::<(Timestamp, TitleId)>(request.cursor.as_deref())?;
        let profile = self.profile(cx, account(cx)?, &request.profile_id).await?;
        let rows = store::page(&self.store.tenant(cx), &profile.profile_id, after, limit + 1).await?;
        Ok(Page::from_rows(rows, limit, |progress| (progress.watched_at, progress.title_id.clone())))
    }

    async fn find_profile(&self, cx: &Cx, request: FindProfile) -> Result<FoundProfile, ViewersError> {
        let FindProfile { account_id, profile_id, title_id } = request;
        let profile = match profile_id {
            Some(id) => self.profile(cx, &account_id, &id).await?,
            None => self.default_profile(cx, &account_id).await?,
        };
        let position_seconds = match title_id {
            Some(title) => self.position_in_time(cx, &profile.profile_id, &title).await,
            None => None,
        };
        Ok(FoundProfile { profile, position_seconds })
    }

    async fn get_progress(&self, cx: &Cx, request: GetProgress) -> Result<Position, ViewersError> {
        check_minted(&request.profile_id)?;
        Ok(Position { position_seconds: self.position(cx, &request.profile_id, &request.title_id).await? })
    }
}

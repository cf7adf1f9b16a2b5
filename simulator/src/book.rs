//! What the simulation knows: what it asked for, what it was told, and what must follow. Plain data.

use std::collections::BTreeMap;

use tessera_contract_billing::{AccountState, SubscriptionState};
use tessera_contract_entitlement::{Grant, GrantScope, PlayFacts, PutGrant, Viewing};
use tessera_types::Timestamp;

use crate::cast::{PLANS, TITLES};

/// A tenant and one of its accounts.
pub(crate) type Who = (usize, usize);

/// Everything known.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) intents: Vec<Intent>,
    /// Offers taken off sale, by tenant and number.
    pub(crate) archived: Vec<(usize, usize)>,
    /// Grants as the other system stated them, by tenant and reference.
    pub(crate) stated: BTreeMap<(usize, String), Stated>,
    /// Rows of leases by tenant and session.
    pub(crate) slots: BTreeMap<(usize, String), Slot>,
    /// Acknowledged cancellations by tenant and subscription, with their step.
    pub(crate) canceled: BTreeMap<(usize, String), usize>,
    /// The highest version seen of each of billing's grants, by tenant and reference.
    pub(crate) versions: BTreeMap<(usize, String), i64>,
    /// Sessions so far.
    pub(crate) sessions: usize,
}

/// A viewer's wish to buy, under one idempotency key.
#[derive(Debug, Clone)]
pub(crate) struct Intent {
    pub(crate) who: Who,
    pub(crate) key: String,
    pub(crate) offer: usize,
    /// Which title, where the offer is for any.
    pub(crate) title: Option<usize>,
    pub(crate) token: &'static str,
    /// The checkout that the key made, once it was told.
    pub(crate) checkout_id: Option<String>,
    pub(crate) known: Known,
    /// A request is under way, or one was never answered.
    pub(crate) unsure: bool,
}

/// What is known of an intent's outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    /// Nothing yet, or that nothing was begun.
    Nothing,
    Pending,
    Succeeded,
    Declined,
}

impl Known {
    pub(crate) fn is_final(self) -> bool {
        matches!(self, Known::Succeeded | Known::Declined)
    }
}

/// What an account has at most once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Thing {
    Plan(usize),
    Title(usize),
}

impl Intent {
    pub(crate) fn thing(&self) -> Thing {
        match (self.offer, self.title) {
            (0 | 1, _) => Thing::Plan(0),
            (2, _) => Thing::Plan(1),
            (3, _) => Thing::Title(2),
            (_, title) => Thing::Title(title.unwrap_or(0)),
        }
    }

    /// Whether its outcome may still be open.
    pub(crate) fn is_open(&self) -> bool {
        self.known == Known::Pending || (self.unsure && !self.known.is_final())
    }
}

/// Whether an account has the thing at `now`.
pub(crate) fn owns(account: &AccountState, thing: Thing, now: Timestamp) -> bool {
    match thing {
        Thing::Title(title) => {
            account.purchases.iter().any(|bought| bought.title_id.as_str() == TITLES[title] && now < bought.ends_at)
        }
        Thing::Plan(plan) => account.subscriptions.iter().filter(|one| one.plan == PLANS[plan]).any(|one| {
            one.state == SubscriptionState::Active
                || (one.state == SubscriptionState::Canceled && now < one.period_ends_at)
        }),
    }
}

/// A grant as it must be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stated {
    pub(crate) account: usize,
    pub(crate) scope: GrantScope,
    pub(crate) starts_at: Timestamp,
    pub(crate) ends_at: Option<Timestamp>,
    pub(crate) max_streams: u32,
    pub(crate) revoked: bool,
    pub(crate) version: i64,
}

impl Stated {
    pub(crate) fn of_put(account: usize, put: &PutGrant) -> Self {
        Self {
            account,
            scope: put.scope.clone(),
            starts_at: put.starts_at,
            ends_at: put.ends_at,
            max_streams: put.max_streams,
            revoked: false,
            version: put.version,
        }
    }

    pub(crate) fn of_grant(account: usize, grant: &Grant) -> Self {
        Self {
            account,
            scope: grant.scope.clone(),
            starts_at: grant.starts_at,
            ends_at: grant.ends_at,
            max_streams: grant.max_streams,
            revoked: grant.revoked,
            version: grant.version,
        }
    }
}

/// What must be stored after `put` where `before` was.
pub(crate) fn after_put(before: Option<&Stated>, account: usize, put: &PutGrant) -> Stated {
    match before {
        Some(before) if put.version <= before.version => before.clone(),
        _ => Stated::of_put(account, put),
    }
}

/// What must be stored after a revocation of `version` where `before` was.
pub(crate) fn after_revocation(before: &Stated, version: i64) -> Stated {
    match version >= before.version {
        true => Stated { revoked: true, version, ..before.clone() },
        false => before.clone(),
    }
}

/// A lease's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) account: usize,
    pub(crate) device: usize,
    pub(crate) expires_at: Timestamp,
    pub(crate) viewing: Viewing,
    pub(crate) facts: PlayFacts,
}

impl Book {
    /// Slots of other sessions on other devices that an account holds at `now`, wall time.
    pub(crate) fn others(&self, (tenant, account): Who, session: &str, device: usize, now: Timestamp) -> usize {
        let mine = self.slots.iter().filter(|((of, _), slot)| *of == tenant && slot.account == account);
        mine.filter(|((_, other), slot)| other != session && slot.device != device && now < slot.expires_at).count()
    }

    /// The rows after a session took its slot at `now`.
    pub(crate) fn taken(
        &self,
        tenant: usize,
        session: &str,
        slot: &Slot,
        now: Timestamp,
    ) -> BTreeMap<(usize, String), Slot> {
        let mut rows = self.slots.clone();
        rows.retain(|(of, other), row| {
            let own = *of == tenant && row.account == slot.account;
            !(own && (other == session || row.device == slot.device || row.expires_at <= now))
        });
        rows.insert((tenant, session.to_owned()), slot.clone());
        rows
    }
}

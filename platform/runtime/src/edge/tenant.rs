//! What the edge knows of a tenant.

use async_trait::async_trait;
use tessera_contract::Failure;
use tessera_types::{Locale, TenantId, Territory, Timestamp};

/// A tenant, as the directory has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// Its name, a DNS label.
    pub id: TenantId,
    /// Its name for people.
    pub display_name: String,
    /// For real viewers or for trying things out.
    pub kind: TenantKind,
    /// Whether it is served.
    pub state: TenantState,
    /// Why it is not, as whoever suspended it wrote.
    pub suspended_because: Option<String>,
    /// The language of its texts where a viewer's own is not there.
    pub default_locale: Locale,
    /// Where its viewers are when nothing else says so.
    pub default_territory: Option<Territory>,
    /// How far its business time is ahead of wall time; moved in test tenants alone, and only forward.
    pub clock_offset: std::time::Duration,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Tenant {
    /// The tenant's time when wall time is `now`: what windows, rentals and renewals are measured by.
    pub fn business_now(&self, now: Timestamp) -> Timestamp {
        now.plus(self.clock_offset)
    }
}

/// What a tenant is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TenantKind {
    /// Real viewers and real money. Its keys begin with `sk_live_`.
    Live,
    /// Trying things out: its business time can be moved. Its keys begin with `sk_test_`.
    Test,
    /// The deployment itself, [`TenantId::platform`]: no viewers, only operators' keys, which begin with
    /// `sk_platform_`.
    Platform,
}

impl TenantKind {
    /// As stored and printed.
    pub const fn as_str(self) -> &'static str {
        match self {
            TenantKind::Live => "live",
            TenantKind::Test => "test",
            TenantKind::Platform => "platform",
        }
    }

    /// How the secrets of this kind's API keys begin.
    pub const fn key_prefix(self) -> &'static str {
        match self {
            TenantKind::Live => "sk_live_",
            TenantKind::Test => "sk_test_",
            TenantKind::Platform => "sk_platform_",
        }
    }
}

/// Whether a tenant is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TenantState {
    /// It is.
    Active,
    /// Its requests are refused; its data stays.
    Suspended,
}

impl TenantState {
    /// As stored and printed.
    pub const fn as_str(self) -> &'static str {
        match self {
            TenantState::Active => "active",
            TenantState::Suspended => "suspended",
        }
    }
}

/// Where the edge looks tenants up. Asked on every request, so an implementation keeps what it knows at hand.
#[async_trait]
pub trait Tenants: Send + Sync + 'static {
    /// The tenant for which exactly this host is registered. `host` is lower-case and without a port.
    async fn by_host(&self, host: &str) -> Result<Option<Tenant>, Failure>;
    /// The tenant of this name.
    async fn by_id(&self, id: &TenantId) -> Result<Option<Tenant>, Failure>;
}

//! `[identity]` of `tessera.toml`.

use std::time::Duration;

use serde::Deserialize;
use tessera_runtime::config::Quota;
use tessera_types::TenantId;

/// Settings of the built-in identity.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IdentityConfig {
    /// `[identity.password]`.
    pub password: PasswordConfig,
    /// `[identity.tokens]`.
    pub tokens: TokenConfig,
    /// `[identity.attempts]`.
    pub attempts: AttemptsConfig,
    /// `[[identity.clients]]`: applications besides the tenant's own that may ask people to sign in. Default: none.
    pub clients: Vec<ClientConfig>,
}

/// `[identity.password]`: how passwords are hashed (argon2id, RFC 9106). The defaults are OWASP's.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PasswordConfig {
    /// Memory of one hash in KiB, at least 8. Default 19456.
    pub memory_kib: u32,
    /// Passes over that memory, at least 1. Default 2.
    pub iterations: u32,
    /// Lanes, at least 1. Default 1.
    pub parallelism: u32,
    /// Hashes computed at once. Default 2.
    pub at_once: usize,
    /// Hashes that may wait for their turn; beyond it, sign-in and sign-up answer 503. Default 64.
    pub queue: usize,
}

impl Default for PasswordConfig {
    fn default() -> Self {
        Self { memory_kib: 19_456, iterations: 2, parallelism: 1, at_once: 2, queue: 64 }
    }
}

/// `[identity.tokens]`: how long things hold, in seconds.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokenConfig {
    /// An authorization code. Default 60.
    pub code_seconds: u32,
    /// An access token, and how long a revoked sign-in may still be believed. Default 600.
    pub access_seconds: u32,
    /// A sign-in, with all refresh tokens and sessions that come from it. Default 2592000, 30 days.
    pub sign_in_seconds: u32,
    /// After this long a signing key gets a successor. Default 2592000, 30 days.
    pub rotate_seconds: u32,
    /// For so long a new signing key is only published, so that everybody knows it when it begins to sign. Default 3600.
    pub publish_seconds: u32,
}

impl Default for TokenConfig {
    fn default() -> Self {
        let month = 30 * 24 * 3600;
        Self {
            code_seconds: 60,
            access_seconds: 600,
            sign_in_seconds: month,
            rotate_seconds: month,
            publish_seconds: 3600,
        }
    }
}

/// A duration of the configuration.
pub(crate) fn seconds(seconds: u32) -> Duration {
    Duration::from_secs(seconds.into())
}

/// `[identity.attempts]`: how often somebody may try, known address or not.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AttemptsConfig {
    /// Sign-ins from one network address. Default 60 in 600 s.
    pub address: Quota,
    /// Sign-ins to one email address from one network address. Default 20 in 600 s.
    pub account_at_address: Quota,
    /// Sign-ins to one email address from everywhere it was not signed in to before; more than `account_at_address` by
    /// the hour, so that one network cannot tell known addresses from unknown ones by it. Default 200 in 3600 s.
    pub account: Quota,
    /// Sign-ups from one network address. Default 20 in 3600 s.
    pub sign_up: Quota,
}

impl Default for AttemptsConfig {
    fn default() -> Self {
        let quota = |requests, seconds| Quota { requests, window: Duration::from_secs(seconds) };
        Self {
            address: quota(60, 600),
            account_at_address: quota(20, 600),
            account: quota(200, 3600),
            sign_up: quota(20, 3600),
        }
    }
}

/// `[[identity.clients]]`: an application that may ask people of one tenant to sign in. It is a public client: what it
/// proves itself with is PKCE.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientConfig {
    /// Whose people.
    pub tenant: TenantId,
    /// Its `client_id`.
    pub client_id: String,
    /// Its name for people.
    pub name: String,
    /// Where it may have people sent back to, compared exactly.
    pub redirect_uris: Vec<String>,
    /// Where it may have people sent after signing out, compared exactly. Default: nowhere.
    #[serde(default)]
    pub post_logout_redirect_uris: Vec<String>,
}

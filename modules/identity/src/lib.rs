//! The built-in identity.
//!
//! It owns accounts, passwords, sign-ins, the OpenID provider of each tenant with its pages, the app's session, and API
//! keys. It refuses to know what an account may watch, has watched or pays: to everybody else an account is an id.
//!
//! Nothing that opens a door is stored in the clear: passwords as argon2id hashes, codes, tokens, sessions and keys as
//! hashes of 256 random bits, and what has to be read again (signing keys, the app's refresh tokens) encrypted under a
//! master key that is handed in.

mod account;
mod api_key;
mod app_session;
mod attempts;
mod authorization;
mod claims;
mod client;
mod config;
mod email;
mod hasher;
mod http;
mod issuer;
mod key_uses;
mod keys;
mod look;
mod origin;
mod pages;
mod password;
mod provider;
mod providers;
mod return_to;
mod rewrap;
mod secret;
mod service;
mod signing_key;
mod store;
mod subjects;
mod tenant_tables;

use std::sync::{Arc, RwLock};

use tessera_contract::{Failure, FailureKind};
use tessera_contract_tenancy::Tenancy;
use tessera_runtime::{edge::Tenants, secrets::KeyRing};
use tessera_store::{Module, Store, StoreConfig};
use tessera_types::Clock;

pub use account::SignUpError;
pub use client::FIRST_PARTY;
pub use config::{AttemptsConfig, ClientConfig, IdentityConfig, PasswordConfig, TokenConfig};
pub use http::Routes;
pub use origin::{BelowDomain, Origins};
pub use password::WeakPassword;
pub use provider::{ForeignSubject, LoginRequest, Provider, ProviderError, SignedIn, Subject};
pub use providers::Providers;
pub use service::IdentityService;
pub use store::SEALED_UNDER;
pub use tenant_tables::TABLES;

use account::Accounts;
use app_session::AppSessions;
use attempts::Attempts;
use client::Clients;
use hasher::Hasher;
use issuer::Issuer;
use provider::BuiltIn;
use providers::Switch;
use secret::Keyring;

/// The module's own version, as its changelog has it.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The module's schema.
pub static MODULE: Module =
    tessera_store::module!("identity", ["0001_identity", "0002_master_key_ids", "0003_api_keys", "0004_subjects"]);

/// What identity needs besides its store.
pub struct Deps {
    /// Wall time.
    pub clock: Arc<dyn Clock>,
    /// Names and kinds of tenants.
    pub tenants: Arc<dyn Tenants>,
    /// Where tenants are reached: the names of their issuers.
    pub origins: Arc<dyn Origins>,
    /// What stored secrets are encrypted under. Without it they cannot be read.
    pub master_keys: KeyRing,
    /// How tenants look; without it the pages say their names and no more.
    pub brands: Option<Arc<dyn Tenancy>>,
    /// The scopes that there are: what a key can be given, besides `*`.
    pub scopes: Vec<&'static str>,
    /// Who signs people in in the place of the built-in issuer, if anybody does.
    pub providers: Providers,
}

/// Opens identity: implements `Identity` and `IdentityManagement`, and for the edge `ApiKeys`, `Sessions` and
/// `IssuerKeys`.
///
/// # Errors
/// The store cannot be opened, or the configuration describes no argon2id hash or a client that cannot be one.
pub async fn open(config: IdentityConfig, store: &StoreConfig, deps: Deps) -> Result<Arc<IdentityService>, Failure> {
    let clients = Clients::new(&config.clients);
    let clients = clients.map_err(|e| Failure::new(FailureKind::Internal, e.to_string()))?;
    http::announce();
    let hasher = Hasher::new(&config.password).await?;
    let store = Store::open(store, &MODULE, deps.clock).await?;
    let keyring = Arc::new(Keyring::new(&deps.master_keys));
    let issuer = Arc::new(Issuer {
        store: store.clone(),
        keyring: keyring.clone(),
        origins: deps.origins.clone(),
        config: config.tokens,
    });
    let built_in = Arc::new(BuiltIn(issuer.clone()));
    let provider = Arc::new(Switch { providers: deps.providers.clone(), built_in });
    Ok(Arc::new(IdentityService {
        accounts: Accounts { store: store.clone(), hasher },
        attempts: Attempts::new(&config.attempts),
        sessions: AppSessions { store: store.clone(), keyring: keyring.clone(), provider },
        providers: deps.providers,
        revoked: RwLock::new(None),
        scopes: deps.scopes,
        uses: key_uses::KeyUses::default(),
        tenants: deps.tenants,
        brands: deps.brands,
        origins: deps.origins,
        store,
        keyring,
        clients,
        issuer,
    }))
}

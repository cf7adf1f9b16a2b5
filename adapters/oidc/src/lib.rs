//! An OpenID provider that is somebody else's, as a relying party sees it.
//!
//! It owns the protocol: discovery (OpenID Connect Discovery 1.0), the authorization code with PKCE (OpenID Connect Core §3.1,
//! RFC 7636), refreshing, revoking (RFC 7009), signing out (RP-Initiated Logout 1.0), and the provider's keys. It refuses to
//! know accounts and sessions: a subject is the provider's name for somebody, and what that means is said elsewhere.
//!
//! Every answer is hostile until it was checked: small, in time, JSON, of the issuer that was configured, signed by one of its
//! keys and meant for us.

mod config;
mod discovery;
mod error;
mod provider;
mod tokens;
mod wire;

pub use config::OidcConfig;
pub use error::OidcError;
pub use provider::{OidcProvider, SignInRequest};
pub use tokens::Tokens;

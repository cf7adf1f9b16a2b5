//! `[identity_provider]` of `tessera.toml`.

use std::{collections::BTreeMap, net::IpAddr};

use serde::Deserialize;
use tessera_runtime::config::Secret;
use tessera_types::TenantId;
use url::{Host, Url};

use crate::OidcError;

/// Stands for the tenant in a setting.
const TENANT: &str = "{tenant}";

/// The provider that signs people in, in the place of the built-in issuer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OidcConfig {
    /// Its issuer identifier, as its discovery document and its tokens have it; `https`, or `http` on this machine.
    pub issuer: String,
    /// Our client there; `{tenant}` in it stands for the tenant.
    pub client_id: String,
    /// The secrets of clients that have one, by tenant (`client_secret_basic`); the others are public clients. Default: none.
    #[serde(default)]
    pub client_secrets: BTreeMap<TenantId, Secret<String>>,
    /// What access tokens of apps on televisions and of other programs have to name in `aud`; `{tenant}` stands for the tenant.
    /// Default: the tenant's own origin, such as `https://acme.tv.example`.
    #[serde(default)]
    pub audience: Option<String>,
    /// The `typ` that they have to carry (RFC 9068 §2.1); empty where the provider sets none of its own. Default `at+jwt`.
    #[serde(default = "access_token_type")]
    pub access_token_type: String,
}

fn access_token_type() -> String {
    "at+jwt".into()
}

impl OidcConfig {
    /// Whether there can be such a provider. Errors name the setting.
    pub fn check(&self) -> Result<(), OidcError> {
        let refuse = |why: &str| Err(OidcError::Configured(format!("identity_provider.{why}")));
        if address(&self.issuer).is_none() {
            return refuse("issuer is an https address without a query, or http on this machine");
        }
        if self.client_id.is_empty() {
            return refuse("client_id is our client at the provider");
        }
        if self.audience.as_deref() == Some("") {
            return refuse("audience is what access tokens name in aud: leave it out for the tenant's origin");
        }
        Ok(())
    }

    /// Our client for a tenant's people.
    pub fn client(&self, tenant: &TenantId) -> String {
        self.client_id.replace(TENANT, tenant.as_str())
    }

    /// What access tokens for the tenant at `origin` name in `aud`.
    pub(crate) fn audience(&self, tenant: &TenantId, origin: &str) -> String {
        self.audience.as_ref().map_or_else(|| origin.to_owned(), |text| text.replace(TENANT, tenant.as_str()))
    }
}

/// An address that a provider may have: over TLS, or on this machine.
pub(crate) fn address(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let on_this_machine = match url.host()? {
        Host::Domain(name) => name == "localhost" || name.ends_with(".localhost"),
        Host::Ipv4(address) => IpAddr::from(address).is_loopback(),
        Host::Ipv6(address) => IpAddr::from(address).is_loopback(),
    };
    let safe = url.scheme() == "https" || (url.scheme() == "http" && on_this_machine);
    (safe && url.username().is_empty() && url.password().is_none() && url.fragment().is_none()).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_reached_over_tls_or_on_this_machine() {
        for good in
            ["https://id.example", "https://id.example/realms/tv", "http://127.0.0.1:9300", "http://id.localhost"]
        {
            assert!(address(good).is_some(), "{good}");
        }
        for bad in ["http://id.example", "ftp://id.example", "id.example", "https://a:b@id.example", "https://x/#y", ""]
        {
            assert!(address(bad).is_none(), "{bad}");
        }
    }
}

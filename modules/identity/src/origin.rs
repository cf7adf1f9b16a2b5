//! Where a tenant is reached: its issuer's name.

use async_trait::async_trait;
use tessera_contract::Failure;
use tessera_types::TenantId;

/// Tells a tenant's public origin. It names the tenant's issuer, so it must not change from request to request, however
/// many hosts a tenant answers to.
#[async_trait]
pub trait Origins: Send + Sync + 'static {
    /// Scheme, host and, unless it is the scheme's own, port: `https://acme.tv.example`, without a slash at the end.
    async fn origin(&self, tenant: &TenantId) -> Result<String, Failure>;
}

/// Every tenant below one domain: `http://demo.localhost:8080`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BelowDomain {
    /// Whether browsers come over TLS.
    pub https: bool,
    /// The domain, such as `localhost`.
    pub domain: String,
    /// The port browsers use.
    pub port: u16,
}

#[async_trait]
impl Origins for BelowDomain {
    async fn origin(&self, tenant: &TenantId) -> Result<String, Failure> {
        let Self { https, domain, port } = self;
        let (scheme, usual) = if *https { ("https", 443) } else { ("http", 80) };
        Ok(match *port == usual {
            true => format!("{scheme}://{tenant}.{domain}"),
            false => format!("{scheme}://{tenant}.{domain}:{port}"),
        })
    }
}

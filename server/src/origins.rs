//! Where tenants are reached, as the configuration has it.

use async_trait::async_trait;
use tessera_contract::Failure;
use tessera_identity::Origins;
use tessera_runtime::{config::ServerConfig, directory::Directory};
use tessera_tenancy::Addresses;
use tessera_types::TenantId;

/// Where a tenant is reached, by the process's configuration: its first own host, else below a configured domain, else
/// below localhost.
pub(crate) struct ConfiguredOrigins {
    directory: Directory,
    base_domain: Option<String>,
    port: u16,
    https: bool,
}

impl ConfiguredOrigins {
    pub(crate) fn new(server: &ServerConfig, directory: Directory) -> Self {
        let port = server.public_port.unwrap_or_else(|| server.listen.port());
        let base_domain = server.base_domains.first().cloned();
        // Nobody terminates TLS in front of localhost; a public name on 443 is never plain.
        Self { directory, base_domain, port, https: port == 443 }
    }
}

#[async_trait]
impl Origins for ConfiguredOrigins {
    async fn origin(&self, tenant: &TenantId) -> Result<String, Failure> {
        let own = self.directory.hosts(tenant).await?.into_iter().next();
        let domain = self.base_domain.as_deref().unwrap_or("localhost");
        let host = own.unwrap_or_else(|| format!("{tenant}.{domain}"));
        let (scheme, usual) = if self.https { ("https", 443) } else { ("http", 80) };
        Ok(match self.port == usual {
            true => format!("{scheme}://{host}"),
            false => format!("{scheme}://{host}:{}", self.port),
        })
    }
}

#[async_trait]
impl Addresses for ConfiguredOrigins {
    async fn address(&self, tenant: &TenantId) -> Result<String, Failure> {
        self.origin(tenant).await
    }
}

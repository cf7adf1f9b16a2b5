//! Where a tenant is reached.

use tessera_contract::{Failure, async_trait};
use tessera_types::TenantId;

/// Where tenants are reached, as the deployment's configuration says.
#[async_trait]
pub trait Addresses: Send + Sync + 'static {
    /// The origin of the tenant's pages: `https://watch.example`, without a slash at the end.
    async fn address(&self, tenant: &TenantId) -> Result<String, Failure>;
}

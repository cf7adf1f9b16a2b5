//! From a host name to its tenant.

use tessera_contract::Failure;
use tessera_types::TenantId;

use super::{Tenant, Tenants};

/// The domains below which a label names a tenant.
pub(super) struct Hosts {
    suffixes: Vec<String>,
}

impl Hosts {
    /// `localhost` always is one: browsers resolve it to this machine.
    pub(super) fn new(base_domains: &[String]) -> Self {
        let domains = base_domains.iter().map(|domain| domain.trim_matches('.').to_ascii_lowercase());
        Self { suffixes: domains.chain(["localhost".to_owned()]).map(|domain| format!(".{domain}")).collect() }
    }

    /// A host that is registered as it stands, else the label below one of the domains.
    pub(super) async fn resolve(&self, host: &str, tenants: &dyn Tenants) -> Result<Option<Tenant>, Failure> {
        if let Some(tenant) = tenants.by_host(host).await? {
            return Ok(Some(tenant));
        }
        let label = self.suffixes.iter().find_map(|suffix| host.strip_suffix(suffix.as_str()));
        match label.and_then(|label| label.parse::<TenantId>().ok()) {
            Some(id) => tenants.by_id(&id).await,
            None => Ok(None),
        }
    }
}

/// A host without its port, in lower case and without the root's dot; `None` when it cannot be a host name.
pub(crate) fn name_of(authority: &str) -> Option<String> {
    let without_port = match authority.strip_prefix('[') {
        Some(v6) => v6.split_once(']').map(|(address, _)| address)?,
        None => authority.split_once(':').map_or(authority, |(host, _)| host),
    };
    let name = without_port.strip_suffix('.').unwrap_or(without_port).to_ascii_lowercase();
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._:".contains(&b);
    ((1..=253).contains(&name.len()) && name.bytes().all(allowed)).then_some(name)
}

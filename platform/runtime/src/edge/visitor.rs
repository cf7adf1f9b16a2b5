//! The context of a request whose credential, if it has one, is not the edge's to check.

use async_trait::async_trait;
use http::request::Parts;
use tessera_contract::{Caller, Cx, Failure};

use super::Edge;

/// Knows the tenant by the host alone: for routes that are not operations and check credentials of their own, such as
/// a licence request's playback token or a signed path.
#[async_trait]
pub trait TenantOfHost: Send + Sync + 'static {
    /// An anonymous context of the tenant whose host the request names. No credential is looked at.
    ///
    /// # Errors
    /// [`tessera_contract::FailureKind::NotFound`] when no tenant answers to the host,
    /// [`tessera_contract::FailureKind::Forbidden`] when it is suspended.
    async fn visitor(&self, head: &Parts) -> Result<Cx, Failure>;
}

#[async_trait]
impl TenantOfHost for Edge {
    async fn visitor(&self, head: &Parts) -> Result<Cx, Failure> {
        let tenant = self.tenant(head).await?;
        let cx = self.context(head, &tenant, Caller::Anonymous);
        self.admit(head, &cx)?;
        Ok(cx)
    }
}

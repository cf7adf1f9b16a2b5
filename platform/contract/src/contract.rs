//! What `#[contract]` makes of a trait.

use std::sync::Arc;

use crate::{Api, ContractInfo, Placed, Remote};

/// A contract, implemented by `#[contract]` for `dyn Trait`: its description and its bindings.
pub trait Contract: Send + Sync + 'static {
    /// Name, version, operations.
    const INFO: &'static ContractInfo;

    /// The implementation behind the contract's rules: what other modules in the process call.
    fn guarded(implementation: Arc<Self>) -> Arc<Self>;

    /// The contract at another address.
    fn remote(remote: Remote) -> Arc<Self>;

    /// The contract wherever `placed` says: behind no guard yet, as any implementation.
    fn placed(placed: Arc<Placed<Self>>) -> Arc<Self>;

    /// The implementation as endpoints and document; its rules apply here too, so pass the bare implementation.
    fn api(implementation: Arc<Self>) -> Api;
}

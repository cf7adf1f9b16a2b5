//! Every contract of this version of Tessera, in one table.
//!
//! For code that treats them all alike: the server's reference and operation table, the guard that freezes their
//! documents, the scenarios that try every operation.

mod asyncapi;
mod document;

use std::collections::BTreeSet;

use serde_json::Value;
use tessera_contract::{Api, Contract, ContractInfo, Credential, Remote, conformance::Rule, http_client};
use tessera_contract_audit::{Audit, AuditIntake};
use tessera_contract_billing::{Billing, BillingManagement};
use tessera_contract_catalog::{Catalog, CatalogManagement};
use tessera_contract_delivery::Delivery;
use tessera_contract_drm::Drm;
use tessera_contract_entitlement::Entitlement;
use tessera_contract_identity::{Identity, IdentityEdge, IdentityManagement};
use tessera_contract_media::Media;
use tessera_contract_payment_gateway::{CardVault, PaymentGateway};
use tessera_contract_playback::PlaybackSessions;
use tessera_contract_tenancy::{Tenancy, TenancyManagement, TenancyPlatform};
use tessera_contract_viewers::Viewers;
use tessera_contract_webhooks::Webhooks;

pub use asyncapi::{asyncapi_document, event_types, tells};
pub use document::events_document;

/// A contract, its document and its rules.
pub struct Entry {
    /// The folder below `contracts/` and the module's name: `catalog` for `catalog-management` too.
    pub module: &'static str,
    /// Name, version, operations.
    pub info: &'static ContractInfo,
    /// Makes the OpenAPI 3.1 document.
    pub document: fn() -> Value,
    /// Its operations, asked of another implementation by the contract's own client.
    pub over: fn(Remote) -> Api,
    /// The conformance rules beyond those that hold for every contract; none for a management contract.
    pub rules: &'static [Rule],
}

impl Entry {
    const fn of<C: Contract + ?Sized>(module: &'static str, rules: &'static [Rule]) -> Self {
        Self { module, info: C::INFO, document: document_of::<C>, over: over::<C>, rules }
    }

    /// The file of the frozen document, below `contracts/{module}/v1/`.
    pub fn file_name(&self) -> String {
        match self.info.name == self.module {
            true => "openapi.json".into(),
            false => format!("{}.openapi.json", self.info.name),
        }
    }
}

/// Every contract.
pub const ALL: &[Entry] = &[
    Entry::of::<dyn Audit>("audit", tessera_contract_audit::conformance::RULES),
    Entry::of::<dyn AuditIntake>("audit", &[]),
    Entry::of::<dyn Billing>("billing", tessera_contract_billing::conformance::RULES),
    Entry::of::<dyn BillingManagement>("billing", &[]),
    Entry::of::<dyn Catalog>("catalog", tessera_contract_catalog::conformance::RULES),
    Entry::of::<dyn CatalogManagement>("catalog", &[]),
    Entry::of::<dyn Delivery>("delivery", tessera_contract_delivery::conformance::RULES),
    Entry::of::<dyn Drm>("drm", tessera_contract_drm::conformance::RULES),
    Entry::of::<dyn Entitlement>("entitlement", tessera_contract_entitlement::conformance::RULES),
    Entry::of::<dyn Identity>("identity", tessera_contract_identity::conformance::RULES),
    Entry::of::<dyn IdentityEdge>("identity", &[]),
    Entry::of::<dyn IdentityManagement>("identity", &[]),
    Entry::of::<dyn Media>("media", tessera_contract_media::conformance::RULES),
    Entry::of::<dyn PaymentGateway>("payment-gateway", tessera_contract_payment_gateway::conformance::RULES),
    Entry::of::<dyn CardVault>("payment-gateway", &[]),
    Entry::of::<dyn PlaybackSessions>("playback", tessera_contract_playback::conformance::RULES),
    Entry::of::<dyn Tenancy>("tenancy", tessera_contract_tenancy::conformance::RULES),
    Entry::of::<dyn TenancyManagement>("tenancy", &[]),
    Entry::of::<dyn TenancyPlatform>("tenancy", &[]),
    Entry::of::<dyn Viewers>("viewers", tessera_contract_viewers::conformance::RULES),
    Entry::of::<dyn Webhooks>("webhooks", tessera_contract_webhooks::conformance::RULES),
];

/// The scopes that operations ask for, sorted: what an API key can be given.
pub fn scopes() -> Vec<&'static str> {
    let operations = ALL.iter().flat_map(|entry| entry.info.operations);
    let scopes: BTreeSet<&str> = operations.filter_map(|operation| operation.access.scope()).collect();
    scopes.into_iter().collect()
}

/// Whether staff change something by an operation of this module, so that its log has audit records.
pub fn is_recorded(module: &str) -> bool {
    let operations = ALL.iter().filter(|entry| entry.module == module).flat_map(|entry| entry.info.operations);
    operations.into_iter().any(|operation| operation.is_recorded())
}

/// The contract with this name.
pub fn find(name: &str) -> Option<&'static Entry> {
    ALL.iter().find(|entry| entry.info.name == name)
}

fn document_of<C: Contract + ?Sized>() -> Value {
    // A remote client is an implementation like any other, and needs nothing to be described.
    let nowhere = Remote::new(http_client(), "http://localhost", Credential::Anonymous);
    over::<C>(nowhere).document
}

fn over<C: Contract + ?Sized>(remote: Remote) -> Api {
    C::api(C::remote(remote))
}

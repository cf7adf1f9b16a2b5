//! Ready callers of the two tenants that every test has.

use std::ops::Deref;

use tessera_contract::{Caller, Cx, Effect};
use tessera_types::{TenantId, Timestamp};

/// A context of `tenant` ("acme", "globex"), anonymous until told otherwise; business time is [`crate::clock`]'s start.
/// Derefs to [`Cx`], so `&cx("acme").viewer("acc_1")` is a `&Cx`.
pub fn cx(tenant: &str) -> Calls {
    let tenant: TenantId = tenant.parse().expect("a test's tenant is a DNS label");
    Calls(Cx::new(tenant, Caller::Anonymous, crate::engines::START))
}

/// Builds a [`Cx`].
#[derive(Debug, Clone)]
pub struct Calls(Cx);

impl Calls {
    /// A viewer who signed in to `account`.
    pub fn viewer(self, account: &str) -> Self {
        let account = account.parse().expect("a test's account is an id");
        self.caller(Caller::Viewer { account, profile: None })
    }

    /// A viewer with a profile chosen.
    pub fn viewer_as(self, account: &str, profile: &str) -> Self {
        let account = account.parse().expect("a test's account is an id");
        let profile = Some(profile.parse().expect("a test's profile is an id"));
        self.caller(Caller::Viewer { account, profile })
    }

    /// A member of staff with these scopes, such as `catalog:write`.
    pub fn staff(self, scopes: &[&str]) -> Self {
        let scopes = scopes.iter().map(|&scope| scope.to_owned()).collect();
        self.caller(Caller::Staff { subject: "staff_test".into(), scopes })
    }

    /// Another module of the deployment.
    pub fn service(self, name: &str) -> Self {
        self.caller(Caller::Service { name: name.into() })
    }

    /// Nobody in particular.
    pub fn anonymous(self) -> Self {
        self.caller(Caller::Anonymous)
    }

    /// In this country.
    pub fn territory(mut self, territory: &str) -> Self {
        self.0.territory = Some(territory.parse().expect("a test's territory is two capital letters"));
        self
    }

    /// At this business time.
    pub fn at(mut self, business_now: Timestamp) -> Self {
        self.0.business_now = business_now;
        self
    }

    /// With an `Idempotency-Key`, as sent; the guard of the contract binds it.
    pub fn key(self, key: &str) -> Self {
        Self(self.0.with_idempotency_key(key))
    }

    /// With a bound idempotency key, as a store sees it behind the guard.
    pub fn effect(self, operation: &'static str, key: &str, fingerprint: &str) -> Self {
        let (caller, key, fingerprint) = (self.0.caller.key(), key.into(), fingerprint.into());
        Self(self.0.with_effect(Effect { operation, caller, key, fingerprint }))
    }

    /// The context itself.
    pub fn build(self) -> Cx {
        self.0
    }

    fn caller(mut self, caller: Caller) -> Self {
        self.0.caller = caller;
        self
    }
}

impl Deref for Calls {
    type Target = Cx;
    fn deref(&self) -> &Cx {
        &self.0
    }
}

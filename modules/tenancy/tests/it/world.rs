//! Two tenants, and somebody who looks after them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use axum::Router;
use tessera_contract::{Contract, Cx, Failure, FailureKind, Page, async_trait};
use tessera_contract_identity::{
    Account, ApiKey, CreateApiKey, IdentityError, IdentityManagement, ListAccounts, ListApiKeys, NewApiKey,
    RevokeApiKey, RotateApiKey,
};
use tessera_contract_tenancy::TenancyPlatform;
use tessera_runtime::{
    blobs::Blobs,
    config::ServerConfig,
    directory::{Directory, NewTenant},
    edge::{ApiKeys, Edge, ResolvedKey, TenantKind},
};
use tessera_store::Exporter;
use tessera_tenancy::{Addresses, BrandService, PlatformDeps, PlatformService};
use tessera_testing::{Calls, Engine, clock, cx};
use tessera_types::TenantId;

pub(crate) struct World {
    pub(crate) brands: Arc<BrandService>,
    pub(crate) platform: Arc<PlatformService>,
    /// The same behind the contract's rules.
    pub(crate) guarded: Arc<dyn TenancyPlatform>,
    pub(crate) router: Router,
}

struct Local;

#[async_trait]
impl Addresses for Local {
    async fn address(&self, tenant: &TenantId) -> Result<String, Failure> {
        Ok(format!("http://{tenant}.localhost:8080"))
    }
}

impl World {
    pub(crate) async fn on(engine: &Engine) -> Self {
        let clock = clock();
        let directory = Directory::open(&engine.config, clock.clone()).await.unwrap();
        for (tenant, name) in [("acme", "Acme Cinema"), ("globex", "Globex TV")] {
            let new = NewTenant {
                id: tenant.parse().unwrap(),
                display_name: name.into(),
                kind: TenantKind::Test,
                default_locale: "en".parse().unwrap(),
                default_territory: None,
                hosts: vec![format!("watch.{tenant}.example")],
            };
            directory.create(new).await.unwrap();
        }
        directory.platform().await.unwrap();
        let tenants = Arc::new(directory.clone());
        let brands = tessera_tenancy::open(&engine.config, tenants.clone(), clock.clone()).await.unwrap();
        let keys = Arc::new(Keys::default());
        let exporters = vec![Exporter::of(brands.store(), &tessera_tenancy::TABLES)];
        let deps = PlatformDeps {
            directory,
            identity: <dyn IdentityManagement>::guarded(keys.clone()),
            addresses: Arc::new(Local),
            base_domains: vec!["tv.example".into()],
            exporters,
            beyond_reach: Vec::new(),
            blobs: Blobs::folder(&engine.folder().join("blobs")).unwrap(),
        };
        let platform = tessera_tenancy::platform(&brands, deps);
        let edge = Edge::new(&ServerConfig::default(), tenants, clock).with_api_keys(keys);
        let edge = Arc::new(edge);
        let routes = brands.clone().router(edge.clone()).merge(platform.clone().router(edge));
        let router = Router::new().nest("/tenancy", routes);
        let guarded = <dyn TenancyPlatform>::guarded(platform.clone());
        Self { brands, platform, guarded, router }
    }
}

/// The secret of an operator's key.
pub(crate) const PLATFORM_KEY: &str = "sk_platform_1";

/// Stands where identity does: makes keys, each once for its tenant, caller and idempotency key, and knows them again.
#[derive(Default)]
struct Keys(Mutex<HashMap<String, NewApiKey>>);

#[async_trait]
impl IdentityManagement for Keys {
    async fn create_api_key(&self, cx: &Cx, request: CreateApiKey) -> Result<NewApiKey, IdentityError> {
        if request.scopes.iter().any(|scope| scope != "*") {
            return Err(Failure::invalid("scopes", "only everything is known here").into());
        }
        assert_eq!(cx.caller.subject(), "platform:staff_test", "the tenant's trail names the operator");
        let (mut keys, effect) = (self.0.lock().unwrap(), cx.effect().unwrap());
        let made = keys.len();
        let key = keys.entry(format!("{} {} {}", cx.tenant, effect.caller, effect.key)).or_insert_with(|| {
            let key = serde_json::json!({
                "key_id": format!("key_{made}"), "name": request.name, "scopes": request.scopes,
                "created_at": "2026-01-01T00:00:00Z",
            });
            let secret = format!("sk_test_{}_{made}", cx.tenant).into();
            NewApiKey { key: serde_json::from_value(key).unwrap(), secret }
        });
        Ok(key.clone())
    }

    async fn list_api_keys(&self, _: &Cx, _: ListApiKeys) -> Result<Page<ApiKey>, IdentityError> {
        Err(not_asked())
    }

    async fn rotate_api_key(&self, _: &Cx, _: RotateApiKey) -> Result<NewApiKey, IdentityError> {
        Err(not_asked())
    }

    async fn revoke_api_key(&self, _: &Cx, _: RevokeApiKey) -> Result<ApiKey, IdentityError> {
        Err(not_asked())
    }

    async fn list_accounts(&self, _: &Cx, _: ListAccounts) -> Result<Page<Account>, IdentityError> {
        Err(not_asked())
    }
}

fn not_asked() -> IdentityError {
    Failure::new(FailureKind::Internal, "tenancy has no business with this").into()
}

#[async_trait]
impl ApiKeys for Keys {
    async fn resolve(&self, secret: &str) -> Result<Option<ResolvedKey>, Failure> {
        let tenant = match secret {
            PLATFORM_KEY => "platform",
            secret if secret.starts_with("sk_test_acme_") => "acme",
            _ => return Ok(None),
        };
        let scopes = vec!["*".to_owned()];
        Ok(Some(ResolvedKey { tenant: id(tenant), id: "key_1".parse().unwrap(), scopes }))
    }
}

/// An operator of the platform.
pub(crate) fn operator() -> Calls {
    cx("platform").staff(&["tenants:read", "tenants:write", "tenants:export"])
}

pub(crate) fn id(tenant: &str) -> TenantId {
    tenant.parse().unwrap()
}

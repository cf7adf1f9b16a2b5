//! Looking after tenants. That only operators of the platform get here is the contract's rule, kept by its guard.

use tessera_contract::{Caller, Cx, Failure, FailureKind, Page, async_trait, decode_cursor, page_limit};
use tessera_contract_identity::{CreateApiKey, IdentityError};
use tessera_contract_tenancy::{
    AddHost, CreateTenant, CreateTenantKey, Export, GetExport, GetTenant, ListTenants, NewTenantKey, RemoveHost,
    RequestExport, ResumeTenant, SuspendTenant, TenancyError, TenancyPlatform, Tenant, TenantKind, TenantState,
};
use tessera_runtime::{
    directory::{DirectoryError, NewTenant},
    edge,
};
use tessera_store::Store;
use tessera_types::TenantId;

use crate::{PlatformDeps, brand::one_line};

const MOST_HOSTS: usize = 20;
const LONGEST_NAME: usize = 60;
const LONGEST_REASON: usize = 200;

/// Looks after tenants.
pub struct PlatformService {
    pub(crate) store: Store,
    pub(crate) deps: PlatformDeps,
}

impl PlatformService {
    async fn told(&self, tenant: edge::Tenant) -> Result<Tenant, TenancyError> {
        let kind = match tenant.kind {
            edge::TenantKind::Live => TenantKind::Live,
            edge::TenantKind::Test => TenantKind::Test,
            edge::TenantKind::Platform => return Err(unknown(&tenant.id)),
        };
        let state = match tenant.state {
            edge::TenantState::Active => TenantState::Active,
            edge::TenantState::Suspended => TenantState::Suspended,
        };
        Ok(Tenant {
            hosts: self.deps.directory.hosts(&tenant.id).await?,
            url: self.deps.addresses.address(&tenant.id).await?,
            tenant_id: tenant.id,
            name: tenant.display_name,
            kind,
            state,
            suspended_because: tenant.suspended_because,
            default_locale: tenant.default_locale,
            default_territory: tenant.default_territory,
            created_at: tenant.created_at,
        })
    }

    /// The tenant; the platform itself is none.
    async fn tenant(&self, id: &TenantId) -> Result<edge::Tenant, TenancyError> {
        match id.is_platform() {
            true => Err(unknown(id)),
            false => self.deps.directory.get(id).await.map_err(refused),
        }
    }

    /// A name below one of the deployment's domains belongs to the tenant that it names.
    fn host_for(&self, tenant: &TenantId, host: &str) -> Result<(), Failure> {
        let name = host.trim_end_matches('.').to_ascii_lowercase();
        let domains = self.deps.base_domains.iter().map(String::as_str).chain(["localhost"]);
        for domain in domains {
            let label = name.strip_suffix(domain).and_then(|label| label.strip_suffix('.'));
            if name == domain || label.is_some_and(|label| label != tenant.as_str()) {
                let detail = format!("names below {domain} are tenants' own, by their names; choose another host");
                return Err(Failure::invalid("host", detail));
            }
        }
        Ok(())
    }

    /// The same one again is as good as new.
    async fn same(&self, wanted: &NewTenant) -> Result<edge::Tenant, TenancyError> {
        let there = self.tenant(&wanted.id).await?;
        let hosts = self.deps.directory.hosts(&wanted.id).await?;
        let has = |host: &String| hosts.contains(&host.trim_end_matches('.').to_ascii_lowercase());
        let differs = [
            ("name", there.display_name != wanted.display_name),
            ("kind", there.kind != wanted.kind),
            ("default_locale", there.default_locale != wanted.default_locale),
            ("default_territory", there.default_territory != wanted.default_territory),
            ("hosts", !wanted.hosts.iter().all(has)),
        ];
        let differing: Vec<&str> =
            differs.into_iter().filter(|(_, differs)| *differs).map(|(field, _)| field).collect();
        match differing.is_empty() {
            true => Ok(there),
            false => {
                let (id, fields) = (&wanted.id, differing.join(", "));
                let detail = format!("there is a tenant {id} already, with another {fields}; choose another name");
                Err(TenancyError::TenantTaken(detail))
            }
        }
    }

    /// The operator's context, carried over to `tenant` for work on its data; a retry's key goes with it.
    fn across(cx: &Cx, tenant: &TenantId) -> Cx {
        let mut there = cx.as_service("tenancy");
        there.tenant = tenant.clone();
        match cx.effect() {
            Some(effect) => there.with_effect(effect.clone()),
            None => there,
        }
    }
}

fn unknown(id: &TenantId) -> TenancyError {
    TenancyError::TenantNotFound(format!("there is no tenant {id}"))
}

fn refused(error: DirectoryError) -> TenancyError {
    match error {
        DirectoryError::NotFound(id) => unknown(&id),
        DirectoryError::TenantTaken(_) | DirectoryError::Reserved(_) => TenancyError::TenantTaken(error.to_string()),
        DirectoryError::HostTaken { .. } => TenancyError::HostTaken(error.to_string()),
        DirectoryError::NotAHost(_) => Failure::invalid("host", error.to_string()).into(),
        DirectoryError::LiveClock(_) | DirectoryError::TooFar(_) => {
            Failure::invalid("tenant_id", error.to_string()).into()
        }
        DirectoryError::Failure(failure) => failure.into(),
    }
}

#[async_trait]
impl TenancyPlatform for PlatformService {
    async fn create_tenant(&self, cx: &Cx, request: CreateTenant) -> Result<Tenant, TenancyError> {
        let CreateTenant { tenant_id: id, name, kind, default_locale, default_territory, hosts } = request;
        let display_name = one_line("name", &name, LONGEST_NAME)?;
        if hosts.len() > MOST_HOSTS {
            return Err(Failure::invalid("hosts", format!("a tenant begins with at most {MOST_HOSTS} hosts")).into());
        }
        hosts.iter().try_for_each(|host| self.host_for(&id, host))?;
        let kind = match kind {
            TenantKind::Live => edge::TenantKind::Live,
            TenantKind::Test => edge::TenantKind::Test,
        };
        let new = NewTenant { id, display_name, kind, default_locale, default_territory, hosts };
        let made = match self.deps.directory.on_behalf(cx).create(new.clone()).await {
            Err(DirectoryError::TenantTaken(_)) => self.same(&new).await?,
            made => made.map_err(refused)?,
        };
        self.told(made).await
    }

    async fn get_tenant(&self, _: &Cx, request: GetTenant) -> Result<Tenant, TenancyError> {
        let tenant = self.tenant(&request.tenant_id).await?;
        self.told(tenant).await
    }

    async fn list_tenants(&self, _: &Cx, request: ListTenants) -> Result<Page<Tenant>, TenancyError> {
        let (limit, after) = (page_limit(request.limit)?, decode_cursor::<String>(request.cursor.as_deref())?);
        let mut tenants = self.deps.directory.list().await?;
        tenants.retain(|tenant| after.as_deref().is_none_or(|after| tenant.id.as_str() > after));
        tenants.truncate(limit as usize + 1);
        let mut told = Vec::with_capacity(tenants.len());
        for tenant in tenants {
            told.push(self.told(tenant).await?);
        }
        Ok(Page::from_rows(told, limit, |tenant| tenant.tenant_id.clone()))
    }

    async fn suspend_tenant(&self, cx: &Cx, request: SuspendTenant) -> Result<Tenant, TenancyError> {
        let reason = one_line("reason", &request.reason, LONGEST_REASON)?;
        let suspended =
            self.deps.directory.on_behalf(cx).suspend_because(&request.tenant_id, &reason).await.map_err(refused)?;
        self.told(suspended).await
    }

    async fn resume_tenant(&self, cx: &Cx, request: ResumeTenant) -> Result<Tenant, TenancyError> {
        let resumed = self.deps.directory.on_behalf(cx).resume(&request.tenant_id).await.map_err(refused)?;
        self.told(resumed).await
    }

    async fn add_host(&self, cx: &Cx, request: AddHost) -> Result<Tenant, TenancyError> {
        let tenant = self.tenant(&request.tenant_id).await?;
        self.host_for(&tenant.id, &request.host)?;
        self.deps.directory.on_behalf(cx).add_host(&tenant.id, &request.host).await.map_err(refused)?;
        self.told(tenant).await
    }

    async fn remove_host(&self, cx: &Cx, request: RemoveHost) -> Result<Tenant, TenancyError> {
        let tenant = self.tenant(&request.tenant_id).await?;
        self.deps.directory.on_behalf(cx).remove_host(&tenant.id, &request.host).await.map_err(refused)?;
        self.told(tenant).await
    }

    async fn create_tenant_key(&self, cx: &Cx, request: CreateTenantKey) -> Result<NewTenantKey, TenancyError> {
        let CreateTenantKey { tenant_id, name, scopes } = request;
        let tenant = self.tenant(&tenant_id).await?;
        // In the tenant's own trail it stands under the operator's name, and identity keeps the answer for a retry.
        let key =
            cx.idempotency_key.clone().ok_or_else(|| Failure::new(FailureKind::IdempotencyKeyRequired, "a key"))?;
        let mut there = Self::across(cx, &tenant.id).with_idempotency_key(key);
        there.caller = Caller::Staff { subject: format!("platform:{}", cx.caller.subject()), scopes: vec!["*".into()] };
        let made = self.deps.identity.create_api_key(&there, CreateApiKey { name, scopes, expires_at: None }).await;
        let made = made.map_err(|error| match error {
            IdentityError::Failure(failure) => TenancyError::Failure(failure),
            other => Failure::invalid("scopes", other.to_string()).into(),
        })?;
        Ok(NewTenantKey { key_id: made.key.key_id, tenant_id, scopes: made.key.scopes, secret: made.secret })
    }

    async fn request_export(&self, cx: &Cx, request: RequestExport) -> Result<Export, TenancyError> {
        let tenant = self.tenant(&request.tenant_id).await?;
        self.ask(&Self::across(cx, &tenant.id)).await
    }

    async fn get_export(&self, cx: &Cx, request: GetExport) -> Result<Export, TenancyError> {
        let tenant = self.tenant(&request.tenant_id).await?;
        self.look(&Self::across(cx, &tenant.id), &request.export_id).await
    }
}

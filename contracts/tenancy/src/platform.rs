//! Looking after tenants: for operators of the deployment, who are nobody's staff.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tessera_contract::{Cx, Page, contract};
use tessera_types::{ExportId, KeyId, Locale, Sensitive, TenantId, Territory, Timestamp};

use crate::TenancyError;

/// What a tenant is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TenantKind {
    /// Real viewers and real money.
    Live,
    /// Trying things out: its business time can be moved forward.
    Test,
}

/// Whether a tenant is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TenantState {
    /// It is.
    Active,
    /// Its requests are refused; its data stays.
    Suspended,
    /// A state that a newer version of this contract knows.
    #[serde(other)]
    Unknown,
}

/// A tenant, as the deployment's operators see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tenant {
    /// Its name, a DNS label.
    pub tenant_id: TenantId,
    /// Its name for people, until its brand says another.
    pub name: String,
    /// For real viewers or for trying things out.
    pub kind: TenantKind,
    /// Whether it is served.
    pub state: TenantState,
    /// Why it is not, as whoever suspended it wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspended_because: Option<String>,
    /// The language of its texts where a viewer's own is not there.
    pub default_locale: Locale,
    /// Where its viewers are when nothing else says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_territory: Option<Territory>,
    /// Host names of its own, besides the one that its name gives it.
    pub hosts: Vec<String>,
    /// Where its pages are.
    pub url: String,
    /// When it was made, wall time.
    pub created_at: Timestamp,
}

/// A tenant to be made.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct CreateTenant {
    /// Its name, a DNS label. `platform` is taken.
    pub tenant_id: TenantId,
    /// Its name for people, 1 to 60 characters on one line.
    pub name: String,
    /// For real viewers or for trying things out; never changed later.
    pub kind: TenantKind,
    /// The language of its texts where a viewer's own is not there.
    pub default_locale: Locale,
    /// Where its viewers are when nothing else says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_territory: Option<Territory>,
    /// Host names of its own, at most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
}

/// Which tenant.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct GetTenant {
    /// Its name.
    pub tenant_id: TenantId,
}

/// Which page of the tenants.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct ListTenants {
    /// Entries a page, 1 to 100; 20 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// Which tenant to suspend, and why.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct SuspendTenant {
    /// Its name.
    pub tenant_id: TenantId,
    /// Why, for whoever looks later: 1 to 200 characters. Viewers are not told.
    pub reason: String,
}

/// Which tenant to serve again.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ResumeTenant {
    /// Its name.
    pub tenant_id: TenantId,
}

/// A host for a tenant.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct AddHost {
    /// The tenant.
    pub tenant_id: TenantId,
    /// The host name, without scheme, port and path.
    pub host: String,
}

/// A host that is the tenant's no more.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct RemoveHost {
    /// The tenant.
    pub tenant_id: TenantId,
    /// The host name.
    pub host: String,
}

/// A key for a tenant's own staff.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct CreateTenantKey {
    /// The tenant.
    pub tenant_id: TenantId,
    /// What it is for, 1 to 80 characters.
    pub name: String,
    /// What it may do, such as `catalog:write`; `*`, everything within the tenant, for the first one.
    pub scopes: Vec<String>,
}

/// A tenant's new key with its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NewTenantKey {
    /// The key's id.
    pub key_id: KeyId,
    /// The tenant.
    pub tenant_id: TenantId,
    /// What it may do.
    pub scopes: Vec<String>,
    /// `sk_live_…` or `sk_test_…`. A retry with the same idempotency key gives it again; nothing else does.
    pub secret: Sensitive<String>,
}

/// Which tenant's data to export.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct RequestExport {
    /// The tenant; a suspended one too.
    pub tenant_id: TenantId,
}

/// Which export.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct GetExport {
    /// The tenant.
    pub tenant_id: TenantId,
    /// Its id.
    pub export_id: ExportId,
}

/// How far an export is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExportState {
    /// It is being written.
    Running,
    /// It can be fetched.
    Ready,
    /// It was given up; the detail is in the server's log. Ask for another one.
    Failed,
    /// A state that a newer version of this contract knows.
    #[serde(other)]
    Unknown,
}

/// An export of a tenant's data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Export {
    /// Its id.
    pub export_id: ExportId,
    /// Whose data.
    pub tenant_id: TenantId,
    /// How far it is.
    pub state: ExportState,
    /// When it was asked for, wall time.
    pub created_at: Timestamp,
    /// When it is deleted, wall time.
    pub expires_at: Timestamp,
    /// A path at the platform's host where the file is fetched with the same key, once it is ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_url: Option<String>,
    /// Its rows, over all tables, once it is ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<i64>,
    /// Its size in bytes, once it is ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<i64>,
}

/// Looking after tenants.
///
/// Every operation takes a key of the platform itself, at the platform's own host. A tenant's key is refused whatever its
/// scopes, and a key of the platform opens nothing at a tenant's host. What an operator does here stands in the platform's
/// own audit trail; a key made for a tenant stands in that tenant's as well.
#[contract(name = "tenancy-platform", version = "1.0", mount = "tenancy")]
pub trait TenancyPlatform: Send + Sync + 'static {
    /// Make a tenant. Making the same one again changes nothing and is fine; another one of that name is 409.
    #[put("/v1/tenants/{tenant_id}", access = platform("tenants:write"))]
    async fn create_tenant(&self, cx: &Cx, request: CreateTenant) -> Result<Tenant, TenancyError>;

    /// Fetch a tenant.
    #[get("/v1/tenants/{tenant_id}", access = platform("tenants:read"))]
    async fn get_tenant(&self, cx: &Cx, request: GetTenant) -> Result<Tenant, TenancyError>;

    /// List tenants, by name.
    #[get("/v1/tenants", access = platform("tenants:read"))]
    async fn list_tenants(&self, cx: &Cx, request: ListTenants) -> Result<Page<Tenant>, TenancyError>;

    /// Refuse a tenant's requests from now on; its data stays. Doing so again replaces the reason.
    #[post("/v1/tenants/{tenant_id}/suspend", access = platform("tenants:write"))]
    async fn suspend_tenant(&self, cx: &Cx, request: SuspendTenant) -> Result<Tenant, TenancyError>;

    /// Serve a suspended tenant again.
    #[post("/v1/tenants/{tenant_id}/resume", access = platform("tenants:write"))]
    async fn resume_tenant(&self, cx: &Cx, request: ResumeTenant) -> Result<Tenant, TenancyError>;

    /// Register a host name for a tenant. One that it has already stays.
    #[put("/v1/tenants/{tenant_id}/hosts/{host}", access = platform("tenants:write"))]
    async fn add_host(&self, cx: &Cx, request: AddHost) -> Result<Tenant, TenancyError>;

    /// Take a host name from a tenant. One that it has not is taken already.
    #[delete("/v1/tenants/{tenant_id}/hosts/{host}", access = platform("tenants:write"))]
    async fn remove_host(&self, cx: &Cx, request: RemoveHost) -> Result<Tenant, TenancyError>;

    /// Create an API key for a tenant's own staff, the first one above all. A retry gives the same key and secret.
    #[post("/v1/tenants/{tenant_id}/keys", access = platform("tenants:write"), status = 201, idempotent)]
    async fn create_tenant_key(&self, cx: &Cx, request: CreateTenantKey) -> Result<NewTenantKey, TenancyError>;

    /// Export all data of a tenant into a file, in the background.
    #[post("/v1/tenants/{tenant_id}/exports", access = platform("tenants:export"), status = 202, idempotent)]
    async fn request_export(&self, cx: &Cx, request: RequestExport) -> Result<Export, TenancyError>;

    /// Fetch how far an export is, and where its file is.
    #[get("/v1/tenants/{tenant_id}/exports/{export_id}", access = platform("tenants:export"))]
    async fn get_export(&self, cx: &Cx, request: GetExport) -> Result<Export, TenancyError>;
}

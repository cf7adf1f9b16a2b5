//! The tenancy contract: whose service a request is at, how it looks, and who looks after it.
//!
//! Others rely on one thing: a tenant's brand, which its pages wear. Editing the brand is the tenant's own staff's matter
//! (`tenancy-management`). Making, suspending and exporting tenants is for operators of the deployment
//! (`tenancy-platform`): those operations take keys of the platform itself, at the platform's own host, and no tenant's.

mod brand;
pub mod conformance;
mod platform;

use tessera_contract::errors;

pub use brand::{
    Brand, BrandPicture, Colour, ColourError, Colours, DeleteBrandPicture, GetBrand, PictureUse, PutBrand,
    PutBrandPicture, Tenancy, TenancyManagement, tenancy_management_operations, tenancy_operations,
};
pub use platform::{
    AddHost, CreateTenant, CreateTenantKey, Export, ExportState, GetExport, GetTenant, ListTenants, NewTenantKey,
    RemoveHost, RequestExport, ResumeTenant, SuspendTenant, TenancyPlatform, Tenant, TenantKind, TenantState,
    tenancy_platform_operations,
};

errors! {
    /// Why a tenancy operation failed.
    pub enum TenancyError {
        /// There is no such tenant.
        TenantNotFound = 404 "tenant_not_found",
        /// There is a tenant of this name that is not the one described.
        TenantTaken = 409 "tenant_taken",
        /// The host is another tenant's.
        HostTaken = 409 "host_taken",
        /// There is no such export, or it has run out.
        ExportNotFound = 404 "export_not_found",
        /// Two colours are too alike to be read; the detail has the ratio found and the one wanted.
        ContrastTooLow = 400 "contrast_too_low",
        /// The picture is of a kind, size or content that is not taken; the detail says why.
        PictureRefused = 400 "picture_refused",
    }
}

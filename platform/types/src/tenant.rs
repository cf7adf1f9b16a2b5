//! Whose data it is.

use serde::{Deserialize, Serialize};

use crate::text::text_type;

/// One operator's service on a deployment. Also a DNS label: `demo` is reached as `demo.localhost`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TenantId(String);

/// The text is not a DNS label.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a tenant is 1 to 63 lower-case letters, digits and inner hyphens (a DNS label), got {0:?}")]
pub struct TenantIdError(String);

/// The name that stands for the deployment itself.
const PLATFORM: &str = "platform";

impl TenantId {
    /// The deployment itself: whose API keys look after tenants. It has no viewers, and no tenant can have its name.
    pub fn platform() -> Self {
        Self(PLATFORM.to_owned())
    }

    /// Whether this is the deployment itself.
    pub fn is_platform(&self) -> bool {
        self.0 == PLATFORM
    }
}

text_type!(
    TenantId,
    TenantIdError,
    |text| {
        let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let ok =
            (1..=63).contains(&text.len()) && text.bytes().all(inner) && !text.starts_with('-') && !text.ends_with('-');
        match ok {
            true => Ok(()),
            false => Err(TenantIdError(text.chars().take(80).collect())),
        }
    },
    schema = schemars::json_schema!({
        "type": "string", "maxLength": 63, "pattern": "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$",
        "description": "Tenant name, a DNS label.",
    })
);

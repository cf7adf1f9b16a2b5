//! How the issuer's pages look: as the tenant's brand says, and plainly when nobody can say.

use std::{sync::Arc, time::Duration};

use tessera_contract::Cx;
use tessera_contract_tenancy::{Brand, GetBrand, Tenancy};

/// Signing in does not wait long for a look.
const PATIENCE: Duration = Duration::from_millis(500);

/// What a page needs of a brand.
pub(crate) struct Look {
    /// The service's name.
    pub(crate) name: String,
    pub(crate) style_url: Option<String>,
    pub(crate) logo: Option<Logo>,
    pub(crate) favicon_url: Option<String>,
    /// What browsers colour their frame with.
    pub(crate) background: String,
}

/// The picture in the header.
pub(crate) struct Logo {
    pub(crate) url: String,
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Wide enough to stand for the name.
    pub(crate) alone: bool,
}

impl Look {
    /// Of a tenant that nobody knows more of.
    pub(crate) fn plain(name: &str) -> Self {
        Self { name: name.to_owned(), style_url: None, logo: None, favicon_url: None, background: "#0a0b10".into() }
    }

    /// As `brands` says of `cx`'s tenant, which is called `name`.
    pub(crate) async fn of(brands: Option<&Arc<dyn Tenancy>>, cx: &Cx, name: &str) -> Self {
        let Some(brands) = brands else { return Self::plain(name) };
        match brands.get_brand(&cx.as_service("identity").with_timeout(PATIENCE), GetBrand {}).await {
            Ok(brand) => Self::from(brand),
            Err(error) => {
                tracing::warn!(tenant = %cx.tenant, %error, "the brand cannot be read; the page goes without");
                Self::plain(name)
            }
        }
    }
}

impl From<Brand> for Look {
    fn from(brand: Brand) -> Self {
        let logo = brand.logo.map(|logo| Logo {
            alone: logo.width >= logo.height.saturating_mul(2),
            url: logo.url,
            width: logo.width,
            height: logo.height,
        });
        Self {
            name: brand.name,
            style_url: Some(brand.style_url),
            logo,
            favicon_url: brand.favicon.map(|picture| picture.url),
            background: brand.colours.background.to_string(),
        }
    }
}

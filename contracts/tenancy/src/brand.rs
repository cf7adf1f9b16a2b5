//! How a tenant looks to its viewers. A tenant has one brand.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use tessera_contract::{Cx, contract};
use tessera_types::Timestamp;

use crate::TenancyError;

/// A colour in sRGB: `#rrggbb`, lower case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Colour(String);

/// The text is not a colour.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a colour is # and six hexadecimal digits, such as #ff6b4a, got {0:?}")]
pub struct ColourError(String);

impl Colour {
    /// Of red, green and blue.
    pub fn of([red, green, blue]: [u8; 3]) -> Self {
        Self(format!("#{red:02x}{green:02x}{blue:02x}"))
    }

    /// Red, green and blue.
    pub fn channels(&self) -> [u8; 3] {
        let at = |from: usize| u8::from_str_radix(&self.0[from..from + 2], 16).unwrap_or_default();
        [at(1), at(3), at(5)]
    }
}

impl FromStr for Colour {
    type Err = ColourError;
    fn from_str(text: &str) -> Result<Self, ColourError> {
        let digits = text.strip_prefix('#').filter(|d| d.len() == 6 && d.bytes().all(|b| b.is_ascii_hexdigit()));
        match digits {
            Some(digits) => Ok(Self(format!("#{}", digits.to_ascii_lowercase()))),
            None => Err(ColourError(text.chars().take(20).collect())),
        }
    }
}

impl TryFrom<String> for Colour {
    type Error = ColourError;
    fn try_from(text: String) -> Result<Self, ColourError> {
        text.parse()
    }
}

impl From<Colour> for String {
    fn from(colour: Colour) -> Self {
        colour.0
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl JsonSchema for Colour {
    fn schema_name() -> Cow<'static, str> {
        "Colour".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string", "pattern": "^#[0-9A-Fa-f]{6}$", "description": "A colour in sRGB, such as #ff6b4a.",
        })
    }
}

/// The colours that pages are drawn with. All others are derived from them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Colours {
    /// Behind everything; pages are dark, so this is a dark one.
    pub background: Colour,
    /// What is read on it.
    pub text: Colour,
    /// Buttons, marks of what is chosen, the mosaic where there is no logo.
    pub accent: Colour,
}

/// What a picture is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PictureUse {
    /// In the header of every page. Twice as wide as high or wider, it stands for the name; else it stands beside it.
    Logo,
    /// In the browser's tab; a square.
    Favicon,
}

/// A picture of the brand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BrandPicture {
    /// A path at the tenant's host. Another picture has another path, so it may be kept for ever.
    pub url: String,
    /// Such as `image/svg+xml`.
    pub media_type: String,
    /// Pixels, or an SVG's own units.
    pub width: u32,
    /// Pixels, or an SVG's own units.
    pub height: u32,
}

/// A tenant's brand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Brand {
    /// What people call the service.
    pub name: String,
    /// Its colours.
    pub colours: Colours,
    /// A style sheet with the colours, at the tenant's host; another version has another path.
    pub style_url: String,
    /// In the header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo: Option<BrandPicture>,
    /// In the browser's tab.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub favicon: Option<BrandPicture>,
    /// Where viewers write to when they need help.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub support_email: Option<String>,
    /// The terms of use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms_url: Option<String>,
    /// The privacy notice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub privacy_url: Option<String>,
    /// When it was changed last; absent for a tenant that has not set one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
    /// Counts up with every change; 0 for a tenant that has not set one.
    pub version: i64,
}

/// Asks for the brand.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct GetBrand {}

/// The brand from now on, but for its pictures, which stay.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct PutBrand {
    /// What people call the service, 1 to 60 characters on one line.
    pub name: String,
    /// Its colours; the standard ones when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colours: Option<Colours>,
    /// Where viewers write to when they need help.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub support_email: Option<String>,
    /// The terms of use, an https address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms_url: Option<String>,
    /// The privacy notice, an https address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub privacy_url: Option<String>,
    /// The version that was edited; whatever there is when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<i64>,
}

/// A picture of the brand from now on.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct PutBrandPicture {
    /// What it is for.
    pub picture: PictureUse,
    /// A PNG, JPEG, WebP or SVG of at most 256 KiB, in base64 (RFC 4648 §4).
    pub data: String,
}

/// Which picture to take away.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct DeleteBrandPicture {
    /// What it is for.
    pub picture: PictureUse,
}

/// How a tenant looks.
///
/// It promises colours that can be read (WCAG 2.2, level AA) and pictures that do nothing but be looked at. It knows no
/// page: what is done with a brand is up to whoever shows one.
#[contract(name = "tenancy", version = "1.0")]
pub trait Tenancy: Send + Sync + 'static {
    /// Fetch the brand. A tenant that has not set one has its name and the standard colours.
    #[get("/v1/brand", access = public)]
    async fn get_brand(&self, cx: &Cx, request: GetBrand) -> Result<Brand, TenancyError>;
}

/// How a tenant comes to look as it does. A replacement need not have this.
#[contract(name = "tenancy-management", version = "1.0", mount = "tenancy")]
pub trait TenancyManagement: Send + Sync + 'static {
    /// Set the brand, but for its pictures.
    ///
    /// Colours that cannot be read are refused with the ratio found: text on the background and on raised surfaces
    /// (4.5:1, WCAG 2.2 §1.4.3), the accent beside the background (3:1, §1.4.11).
    #[put("/v1/management/brand", access = staff("brand:write"))]
    async fn put_brand(&self, cx: &Cx, request: PutBrand) -> Result<Brand, TenancyError>;

    /// Set the logo or the favicon.
    ///
    /// An SVG is taken only when it draws and does nothing else: no scripts, no styles of its own, no animation, nothing
    /// from elsewhere.
    #[put("/v1/management/brand/pictures/{picture}", access = staff("brand:write"), body_bytes = 360_000)]
    async fn put_brand_picture(&self, cx: &Cx, request: PutBrandPicture) -> Result<Brand, TenancyError>;

    /// Take the logo or the favicon away. Taking away what is not there is fine.
    #[delete("/v1/management/brand/pictures/{picture}", access = staff("brand:write"))]
    async fn delete_brand_picture(&self, cx: &Cx, request: DeleteBrandPicture) -> Result<Brand, TenancyError>;
}

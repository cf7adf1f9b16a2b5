//! The vocabulary every contract speaks in: ids, money, locales, territories, tenants and the two clocks.
//!
//! Nothing else lives here, and nothing here does I/O: a type belongs in this crate only when at least two
//! contracts name it. Anything with behaviour of one module belongs in that module's contract.

mod id;
mod locale;
mod money;
mod sensitive;
mod tenant;
mod territory;
mod text;
mod time;

pub use id::{
    AccountId, AssetId, AuditRecordId, DeliveryId, ExportId, GrantId, IdError, KeyId, OfferId, PlaybackSessionId,
    ProfileId, SubscriptionId, TitleId, UploadId, WebhookId,
};
pub use locale::{Locale, LocaleError, Localized};
pub use money::{Currency, CurrencyError, Money, MoneyError};
pub use sensitive::{Sensitive, redacted};
pub use tenant::{TenantId, TenantIdError};
pub use territory::{Territory, TerritoryError};
pub use time::{Clock, ManualClock, SystemClock, Timestamp, TimestampError};

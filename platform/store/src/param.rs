//! Values bound to a statement.

use tessera_types::{
    AccountId, AssetId, AuditRecordId, Currency, DeliveryId, ExportId, GrantId, KeyId, Locale, OfferId,
    PlaybackSessionId, ProfileId, Sensitive, SubscriptionId, TenantId, Territory, Timestamp, TitleId, UploadId,
    WebhookId,
};

/// One bound value, of a type that both engines have. Absent values keep their type, for PostgreSQL wants to know it.
#[derive(Clone, PartialEq)]
pub enum Param {
    /// `text`.
    Text(Option<String>),
    /// `bigint`; also times, as microseconds UTC.
    Int(Option<i64>),
    /// `double precision`.
    Float(Option<f64>),
    /// `boolean`.
    Bool(Option<bool>),
    /// `blob` (`bytea` on PostgreSQL).
    Bytes(Option<Vec<u8>>),
}

/// The values of a statement: `params![title.id, 7, true, None::<String>]`.
///
/// Of a tenant's statement they begin at `$2`: the handle binds the tenant as `$1` itself.
#[macro_export]
macro_rules! params {
    ($($value:expr),* $(,)?) => { ::std::vec![$($crate::Param::from($value)),*] };
}

macro_rules! from {
    ($($type:ty => $variant:ident |$value:ident| $make:expr;)*) => {$(
        impl From<$type> for Param {
            fn from($value: $type) -> Self {
                Self::$variant(Some($make))
            }
        }
        impl From<Option<$type>> for Param {
            fn from(value: Option<$type>) -> Self {
                Self::$variant(value.map(|$value: $type| $make))
            }
        }
    )*};
}

macro_rules! from_text {
    ($($type:ty),*) => { from! { $($type => Text |v| v.into(); &$type => Text |v| v.as_str().to_owned();)* } };
}

from! {
    String => Text |v| v;
    &String => Text |v| v.clone();
    &str => Text |v| v.to_owned();
    Sensitive<String> => Text |v| v.into_exposed();
    &Sensitive<String> => Text |v| v.expose().clone();
    i64 => Int |v| v;
    i32 => Int |v| v.into();
    u32 => Int |v| v.into();
    Timestamp => Int |v| v.as_micros();
    &Timestamp => Int |v| v.as_micros();
    f64 => Float |v| v;
    bool => Bool |v| v;
    Vec<u8> => Bytes |v| v;
    &Vec<u8> => Bytes |v| v.clone();
    &[u8] => Bytes |v| v.to_vec();
}

from_text! {
    TenantId, AccountId, AssetId, AuditRecordId, ExportId, GrantId, KeyId, OfferId, PlaybackSessionId, ProfileId, SubscriptionId, TitleId,
    UploadId, DeliveryId, WebhookId, Locale, Territory, Currency
}

/// The type alone: what is bound may be anybody's.
impl std::fmt::Debug for Param {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Text(_) => "text",
            Self::Int(_) => "bigint",
            Self::Float(_) => "double precision",
            Self::Bool(_) => "boolean",
            Self::Bytes(_) => "blob",
        })
    }
}

impl From<&Option<String>> for Param {
    fn from(value: &Option<String>) -> Self {
        Self::Text(value.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_values_keep_their_type() {
        let title: TitleId = "ttl_1".parse().unwrap();
        assert_eq!(
            params![&title, Some(7), None::<bool>, None::<&str>, Timestamp::from_micros(5)],
            vec![
                Param::Text(Some("ttl_1".into())),
                Param::Int(Some(7)),
                Param::Bool(None),
                Param::Text(None),
                Param::Int(Some(5))
            ]
        );
    }
}

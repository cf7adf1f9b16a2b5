//! Objects of S3 services: `s3://BUCKET/KEY`, which is asked for by an address that is signed anew each time (AWS Signature
//! Version 4, in the query) and never kept.

use std::time::Duration;

use reqwest::Url;
use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle, actions::GetObject};
use tessera_types::Timestamp;

use crate::config::{BucketConfig, is_bucket};
use tessera_runtime::outward::Refused;

const SCHEME: &str = "s3://";
/// Bytes of a key at most, as Amazon has it.
const KEY_MAX: usize = 1024;
/// How long a signed address may be asked with: requests are sent at once, and what is being sent goes on after it.
const SIGNED_FOR: Duration = Duration::from_secs(5 * 60);

/// An object that a tenant names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Object<'a> {
    pub(crate) bucket: &'a str,
    key: &'a str,
}

impl<'a> Object<'a> {
    /// The object, when the address is of one; none for other addresses. The key is what follows the bucket, as it is.
    pub(crate) fn of(text: &'a str) -> Option<Result<Self, Refused>> {
        text.strip_prefix(SCHEME).map(|rest| {
            let named = rest.split_once('/').filter(|(bucket, key)| is_bucket(bucket) && is_key(key));
            let why = "the address is of no object: s3://BUCKET/KEY, the key without . and .. between its slashes";
            named.map(|(bucket, key)| Self { bucket, key }).ok_or_else(|| Refused(why.into()))
        })
    }

    /// Where it is, for `SIGNED_FOR` from `now` on.
    pub(crate) fn signed(&self, bucket: &BucketConfig, now: Timestamp) -> Result<Url, Refused> {
        let style = if bucket.virtual_host { UrlStyle::VirtualHost } else { UrlStyle::Path };
        let (name, region) = (self.bucket.to_owned(), bucket.region.clone());
        let at = Bucket::new(bucket.endpoint.clone(), style, name, region)
            .map_err(|error| Refused(format!("the bucket's endpoint is no place for it: {error}")))?;
        let reader = Credentials::new(&bucket.access_key_id, bucket.secret_access_key.expose());
        let now = jiff::Timestamp::from_microsecond(now.as_micros())
            .map_err(|_| Refused("the clock is outside of what can be signed for".into()))?;
        Ok(GetObject::new(&at, Some(&reader), self.key).sign_with_time(SIGNED_FOR, &now))
    }
}

/// Whether an address can hold the key: `.` and `..` would lead out of the bucket.
fn is_key(key: &str) -> bool {
    let dots = |part: &str| matches!(part, "." | "..");
    (1..=KEY_MAX).contains(&key.len()) && !key.split('/').any(dots) && !key.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn bucket(virtual_host: bool) -> BucketConfig {
        let written = json!({"endpoint": "https://s3.example:9000/base", "region": "eu-central-1",
            "access_key_id": "AKIDEXAMPLE", "secret_access_key": "secret", "virtual_host": virtual_host});
        serde_json::from_value(written).unwrap()
    }

    fn now() -> Timestamp {
        "2026-01-15T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn an_address_names_a_bucket_and_a_key_that_stays_in_it() {
        let of = |text| Object::of(text).map(Result::ok);
        assert_eq!(of("https://films.example/a.mp4"), None);
        assert_eq!(of("s3://films/a b/c%20.mp4"), Some(Some(Object { bucket: "films", key: "a b/c%20.mp4" })));
        assert_eq!(of("s3://films//etc"), Some(Some(Object { bucket: "films", key: "/etc" })));
        for refused in ["s3://films", "s3://films/", "s3://F/a", "s3:///a", "s3://films/../other/a", "s3://films/a/./b"]
        {
            assert_eq!(of(refused), Some(None), "{refused}");
        }
        assert_eq!(of(&format!("s3://films/{}", "a".repeat(1025))), Some(None));
    }

    #[test]
    fn the_bucket_stands_in_the_path_or_in_the_hosts_name() {
        let object = Object { bucket: "films", key: "a b.mp4" };
        let signed = object.signed(&bucket(false), now()).unwrap();
        assert_eq!((signed.host_str(), signed.path()), (Some("s3.example"), "/base/films/a%20b.mp4"));
        let signed = object.signed(&bucket(true), now()).unwrap();
        assert_eq!((signed.host_str(), signed.path()), (Some("films.s3.example"), "/base/a%20b.mp4"));
        let query: Vec<_> = signed.query_pairs().collect();
        let value = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.to_string());
        assert_eq!(value("X-Amz-Date").as_deref(), Some("20260115T120000Z"));
        assert_eq!(value("X-Amz-Expires").as_deref(), Some("300"));
        assert_eq!(value("X-Amz-Credential").as_deref(), Some("AKIDEXAMPLE/20260115/eu-central-1/s3/aws4_request"));
        assert!(value("X-Amz-Signature").is_some() && !signed.as_str().contains("secret"));
    }

    proptest! {
        #[test]
        fn no_key_leads_out_of_its_bucket(key in "[./\\\\a%2e:?#@ é]{1,24}") {
            let address = format!("s3://films/{key}");
            if let Some(Ok(object)) = Object::of(&address) {
                let signed = object.signed(&bucket(false), now()).unwrap();
                prop_assert_eq!(signed.host_str(), Some("s3.example"));
                prop_assert!(signed.path().starts_with("/base/films/"), "{}", signed);
            }
        }
    }
}

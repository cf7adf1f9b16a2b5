//! What is signed, and how: Standard Webhooks 1.0.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tessera_types::Timestamp;

/// Bytes of a secret.
pub(crate) const SECRET: usize = 32;

/// A secret as it is shown, once.
pub(crate) fn shown(secret: &[u8; SECRET]) -> String {
    format!("whsec_{}", STANDARD.encode(secret))
}

/// Seconds since 1970, as the header `webhook-timestamp` has them.
pub(crate) fn seconds(at: Timestamp) -> i64 {
    at.as_micros().div_euclid(1_000_000)
}

/// The header `webhook-signature`: a signature for each secret, with spaces between. Each is `v1,` and HMAC-SHA256 in base64
/// over id, time and body with dots between.
pub(crate) fn header(secrets: &[[u8; SECRET]], id: &str, at: Timestamp, body: &str) -> String {
    let signed = |secret: &[u8; SECRET]| {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes a key of any length");
        mac.update(format!("{id}.{}.{body}", seconds(at)).as_bytes());
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    };
    secrets.iter().map(signed).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_secret_signs_and_a_signature_is_of_all_that_is_sent() {
        let at = Timestamp::from_micros(1_614_265_330_000_000);
        let both = header(&[[1; 32], [2; 32]], "msg_1", at, "{}");
        let each: Vec<&str> = both.split(' ').collect();
        assert_eq!(each.len(), 2);
        assert_eq!(each[0], header(&[[1; 32]], "msg_1", at, "{}"));
        for other in [
            header(&[[1; 32]], "msg_2", at, "{}"),
            header(&[[1; 32]], "msg_1", Timestamp::from_micros(1_614_265_331_000_000), "{}"),
            header(&[[1; 32]], "msg_1", at, "{ }"),
            header(&[[3; 32]], "msg_1", at, "{}"),
        ] {
            assert_ne!(other, each[0]);
        }
        assert!(shown(&[1; 32]).starts_with("whsec_AQEB"));
    }
}

//! ClearKey licences as JSON (W3C Encrypted Media Extensions §9.1.3 licence request, §9.1.4 licence).

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use tessera_contract::Failure;

use crate::content_key::ContentKey;

/// Key ids of one request at most: an asset has a handful of keys, and a player asks for what it plays.
const MOST_KEYS: usize = 16;

/// What a content decryption module asks for.
#[derive(Debug, Deserialize)]
struct Request {
    kids: Vec<String>,
    #[serde(rename = "type")]
    session_type: String,
}

/// A JSON Web Key set (RFC 7517 §5) of symmetric keys, and for how long.
#[derive(Serialize)]
struct Licence {
    keys: Vec<Jwk>,
    #[serde(rename = "type")]
    session_type: &'static str,
}

#[derive(Serialize)]
struct Jwk {
    kty: &'static str,
    kid: String,
    k: String,
}

/// The key ids that a licence request names, at least one. Only sessions of type `temporary` are served: a licence that
/// a device keeps would outlive what was paid for.
pub(crate) fn requested_keys(body: &[u8]) -> Result<Vec<[u8; 16]>, Failure> {
    let example = r#"{"kids":["<base64url of 16 bytes>"],"type":"temporary"}"#;
    let request: Request = serde_json::from_slice(body)
        .map_err(|e| Failure::invalid("body", format!("a ClearKey licence request is {example}: {e}")))?;
    if request.session_type != "temporary" {
        let detail = "only licences of type \"temporary\" are given; playing offline is not offered";
        return Err(Failure::invalid("type", detail));
    }
    if !(1..=MOST_KEYS).contains(&request.kids.len()) {
        let detail = format!("a request names 1 to {MOST_KEYS} key ids, got {}", request.kids.len());
        return Err(Failure::invalid("kids", detail));
    }
    let decoded = |kid: &String| BASE64_URL_SAFE_NO_PAD.decode(kid).ok()?.try_into().ok();
    let kids: Option<Vec<[u8; 16]>> = request.kids.iter().map(decoded).collect();
    kids.ok_or_else(|| Failure::invalid("kids", "a key id is 16 bytes in base64url without padding"))
}

/// The licence for these keys.
pub(crate) fn licence(keys: &[ContentKey]) -> Vec<u8> {
    let text = |bytes: &[u8; 16]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let jwk = |key: &ContentKey| Jwk { kty: "oct", kid: text(&key.key_id), k: text(&key.key) };
    let licence = Licence { keys: keys.iter().map(jwk).collect(), session_type: "temporary" };
    serde_json::to_vec(&licence).expect("a licence has only strings")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_request_of_the_standard() {
        // W3C EME §9.1.3.1.
        let body = br#"{"kids":["LwVHf8JLtPrv2GUXFW2v_A"],"type":"temporary"}"#;
        assert_eq!(requested_keys(body).unwrap(), [0x2f05477f_c24bb4fa_efd86517_156daffc_u128.to_be_bytes()]);
    }

    #[test]
    fn refuses_what_is_no_request() {
        let kid = r#""LwVHf8JLtPrv2GUXFW2v_A""#;
        let many = vec![kid; 17].join(",");
        for (body, param) in [
            (String::new(), "body"),
            ("[]".into(), "body"),
            (r#"{"type":"temporary"}"#.into(), "body"),
            (format!(r#"{{"kids":[{kid}]}}"#), "body"),
            (format!(r#"{{"kids":[{kid}],"type":"persistent-license"}}"#), "type"),
            (r#"{"kids":[],"type":"temporary"}"#.into(), "kids"),
            (format!(r#"{{"kids":[{many}],"type":"temporary"}}"#), "kids"),
            (r#"{"kids":["AAAA"],"type":"temporary"}"#.into(), "kids"),
            (r#"{"kids":["LwVHf8JLtPrv2GUXFW2v_A=="],"type":"temporary"}"#.into(), "kids"),
            (r#"{"kids":["LwVHf8JLtPrv2GUXFW2v/A"],"type":"temporary"}"#.into(), "kids"),
        ] {
            let failure = requested_keys(body.as_bytes()).unwrap_err();
            assert_eq!(failure.param.as_deref(), Some(param), "{body}");
        }
    }

    #[test]
    fn writes_a_json_web_key_set() {
        let key = ContentKey::of_random([[0xff; 16], [0; 16], [1; 16]]);
        assert_eq!(
            String::from_utf8(licence(&[key])).unwrap(),
            r#"{"keys":[{"kty":"oct","kid":"_____________________w","k":"AAAAAAAAAAAAAAAAAAAAAA"}],"type":"temporary"}"#
        );
    }
}

//! What comes of a sign-in: who, and what is kept to ask again.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tessera_runtime::edge::Claims;

/// An access token that says nothing of its life is asked anew after this long.
const USUAL_LIFE: u64 = 600;
/// A sign-in is asked after no more and no less often than this, in seconds.
const LIFE: std::ops::RangeInclusive<u64> = 30..=3600;

/// Somebody who is signed in.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// The provider's name for them.
    pub subject: String,
    /// Their email address, when the provider tells.
    pub email: Option<String>,
    /// Whether the provider says that the address is theirs.
    pub email_verified: bool,
    /// The nonce of the request; none after a refresh.
    pub nonce: Option<String>,
    /// For asking again and for signing out: opaque, and a secret.
    pub kept: String,
    /// When to ask again.
    pub fresh_for: Duration,
    /// Whether one can: else they sign in anew by then.
    pub refreshable: bool,
}

/// What is kept of a sign-in between requests.
#[derive(Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) refresh_token: Option<String>,
    pub(crate) id_token: String,
    pub(crate) subject: String,
    pub(crate) email: Option<String>,
    pub(crate) email_verified: bool,
}

impl Kept {
    pub(crate) fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

/// The token endpoint's answer (OpenID Connect Core §3.1.3.3).
#[derive(Deserialize)]
pub(crate) struct TokenAnswer {
    pub(crate) access_token: String,
    #[serde(default)]
    pub(crate) id_token: Option<String>,
    #[serde(default)]
    pub(crate) refresh_token: Option<String>,
    #[serde(default)]
    expires_in: Option<u64>,
}

impl TokenAnswer {
    pub(crate) fn fresh_for(&self) -> Duration {
        let life = self.expires_in.unwrap_or(USUAL_LIFE);
        Duration::from_secs(life.clamp(*LIFE.start(), *LIFE.end()))
    }
}

/// What the provider says of somebody: claims of an ID token, or of its userinfo endpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) subject: String,
    pub(crate) email: Option<String>,
    pub(crate) email_verified: bool,
}

/// Characters of a subject (OpenID Connect Core §2: ASCII, at most 255).
const SUBJECT_MAX: usize = 255;
const EMAIL_MAX: usize = 254;

/// A subject as it may be; `None` for one that is none.
pub(crate) fn subject(text: &str) -> Option<String> {
    let fits = (1..=SUBJECT_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
    fits.then(|| text.to_owned())
}

impl Person {
    /// Whom claims are about. `None` for a subject that is none.
    pub(crate) fn of(subject_claim: &str, claims: &serde_json::Map<String, serde_json::Value>) -> Option<Self> {
        let email = claims.get("email").and_then(|value| value.as_str()).filter(|text| text.len() <= EMAIL_MAX);
        Some(Self {
            subject: subject(subject_claim)?,
            email: email.map(str::to_owned),
            email_verified: claims.get("email_verified").and_then(serde_json::Value::as_bool) == Some(true),
        })
    }
}

/// Whether an ID token's other claims hold: it was made for our client (OpenID Connect Core §3.1.3.7, 5).
pub(crate) fn is_for(claims: &Claims, client: &str) -> bool {
    claims.other.get("azp").is_none_or(|party| party.as_str() == Some(client))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_address_is_verified_when_the_provider_says_so_and_not_otherwise() {
        for (claims, verified) in [
            (json!({"email": "a@b.example", "email_verified": true}), true),
            (json!({"email": "a@b.example", "email_verified": "true"}), false),
            (json!({"email": "a@b.example"}), false),
        ] {
            let person = Person::of("s", claims.as_object().unwrap()).unwrap();
            assert_eq!((person.email.as_deref(), person.email_verified), (Some("a@b.example"), verified));
        }
        assert_eq!(Person::of("", &serde_json::Map::new()), None);
        assert_eq!(Person::of("a\nb", &serde_json::Map::new()), None);
    }

    #[test]
    fn a_token_is_asked_anew_in_time_whatever_it_says_of_its_life() {
        let answer =
            |life: &str| -> TokenAnswer { serde_json::from_str(&format!(r#"{{"access_token": "a"{life}}}"#)).unwrap() };
        assert_eq!(answer("").fresh_for(), Duration::from_secs(600));
        assert_eq!(answer(r#", "expires_in": 0"#).fresh_for(), Duration::from_secs(30));
        assert_eq!(answer(r#", "expires_in": 99999999"#).fresh_for(), Duration::from_secs(3600));
    }
}

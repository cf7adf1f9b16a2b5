//! Where a request came from, between a front and the process that it passes the request on to: signed, for only a front
//! of the deployment knows, and anybody can write a header.

use std::{net::IpAddr, time::Duration};

use jsonwebtoken::{Algorithm, Header};
use serde::{Deserialize, Serialize};
use tessera_types::{Sensitive, Territory};

use crate::{CxSigner, Failure, FailureKind};

/// The header that says where a request came from that a front passes on.
pub const FORWARDED_HEADER: &str = "tessera-forwarded";
const AUDIENCE: &str = "tessera:forwarded";
const LIFE: Duration = Duration::from_secs(30);

/// Where a request came from, as the front saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forwarded {
    /// The client's address; unspecified when it is not known.
    pub address: Sensitive<IpAddr>,
    /// The host that was asked for, with its port.
    pub authority: String,
    /// Whether the client came over TLS.
    pub https: bool,
    /// Where the viewer is, by what a trusted proxy told the front.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub territory: Option<Territory>,
}

/// RFC 7519 claims.
#[derive(Serialize, Deserialize)]
struct Claims {
    aud: String,
    exp: i64,
    #[serde(flatten)]
    forwarded: Forwarded,
}

impl CxSigner {
    /// What a front says of a request, as a token that the deployment's processes believe for 30 seconds.
    ///
    /// # Errors
    /// [`FailureKind::Internal`].
    pub fn sign_forwarded(&self, forwarded: &Forwarded) -> Result<String, Failure> {
        let exp = self.clock.now().plus(LIFE).as_seconds();
        let claims = Claims { aud: AUDIENCE.into(), exp, forwarded: forwarded.clone() };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encode)
            .map_err(|e| Failure::internal("signing where a request came from", e))
    }

    /// What a front said in `token`.
    ///
    /// # Errors
    /// [`FailureKind::Unauthenticated`]: forged or expired.
    pub fn verify_forwarded(&self, token: &str) -> Result<Forwarded, Failure> {
        let refuse =
            |why: &str| Failure::new(FailureKind::Unauthenticated, format!("what a front says of this request {why}"));
        let decoded = jsonwebtoken::decode::<Claims>(token, &self.decode, &self.rules);
        let claims = decoded.ok().map(|decoded| decoded.claims).filter(|claims| claims.aud == AUDIENCE);
        let claims = claims.ok_or_else(|| refuse("is forged"))?;
        match claims.exp < self.clock.now().as_seconds() {
            true => Err(refuse("has expired")),
            false => Ok(claims.forwarded),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tessera_types::{ManualClock, Timestamp};

    use super::*;
    use crate::Cx;

    #[test]
    fn what_a_front_says_is_believed_under_the_deployments_secret_for_a_while() {
        let clock = Arc::new(ManualClock::at(Timestamp::from_micros(1_800_000_000_000_000)));
        let signer = CxSigner::new(&[7; 32], clock.clone());
        let said = Forwarded {
            address: IpAddr::from([192, 0, 2, 1]).into(),
            authority: "demo.example:8080".into(),
            https: true,
            territory: "DE".parse().ok(),
        };
        let token = signer.sign_forwarded(&said).unwrap();
        assert_eq!(signer.verify_forwarded(&token).unwrap(), said);

        assert!(CxSigner::new(&[8; 32], clock.clone()).verify_forwarded(&token).is_err(), "another secret");
        assert!(signer.verify(&token, "billing").is_err(), "it is no context");
        let cx = signer.sign(&Cx::service("acme".parse().unwrap(), "playback", clock.as_ref()), "billing").unwrap();
        assert!(signer.verify_forwarded(&cx).is_err(), "a context says nothing of a client");
        clock.advance(Duration::from_secs(32));
        assert!(signer.verify_forwarded(&token).is_err(), "an expired token");
    }
}

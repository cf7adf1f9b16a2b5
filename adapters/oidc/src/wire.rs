//! Asking a provider: one request, little time, a small answer.

use std::time::Duration;

use serde::Deserialize;
use tessera_contract::http_client;

use crate::OidcError;

/// How long a provider may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of an answer at most.
const LARGEST: usize = 256 * 1024;

/// An answer: its status, and its body within limits.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// An error of the token endpoint (RFC 6749 §5.2).
#[derive(Deserialize)]
struct TokenError {
    error: String,
    #[serde(default)]
    error_description: String,
}

/// The way to one provider.
pub(crate) struct Wire {
    pub(crate) http: reqwest::Client,
    issuer: String,
}

impl Wire {
    pub(crate) fn new(issuer: &str) -> Self {
        Self { http: http_client(), issuer: issuer.to_owned() }
    }

    pub(crate) fn bad_answer(&self, why: impl Into<String>) -> OidcError {
        OidcError::BadAnswer { issuer: self.issuer.clone(), why: why.into() }
    }

    pub(crate) fn away(&self, why: impl Into<String>) -> OidcError {
        OidcError::Away { issuer: self.issuer.clone(), why: why.into() }
    }

    /// Sends the request. A status of 5xx, and 429, is [`OidcError::Away`].
    pub(crate) async fn ask(&self, request: reqwest::RequestBuilder) -> Result<Answer, OidcError> {
        let lost = |e: reqwest::Error| self.away(e.without_url().to_string());
        let mut response = request.timeout(PATIENCE).send().await.map_err(lost)?;
        let status = response.status().as_u16();
        if status >= 500 || status == 429 {
            return Err(self.away(format!("status {status}")));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(lost)? {
            if body.len() + chunk.len() > LARGEST {
                return Err(self.bad_answer(format!("an answer of more than {LARGEST} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, body })
    }

    /// The body of a success.
    pub(crate) async fn get(&self, url: &str, what: &str) -> Result<Vec<u8>, OidcError> {
        let Answer { status, body } = self.ask(self.http.get(url)).await?;
        match status {
            200 => Ok(body),
            status => Err(self.bad_answer(format!("status {status} in place of its {what}"))),
        }
    }

    /// What the token endpoint's refusal means: a code or token that does not hold, or that it does not take us.
    pub(crate) fn refusal(&self, Answer { status, body }: &Answer) -> OidcError {
        let short = |text: &str| text.chars().take(200).collect::<String>();
        match serde_json::from_slice::<TokenError>(body) {
            Ok(TokenError { error, .. }) if error == "invalid_grant" => OidcError::Refused(error),
            Ok(TokenError { error, error_description }) => {
                self.bad_answer(format!("it refuses our client: {} ({})", short(&error), short(&error_description)))
            }
            Err(_) => self.bad_answer(format!("status {status} without an OAuth error from its token endpoint")),
        }
    }
}

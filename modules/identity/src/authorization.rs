//! Authorization requests: authorization code flow with PKCE and nothing else (RFC 6749 §4.1, RFC 7636, OpenID Connect
//! Core §3.1.2, RFC 9700 §2.1).

use url::form_urlencoded;

use crate::client::Client;

/// What may be asked for; anything else is left out of the answer (RFC 6749 §3.3).
pub(crate) const SCOPES: [&str; 3] = ["openid", "email", "offline_access"];
const LONGEST: usize = 1024;

/// The parameters of a request, each at most once.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Params(Vec<(String, String)>);

/// The names alone: a form has passwords in it, a query codes.
impl std::fmt::Debug for Params {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl Params {
    /// From a query or a form. `None` when a parameter comes twice (RFC 6749 §3.1).
    pub(crate) fn parse(encoded: &[u8]) -> Option<Self> {
        let mut params: Vec<(String, String)> = Vec::new();
        for (name, value) in form_urlencoded::parse(encoded) {
            if params.iter().any(|(known, _)| *known == name) {
                return None;
            }
            // A parameter without a value is as good as none.
            if !value.is_empty() {
                params.push((name.into_owned(), value.into_owned()));
            }
        }
        Some(Self(params))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The same request once the person has signed in: without what asked for that.
    pub(crate) fn once_signed_in(&self) -> String {
        let rest = self.0.iter().filter(|(name, _)| !matches!(name.as_str(), "prompt" | "max_age"));
        form_urlencoded::Serializer::new(String::new()).extend_pairs(rest).finish()
    }
}

/// How the person is to be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Prompt {
    /// Only when nobody is signed in.
    WhenNeeded,
    /// Not at all.
    None,
    /// In any case.
    Login,
    /// In any case, with the page for new accounts (Initiating User Registration via OpenID Connect 1.0).
    Create,
}

/// A request that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Authorization {
    pub(crate) client_id: String,
    pub(crate) redirect_uri: String,
    pub(crate) scope: String,
    pub(crate) state: Option<String>,
    pub(crate) nonce: Option<String>,
    pub(crate) challenge: String,
    pub(crate) prompt: Prompt,
    /// Seconds since the person last gave a password, at most.
    pub(crate) max_age: Option<u32>,
}

/// Why a request does not hold, and who is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The person: the application, or where it wants its answer, is not to be trusted.
    Person(&'static str),
    /// The application.
    Application { redirect_uri: String, state: Option<String>, error: &'static str, description: &'static str },
}

/// Checks a request. `client` finds the application by id.
pub(crate) fn check(params: &Params, client: impl Fn(&str) -> Option<Client>) -> Result<Authorization, Refusal> {
    let known = params.get("client_id").and_then(client);
    let known = known.ok_or(Refusal::Person("No application of this name is known here."))?;
    let redirect_uri = params.get("redirect_uri").filter(|uri| known.may_redirect_to(uri));
    let redirect_uri =
        redirect_uri.ok_or(Refusal::Person("The application wants its answer at an address that is not its own."))?;
    let state = params.get("state").map(str::to_owned);
    let refuse = |error, description| Refusal::Application {
        redirect_uri: redirect_uri.to_owned(),
        state: state.clone().filter(|state| state.len() <= LONGEST),
        error,
        description,
    };
    shape(params).map_err(|(error, description)| refuse(error, description))?;
    let challenge = params.get("code_challenge").filter(|text| is_challenge(text));
    let challenge = challenge
        .ok_or_else(|| refuse("invalid_request", "PKCE is required: code_challenge of 43 base64url digits"))?;
    let scope = scope(params.get("scope").unwrap_or_default());
    let scope = scope.ok_or_else(|| refuse("invalid_scope", "scope has to contain openid"))?;
    let prompt = prompt(params.get("prompt").unwrap_or_default());
    let prompt = prompt.ok_or_else(|| refuse("invalid_request", "prompt is none, login, select_account or create"))?;
    let max_age = params.get("max_age").map(str::parse).transpose();
    let max_age = max_age.map_err(|_| refuse("invalid_request", "max_age is a number of seconds"))?;
    Ok(Authorization {
        client_id: known.id,
        redirect_uri: redirect_uri.to_owned(),
        scope,
        nonce: params.get("nonce").map(str::to_owned),
        challenge: challenge.to_owned(),
        prompt,
        max_age,
        state,
    })
}

fn shape(params: &Params) -> Result<(), (&'static str, &'static str)> {
    let is = |name, wanted| params.get(name).is_none_or(|value| value == wanted);
    if params.get("request").is_some() {
        return Err(("request_not_supported", "send plain parameters"));
    }
    if params.get("request_uri").is_some() {
        return Err(("request_uri_not_supported", "send plain parameters"));
    }
    if params.get("response_type") != Some("code") {
        return Err(("unsupported_response_type", "response_type is code"));
    }
    if !is("response_mode", "query") {
        return Err(("invalid_request", "response_mode is query"));
    }
    if params.get("code_challenge_method") != Some("S256") {
        return Err(("invalid_request", "PKCE is required: code_challenge_method is S256"));
    }
    match [params.get("state"), params.get("nonce")].iter().flatten().any(|text| text.len() > LONGEST) {
        true => Err(("invalid_request", "state and nonce have at most 1024 bytes")),
        false => Ok(()),
    }
}

/// BASE64URL of a SHA-256 (RFC 7636 §4.2).
fn is_challenge(text: &str) -> bool {
    text.len() == 43 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// A verifier (RFC 7636 §4.1).
pub(crate) fn is_verifier(text: &str) -> bool {
    (43..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b))
}

fn scope(asked: &str) -> Option<String> {
    let granted: Vec<&str> =
        SCOPES.into_iter().filter(|known| asked.split_ascii_whitespace().any(|one| one == *known)).collect();
    granted.contains(&"openid").then(|| granted.join(" "))
}

fn prompt(asked: &str) -> Option<Prompt> {
    let mut prompt = Prompt::WhenNeeded;
    for one in asked.split_ascii_whitespace() {
        prompt = match (one, prompt) {
            ("none", Prompt::WhenNeeded) if asked.trim() == "none" => Prompt::None,
            ("create", Prompt::WhenNeeded) => Prompt::Create,
            ("login" | "select_account", Prompt::WhenNeeded | Prompt::Login) => Prompt::Login,
            // Nobody is asked for consent: applications are the operator's own.
            ("consent", before) => before,
            _ => return None,
        };
    }
    Some(prompt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{Clients, FIRST_PARTY};

    const GOOD: &str = "client_id=tessera-viewer&redirect_uri=https%3A%2F%2Facme.example%2Fauth%2Fcallback&\
                        response_type=code&scope=openid%20email&state=s&nonce=n&code_challenge_method=S256&\
                        code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    fn checked(query: &str) -> Result<Authorization, Refusal> {
        let tenant = "acme".parse().unwrap();
        let clients = Clients::default();
        check(&Params::parse(query.as_bytes()).unwrap(), |id| clients.find(&tenant, id, &["https://acme.example"]))
    }

    #[test]
    fn a_request_with_all_it_takes_holds() {
        let authorization = checked(GOOD).unwrap();
        assert_eq!(authorization.client_id, FIRST_PARTY);
        assert_eq!(authorization.scope, "openid email");
        assert_eq!(authorization.prompt, Prompt::WhenNeeded);
    }

    #[test]
    fn nobody_is_sent_to_a_stranger() {
        for (from, to) in [
            ("tessera-viewer", "unknown"),
            ("acme.example", "evil.example"),
            ("auth%2Fcallback", "auth%2Fcallback%2F.."),
            ("https%3A", "http%3A"),
        ] {
            assert!(matches!(checked(&GOOD.replace(from, to)), Err(Refusal::Person(_))), "{to}");
        }
    }

    #[test]
    fn the_application_is_told_what_is_wrong() {
        for (from, to, wanted) in [
            ("response_type=code", "response_type=token", "unsupported_response_type"),
            ("S256", "plain", "invalid_request"),
            ("&code_challenge=E9M", "&x=E9M", "invalid_request"),
            ("code_challenge=E9M", "code_challenge=", "invalid_request"),
            ("openid%20email", "email", "invalid_scope"),
            ("state=s", "state=s&request=x", "request_not_supported"),
            ("state=s", "state=s&prompt=none%20login", "invalid_request"),
            ("state=s", "state=s&max_age=-1", "invalid_request"),
        ] {
            match checked(&GOOD.replace(from, to)) {
                Err(Refusal::Application { error, .. }) => assert_eq!(error, wanted, "{to}"),
                other => panic!("{to}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_parameter_that_comes_twice_is_no_request() {
        assert_eq!(Params::parse(format!("{GOOD}&state=t").as_bytes()), None);
    }

    #[test]
    fn what_asked_for_a_sign_in_is_gone_after_it() {
        let params = Params::parse(b"client_id=a&prompt=login&max_age=0&state=a%26b").unwrap();
        assert_eq!(params.once_signed_in(), "client_id=a&state=a%26b");
    }
}

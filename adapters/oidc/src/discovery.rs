//! What a provider says of itself (OpenID Connect Discovery 1.0 §3).

use serde::Deserialize;

use crate::config::address;

/// The part of a discovery document that is used.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Discovery {
    pub(crate) issuer: String,
    pub(crate) authorization_endpoint: String,
    pub(crate) token_endpoint: String,
    pub(crate) jwks_uri: String,
    #[serde(default)]
    pub(crate) userinfo_endpoint: Option<String>,
    #[serde(default)]
    pub(crate) revocation_endpoint: Option<String>,
    #[serde(default)]
    pub(crate) end_session_endpoint: Option<String>,
    #[serde(default)]
    prompt_values_supported: Vec<String>,
    #[serde(default)]
    code_challenge_methods_supported: Option<Vec<String>>,
}

impl Discovery {
    /// The document of `issuer`, checked. Errors say what is wrong with it.
    pub(crate) fn read(bytes: &[u8], issuer: &str) -> Result<Self, String> {
        let document: Self =
            serde_json::from_slice(bytes).map_err(|e| format!("its discovery document cannot be read: {e}"))?;
        if document.issuer != issuer {
            let other: String = document.issuer.chars().take(200).collect();
            return Err(format!("its discovery document is of another issuer, {other:?}"));
        }
        let optional = [&document.userinfo_endpoint, &document.revocation_endpoint, &document.end_session_endpoint];
        let needed = [&document.authorization_endpoint, &document.token_endpoint, &document.jwks_uri];
        let all = needed.into_iter().chain(optional.into_iter().flatten());
        if all.into_iter().any(|endpoint| address(endpoint).is_none()) {
            return Err("an endpoint of its discovery document is neither https nor on this machine".into());
        }
        let without_pkce = |methods: &Vec<String>| !methods.iter().any(|method| method == "S256");
        if document.code_challenge_methods_supported.as_ref().is_some_and(without_pkce) {
            return Err("it does not take PKCE with S256".into());
        }
        Ok(document)
    }

    /// Whether it knows this `prompt`. Who says nothing knows those of OpenID Connect Core, and `create` is none of them.
    pub(crate) fn takes_prompt(&self, prompt: &str) -> bool {
        match self.prompt_values_supported.is_empty() {
            true => prompt != "create",
            false => self.prompt_values_supported.iter().any(|known| known == prompt),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ISSUER: &str = "https://id.example";

    fn document(more: Value) -> Vec<u8> {
        let mut document = json!({
            "issuer": ISSUER, "authorization_endpoint": "https://id.example/auth",
            "token_endpoint": "https://id.example/token", "jwks_uri": "https://id.example/jwks",
        });
        document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        document.to_string().into_bytes()
    }

    #[test]
    fn a_document_is_of_the_issuer_that_was_asked_for_and_leads_nowhere_unsafe() {
        assert!(Discovery::read(&document(json!({})), ISSUER).is_ok());
        for (bad, why) in [
            (json!({"issuer": "https://id.example/"}), "another issuer"),
            (json!({"token_endpoint": "http://id.example/token"}), "https"),
            (json!({"jwks_uri": "file:///etc/passwd"}), "https"),
            (json!({"end_session_endpoint": "javascript:alert(1)"}), "https"),
            (json!({"code_challenge_methods_supported": ["plain"]}), "PKCE"),
            (json!({"token_endpoint": 7}), "cannot be read"),
        ] {
            let refusal = Discovery::read(&document(bad), ISSUER).unwrap_err();
            assert!(refusal.contains(why), "{refusal}");
        }
        assert!(Discovery::read(b"<html>", ISSUER).is_err());
    }

    #[test]
    fn a_prompt_is_asked_for_where_it_is_known() {
        let silent = Discovery::read(&document(json!({})), ISSUER).unwrap();
        assert!(silent.takes_prompt("login") && !silent.takes_prompt("create"));
        let says = document(json!({"prompt_values_supported": ["create", "none"]}));
        let says = Discovery::read(&says, ISSUER).unwrap();
        assert!(says.takes_prompt("create") && !says.takes_prompt("login"));
    }
}

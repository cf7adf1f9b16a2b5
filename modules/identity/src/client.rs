//! The applications that may ask people to sign in.

use tessera_types::TenantId;
use url::Url;

use crate::config::ClientConfig;

/// The tenant's own app, known to every tenant without being registered.
pub const FIRST_PARTY: &str = "tessera-viewer";
/// Where the tenant's own app has people sent back to.
pub(crate) const CALLBACK: &str = "/auth/callback";

/// An application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Client {
    pub(crate) id: String,
    redirect_uris: Vec<String>,
    post_logout_redirect_uris: Vec<String>,
}

impl Client {
    pub(crate) fn may_redirect_to(&self, uri: &str) -> bool {
        self.redirect_uris.iter().any(|known| known == uri)
    }

    pub(crate) fn may_redirect_after_logout_to(&self, uri: &str) -> bool {
        self.post_logout_redirect_uris.iter().any(|known| known == uri)
    }
}

/// The applications of all tenants.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    further: Vec<ClientConfig>,
}

/// A registered client that cannot be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("[[identity.clients]] {client_id:?} of {tenant}: {why}")]
pub(crate) struct BadClient {
    tenant: TenantId,
    client_id: String,
    why: String,
}

impl Clients {
    /// As configured.
    ///
    /// # Errors
    /// An id that is taken or empty, or a redirect address that people must not be sent to.
    pub(crate) fn new(configured: &[ClientConfig]) -> Result<Self, BadClient> {
        for (at, client) in configured.iter().enumerate() {
            let bad =
                |why: String| BadClient { tenant: client.tenant.clone(), client_id: client.client_id.clone(), why };
            let same = |other: &ClientConfig| other.tenant == client.tenant && other.client_id == client.client_id;
            if client.client_id.is_empty() || client.client_id == FIRST_PARTY || configured[..at].iter().any(same) {
                return Err(bad("the id is empty or taken; choose another".into()));
            }
            for uri in client.redirect_uris.iter().chain(&client.post_logout_redirect_uris) {
                safe(uri).map_err(|why| bad(format!("{uri:?} {why}")))?;
            }
        }
        Ok(Self { further: configured.to_vec() })
    }

    /// The tenant's client of this id. The tenant's own app may redirect to each of `origins`, all of them the
    /// tenant's own.
    pub(crate) fn find(&self, tenant: &TenantId, id: &str, origins: &[&str]) -> Option<Client> {
        if id == FIRST_PARTY {
            return Some(Client {
                id: id.to_owned(),
                redirect_uris: origins.iter().map(|origin| format!("{origin}{CALLBACK}")).collect(),
                post_logout_redirect_uris: origins.iter().map(|origin| format!("{origin}/")).collect(),
            });
        }
        let found = self.further.iter().find(|client| client.tenant == *tenant && client.client_id == id)?;
        Some(Client {
            id: id.to_owned(),
            redirect_uris: found.redirect_uris.clone(),
            post_logout_redirect_uris: found.post_logout_redirect_uris.clone(),
        })
    }
}

/// RFC 6749 §3.1.2 and RFC 8252 §7: absolute, no fragment, and nothing that runs in our own pages.
fn safe(uri: &str) -> Result<(), &'static str> {
    let url = Url::parse(uri).map_err(|_| "is not an absolute URI")?;
    match url.scheme() {
        _ if url.fragment().is_some() => Err("has a fragment"),
        "http" | "https" if !url.has_host() => Err("has no host"),
        "http" | "https" => Ok(()),
        scheme if scheme.contains('.') => Ok(()),
        _ => Err("has neither https nor an app's own scheme such as com.example.app"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registered(tenant: &str, id: &str, uri: &str) -> ClientConfig {
        ClientConfig {
            tenant: tenant.parse().unwrap(),
            client_id: id.into(),
            name: "TV app".into(),
            redirect_uris: vec![uri.into()],
            post_logout_redirect_uris: vec![],
        }
    }

    #[test]
    fn a_redirect_address_is_compared_exactly_and_a_client_is_its_tenant_s() {
        let clients = Clients::new(&[registered("acme", "tv", "https://tv.example/cb")]).unwrap();
        let (acme, globex) = ("acme".parse().unwrap(), "globex".parse().unwrap());
        let client = clients.find(&acme, "tv", &[]).unwrap();
        for (uri, may) in [
            ("https://tv.example/cb", true),
            ("https://tv.example/cb/", false),
            ("https://tv.example/cb?x=1", false),
            ("https://tv.example.evil.example/cb", false),
            ("https://TV.example/cb", false),
        ] {
            assert_eq!(client.may_redirect_to(uri), may, "{uri}");
        }
        assert_eq!(clients.find(&globex, "tv", &[]), None);
        let own = clients.find(&globex, FIRST_PARTY, &["https://globex.example"]).unwrap();
        assert!(own.may_redirect_to("https://globex.example/auth/callback"));
    }

    #[test]
    fn what_cannot_be_a_client_is_refused_at_start() {
        for uri in ["javascript:alert(1)", "data:text/html,x", "/relative", "https://a.example/#x"] {
            assert!(Clients::new(&[registered("acme", "tv", uri)]).is_err(), "{uri}");
        }
        assert!(Clients::new(&[registered("acme", FIRST_PARTY, "https://a.example/")]).is_err());
        assert!(Clients::new(&[registered("acme", "tv", "com.example.tv:/cb")]).is_ok());
    }
}

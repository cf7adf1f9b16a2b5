//! The edge: who calls, for which tenant, from where. Nothing behind it believes a header.
//!
//! The tenant comes from the host name or the credential, and the two have to agree. The caller comes from exactly one
//! credential: an access token of the tenant's issuer, an API key, the app's session cookie, or a context signed by
//! another process of this deployment. What the edge cannot know itself it asks through [`IssuerKeys`], [`Subjects`],
//! [`ApiKeys`], [`Sessions`] and [`Tenants`].

mod api_key;
mod certificate;
mod credential;
mod foreign;
mod forwarded;
mod host;
mod issuer;
pub mod rate_limit;
mod remembered;
mod session;
mod tenant;
mod token;
mod visitor;

use std::{net::IpAddr, sync::Arc};

use async_trait::async_trait;
use http::request::Parts;
use tessera_contract::{
    AuditTrail, Authenticate, Authenticated, Caller, Callers, Cx, CxSigner, Failure, FailureKind, Forwarded,
    OperationInfo, TraceContext, calling_module, sent_request_id,
};
use tessera_types::{Clock, Sensitive, Territory};

pub use api_key::{ApiKeys, ResolvedKey};
pub use certificate::Peer;
pub use foreign::{ForeignSubjects, SubjectAccounts};
pub use forwarded::{Client, Proxies};
pub(crate) use host::name_of as host_name;
pub use issuer::{Issuer, IssuerKeys};
pub use remembered::RememberedSessions;
pub use session::{CSRF_HEADER, Session, Sessions, session_cookie};
pub use tenant::{Tenant, TenantKind, TenantState, Tenants};
pub use token::{Claims, OwnSubjects, Subjects, verified};
pub use visitor::TenantOfHost;

use crate::{config::ServerConfig, http::Notes};
use api_key::KeyCache;
use credential::Credential;
use host::Hosts;
use issuer::IssuerCache;
use rate_limit::RateLimiter;

/// Makes a [`Cx`] out of a request on the public listener.
pub struct Edge {
    clock: Arc<dyn Clock>,
    tenants: Arc<dyn Tenants>,
    hosts: Hosts,
    proxies: Proxies,
    territory: Option<Territory>,
    callers: Option<RateLimiter<String>>,
    signer: Option<CxSigner>,
    issuers: Option<IssuerCache>,
    subjects: Arc<dyn Subjects>,
    keys: Option<KeyCache>,
    sessions: Option<Arc<dyn Sessions>>,
    trail: Option<Arc<dyn AuditTrail>>,
    modules: Option<Callers>,
    certified: bool,
}

impl Edge {
    /// An edge that knows tenants and takes no credential yet; the `with_…` add the kinds it takes.
    pub fn new(config: &ServerConfig, tenants: Arc<dyn Tenants>, clock: Arc<dyn Clock>) -> Self {
        let rates = &config.rate_limits;
        Self {
            hosts: Hosts::new(&config.base_domains),
            proxies: Proxies::new(config),
            territory: config.default_territory.clone(),
            callers: rates.enabled.then(|| RateLimiter::new("caller", rates.caller, rates.remembered)),
            clock,
            tenants,
            signer: None,
            issuers: None,
            subjects: Arc::new(OwnSubjects),
            keys: None,
            sessions: None,
            trail: None,
            modules: None,
            certified: false,
        }
    }

    /// Takes contexts signed by this deployment's other processes.
    #[must_use]
    pub fn with_signer(self, signer: CxSigner) -> Self {
        Self { signer: Some(signer), ..self }
    }

    /// Lets modules of other processes call what `modules` says and nothing else; without it, whatever they like.
    #[must_use]
    pub fn with_callers(self, modules: Callers) -> Self {
        Self { modules: Some(modules), ..self }
    }

    /// Takes signed contexts over TLS with certificates on both sides alone, from who the certificate names.
    #[must_use]
    pub fn with_certificates(self) -> Self {
        Self { certified: true, ..self }
    }

    /// Takes access tokens of each tenant's issuer.
    #[must_use]
    pub fn with_issuers(self, issuers: Arc<dyn IssuerKeys>) -> Self {
        Self { issuers: Some(IssuerCache::new(issuers)), ..self }
    }

    /// Maps a token's subject to a caller; [`OwnSubjects`] unless told otherwise.
    #[must_use]
    pub fn with_subjects(self, subjects: Arc<dyn Subjects>) -> Self {
        Self { subjects, ..self }
    }

    /// Takes API keys.
    #[must_use]
    pub fn with_api_keys(self, keys: Arc<dyn ApiKeys>) -> Self {
        Self { keys: Some(KeyCache::new(keys)), ..self }
    }

    /// Takes the app's session cookie.
    #[must_use]
    pub fn with_sessions(self, sessions: Arc<dyn Sessions>) -> Self {
        Self { sessions: Some(sessions), ..self }
    }

    /// Gives every context a trail for what no commit records: refusals, and work that other systems do.
    #[must_use]
    pub fn with_trail(self, trail: Arc<dyn AuditTrail>) -> Self {
        Self { trail: Some(trail), ..self }
    }

    /// Looks every API key up anew: call it when one was revoked in this process.
    pub fn forget_api_keys(&self) {
        self.keys.iter().for_each(KeyCache::forget);
    }

    /// Reads every tenant's issuer anew: call it when somebody else signs people in from now on.
    pub fn forget_issuers(&self) {
        self.issuers.iter().for_each(IssuerCache::forget);
    }

    /// The tenant whose host this request names; for what is not an operation (pages, manifests).
    ///
    /// # Errors
    /// [`FailureKind::NotFound`] when no tenant answers to the host, [`FailureKind::Forbidden`] when it is suspended.
    pub async fn tenant(&self, head: &Parts) -> Result<Tenant, Failure> {
        let client = self.proxies.client(head)?;
        let found = self.hosts.resolve(&client.host, self.tenants.as_ref()).await?;
        // The deployment's own host has operators, and no pages for people.
        let found = found.filter(|tenant| tenant.kind != TenantKind::Platform);
        found.ok_or_else(|| no_tenant(&client.host)).and_then(active)
    }

    /// Where the request comes from, as far as trusted proxies tell.
    ///
    /// # Errors
    /// [`FailureKind::InvalidRequest`] for a request without one valid host.
    pub fn client(&self, head: &Parts) -> Result<Client, Failure> {
        self.proxies.client(head)
    }

    /// Where the request comes from, for the process that it is passed on to.
    ///
    /// # Errors
    /// As [`Self::client`].
    pub fn forwarded(&self, head: &Parts) -> Result<Forwarded, Failure> {
        let Client { address, authority, https, .. } = self.client(head)?;
        Ok(Forwarded { address, authority, https, territory: self.proxies.territory(head) })
    }

    async fn identify(
        &self,
        head: &Parts,
        client: &Client,
        credential: Credential,
    ) -> Result<(Tenant, Caller), Failure> {
        let here = self.hosts.resolve(&client.host, self.tenants.as_ref()).await?;
        if let Credential::ApiKey(secret) = &credential {
            return self.by_key(here, secret.expose(), client.address).await;
        }
        let tenant = here.ok_or_else(|| no_tenant(&client.host)).and_then(active)?;
        if tenant.kind == TenantKind::Platform {
            return Err(refused("this host is for operators of the deployment: send a key of the platform itself"));
        }
        let caller = match credential {
            Credential::None | Credential::ApiKey(_) | Credential::Signed(_) => Caller::Anonymous,
            Credential::Token(token) => self.by_token(&tenant, token.expose()).await?,
            Credential::Cookie(cookie) => match &self.sessions {
                Some(sessions) => session::caller(sessions.as_ref(), &tenant.id, cookie.expose(), head, client).await?,
                None => Caller::Anonymous,
            },
        };
        Ok((tenant, caller))
    }

    async fn by_token(&self, tenant: &Tenant, token: &str) -> Result<Caller, Failure> {
        let issuers = self.issuers.as_ref().ok_or_else(|| refused("access tokens are not taken here"))?;
        let claims = token::verify(token, &tenant.id, issuers, self.clock.now()).await?;
        self.subjects.caller(&tenant.id, &claims).await
    }

    async fn by_key(
        &self,
        here: Option<Tenant>,
        secret: &str,
        address: Sensitive<IpAddr>,
    ) -> Result<(Tenant, Caller), Failure> {
        let keys = self.keys.as_ref().ok_or_else(|| refused("API keys are not taken here"))?;
        let key = keys.resolve(secret).await?;
        // Keys of the platform hold at its own hosts alone, so that whoever fronts the others can leave those out.
        if here.map_or(key.tenant.is_platform(), |here| here.id != key.tenant) {
            return Err(refused("the API key belongs to another tenant than the host"));
        }
        let tenant = self.tenants.by_id(&key.tenant).await?.ok_or_else(|| refused("the API key's tenant is gone"))?;
        if !secret.starts_with(tenant.kind.key_prefix()) {
            return Err(refused("the API key's prefix and its tenant's kind, live or test, disagree"));
        }
        let tenant = active(tenant)?;
        keys.used(&key, address);
        Ok((tenant, Caller::Staff { subject: key.id.to_string(), scopes: key.scopes }))
    }

    async fn signed(&self, head: &Parts, token: &str, audience: &str) -> Result<Authenticated, Failure> {
        let signer = self.signer.as_ref().ok_or_else(|| refused("signed contexts are not taken here"))?;
        let mut cx = signer.verify(token, audience)?;
        cx.trace = cx.trace.at_front(&head.headers);
        if self.certified {
            certificate::speaks_for(head.extensions.get::<Peer>(), &cx.caller)?;
        }
        let client = self.proxies.client(head)?;
        match self.hosts.resolve(&client.host, self.tenants.as_ref()).await? {
            Some(here) if here.id != cx.tenant => {
                Err(refused("the signed context belongs to another tenant than the host"))
            }
            Some(_) | None => Ok(Authenticated { cx: self.traced(cx), internal: true }),
        }
    }

    fn context(&self, head: &Parts, tenant: &Tenant, caller: Caller) -> Cx {
        let mut cx = Cx::new(tenant.id.clone(), caller, tenant.business_now(self.clock.now()));
        cx.request_id = sent_request_id(&head.headers);
        cx.trace = TraceContext::sent(&head.headers).unwrap_or(cx.trace);
        let known = self.proxies.territory(head).or_else(|| tenant.default_territory.clone());
        cx.territory = known.or_else(|| self.territory.clone());
        cx
    }

    /// With the audit trail, where there is one.
    fn traced(&self, cx: Cx) -> Cx {
        match &self.trail {
            Some(trail) => cx.with_trail(trail.clone()),
            None => cx,
        }
    }

    fn admit(&self, head: &Parts, cx: &Cx) -> Result<(), Failure> {
        let notes = head.extensions.get::<Notes>();
        if let Some(notes) = notes {
            notes.caller(&cx.tenant, &cx.caller);
        }
        let Some(callers) = self.callers.as_ref().filter(|_| cx.caller != Caller::Anonymous) else {
            return Ok(());
        };
        let verdict = callers.take(format!("{}/{}", cx.tenant, cx.caller.key()));
        if let Some(notes) = notes {
            notes.rate(&verdict);
        }
        verdict.into_result()
    }
}

#[async_trait]
impl Authenticate for Edge {
    async fn authenticate(&self, head: &Parts, audience: &str) -> Result<Authenticated, Failure> {
        let client = self.proxies.client(head)?;
        let credential = Credential::of(&head.headers, client.https)?;
        if let Credential::Signed(token) = &credential {
            return self.signed(head, token.expose(), audience).await;
        }
        let (tenant, caller) = self.identify(head, &client, credential).await?;
        let mut cx = self.traced(self.context(head, &tenant, caller));
        cx.address = Some(client.address).filter(|address| !address.is_unspecified());
        self.admit(head, &cx)?;
        Ok(Authenticated { cx, internal: false })
    }

    fn permit(&self, caller: &Authenticated, operation: &OperationInfo) -> Result<(), Failure> {
        let Some(modules) = self.modules.as_ref().filter(|_| caller.internal) else { return Ok(()) };
        modules.permit(&caller.cx.caller, operation).inspect_err(|refusal| {
            let (module, contract, operation) = (calling_module(&caller.cx.caller), operation.contract, operation.name);
            tracing::warn!(module, contract, operation, request_id = %caller.cx.request_id, "{refusal}");
        })
    }
}

fn active(tenant: Tenant) -> Result<Tenant, Failure> {
    match tenant.state {
        TenantState::Active => Ok(tenant),
        TenantState::Suspended => {
            Err(Failure::new(FailureKind::Forbidden, "this service is suspended; its operator can have it resumed"))
        }
    }
}

fn no_tenant(host: &str) -> Failure {
    Failure::new(FailureKind::NotFound, format!("no tenant answers to the host {host:?}"))
}

/// A credential that does not hold here.
fn refused(why: &str) -> Failure {
    Failure::new(FailureKind::Unauthenticated, why)
}

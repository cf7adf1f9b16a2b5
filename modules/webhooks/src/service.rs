//! The contract, on the store: load, check, commit.

use std::time::Duration;

use tessera_contract::{CloudEvent, Cx, Failure, FailureKind, Page, async_trait, decode_cursor, page_limit};
use tessera_contract_webhooks::{
    CreateEndpoint, DeleteEndpoint, Delivery, DeliveryState, DeliveryWithAttempts, EditEndpoint, Endpoint,
    EndpointDeleted, EndpointWithSecret, GetDelivery, GetEndpoint, ListDeliveries, ListEndpoints, PingEndpoint,
    ReplayDelivery, ReplaySince, Replayed, RotateSecret, Webhooks, WebhooksError,
};
use tessera_runtime::secrets::KeyRing;
use tessera_store::{Store, Tx};
use tessera_types::{DeliveryId, TenantId, WebhookId};

use crate::{
    Deps,
    calls::{self, Caller},
    config::WebhooksConfig,
    follow::{self, DELIVER_JOB},
    signature,
    store::{self, SecretRow, StoredEndpoint},
};

/// Characters of a description at most.
const DESCRIPTION: usize = 200;
/// Characters of an address at most.
const URL: usize = 2048;
/// Types of events of one address at most.
const TYPES: usize = 100;
/// Seconds that an old secret signs: unless said otherwise, and at most.
const GRACE: (u32, u32) = (86_400, 604_800);
/// Deliveries replayed by one call at most.
const REPLAY: u32 = 1000;
/// The type of the event that tries an address out. Nobody emits it.
const PING: &str = "tessera.webhooks.endpoint.pinged.v1";

/// The built-in webhooks.
pub struct WebhooksService {
    pub(crate) config: WebhooksConfig,
    store: Store,
    pub(crate) master_keys: KeyRing,
    pub(crate) event_types: Vec<&'static str>,
    pub(crate) caller: Caller,
}

impl WebhooksService {
    pub(crate) fn new(config: WebhooksConfig, store: Store, deps: Deps) -> Self {
        let caller = Caller::new(&config);
        Self { config, store, master_keys: deps.master_keys, event_types: deps.event_types, caller }
    }

    /// Its store: for readiness, upkeep, and the log of its events.
    pub fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn cx(&self, tenant: &TenantId) -> Cx {
        Cx::service(tenant.clone(), "webhooks", &*self.store.clock())
    }

    /// Forgets deliveries that ended long ago. Call it every hour or so. Answers how many went.
    ///
    /// # Errors
    /// The store does not take the write.
    pub async fn sweep(&self) -> Result<u64, Failure> {
        store::sweep(&self.store, self.store.now().minus(self.config.kept())).await
    }

    fn check_url(&self, url: &str) -> Result<(), Failure> {
        if url.len() > URL {
            return Err(Failure::invalid("url", format!("the address is longer than {URL} characters")));
        }
        let url =
            calls::outward(&self.config).url(url).map_err(|refused| Failure::invalid("url", refused.to_string()))?;
        match url.scheme() == "https" || self.config.allow_http {
            true => Ok(()),
            false => Err(Failure::invalid("url", "the address is not https, and anybody on the way could read it")),
        }
    }

    fn check_types(&self, types: &[String]) -> Result<(), Failure> {
        if types.is_empty() || types.len() > TYPES {
            return Err(Failure::invalid("event_types", format!("1 to {TYPES} types")));
        }
        match types.iter().find(|kind| *kind != "*" && !self.event_types.contains(&kind.as_str())) {
            Some(unknown) => Err(Failure::invalid("event_types", format!("there are no events of type {unknown:?}"))),
            None => Ok(()),
        }
    }

    async fn found(&self, cx: &Cx, id: &WebhookId) -> Result<StoredEndpoint, WebhooksError> {
        store::endpoint(&self.store.tenant(cx), id).await?.ok_or_else(|| not_found(id))
    }

    /// An address with its secret of this number, while that is still there.
    async fn with_secret(&self, cx: &Cx, endpoint: Endpoint, number: i64) -> Result<EndpointWithSecret, WebhooksError> {
        let row = store::secret(&self.store.tenant(cx), &endpoint.endpoint_id, number).await?;
        let row = row.ok_or_else(|| not_found(&endpoint.endpoint_id))?;
        Ok(EndpointWithSecret { endpoint, secret: signature::shown(&self.opened(&row)?).into() })
    }

    async fn delivery(&self, cx: &Cx, id: &DeliveryId) -> Result<store::Due, WebhooksError> {
        store::delivery(&self.store.tenant(cx), id).await?.ok_or_else(|| no_delivery(id))
    }
}

fn check_description(text: &str) -> Result<(), Failure> {
    match text.chars().count() <= DESCRIPTION {
        true => Ok(()),
        false => Err(Failure::invalid("description", format!("at most {DESCRIPTION} characters"))),
    }
}

fn not_found(id: &WebhookId) -> WebhooksError {
    WebhooksError::EndpointNotFound(format!("there is no address {id} here"))
}

fn no_delivery(id: &DeliveryId) -> WebhooksError {
    WebhooksError::DeliveryNotFound(format!("there is no delivery {id} here"))
}

async fn enabled(tx: &mut Tx, id: &WebhookId) -> Result<StoredEndpoint, WebhooksError> {
    let endpoint = store::endpoint_in(tx, id).await?.ok_or_else(|| not_found(id))?;
    match endpoint.enabled {
        true => Ok(endpoint),
        false => Err(WebhooksError::EndpointIsDisabled(format!("{id} is disabled: enable it first"))),
    }
}

async fn create(
    tx: &mut Tx,
    (id, request, secret, most): &(WebhookId, CreateEndpoint, SecretRow, u32),
) -> Result<Endpoint, WebhooksError> {
    if store::count(tx).await? >= i64::from(*most) {
        return Err(WebhooksError::TooManyEndpoints(format!("a tenant may have {most} addresses: delete one")));
    }
    store::insert(tx, id, (&request.url, &request.description, &request.event_types)).await?;
    let now = tx.now();
    store::add_secret(tx, id, secret, now).await?;
    let made = store::endpoint_in(tx, id).await?.ok_or_else(|| not_found(id))?;
    Ok(made.shown(now))
}

async fn edit(tx: &mut Tx, request: &EditEndpoint) -> Result<Endpoint, WebhooksError> {
    let EditEndpoint { endpoint_id, url, description, event_types, enabled, expected_version } = request.clone();
    let mut endpoint = store::endpoint_in(tx, &endpoint_id).await?.ok_or_else(|| not_found(&endpoint_id))?;
    if endpoint.version != expected_version {
        return Err(Failure::version_conflict(expected_version, endpoint.version).into());
    }
    endpoint.url = url.unwrap_or(endpoint.url);
    endpoint.description = description.unwrap_or(endpoint.description);
    if let Some(types) = event_types {
        let text = serde_json::to_string(&types).map_err(|e| Failure::internal("writing types of events", e))?;
        endpoint.event_types = text;
    }
    // Whoever edits an address has looked at it: it gets a fresh chance.
    (endpoint.failures, endpoint.failing_since, endpoint.paused_until) = (0, None, 0);
    endpoint.enabled = enabled.unwrap_or(endpoint.enabled);
    endpoint.version += 1;
    store::edit(tx, &endpoint).await?;
    Ok(endpoint.shown(tx.now()))
}

async fn rotate(
    tx: &mut Tx,
    (id, grace, secret): &(WebhookId, Duration, SecretRow),
) -> Result<(Endpoint, i64), WebhooksError> {
    let mut endpoint = store::endpoint_in(tx, id).await?.ok_or_else(|| not_found(id))?;
    if endpoint.secret + 1 != secret.number {
        return Err(Failure::new(FailureKind::InProgress, "another secret is being made: ask again").into());
    }
    let until = tx.now().plus(*grace);
    store::add_secret(tx, id, secret, until).await?;
    endpoint.secret = secret.number;
    endpoint.version += 1;
    store::edit(tx, &endpoint).await?;
    endpoint.old_secret_until = Some(until.as_micros());
    Ok((endpoint.shown(tx.now()), secret.number))
}

async fn ping(tx: &mut Tx, (id, cx): &(WebhookId, Cx)) -> Result<Delivery, WebhooksError> {
    let endpoint = enabled(tx, id).await?;
    let now = tx.now();
    let event = CloudEvent {
        specversion: "1.0".into(),
        id: format!("evt_{:013x}{:016x}", now.as_micros(), rand::random::<u64>()),
        source: "/tessera/webhooks".into(),
        kind: PING.into(),
        subject: id.to_string(),
        time: now,
        tenant: cx.tenant.clone(),
        subjectversion: endpoint.version,
        traceparent: Some(cx.trace.to_string()),
        datacontenttype: "application/json".into(),
        data: serde_json::json!({"endpoint_id": id}),
    };
    let body = serde_json::to_string(&event).map_err(|e| Failure::internal("writing an event", e))?;
    let delivery = follow::send(tx, id, (&event.id, PING, &body)).await?;
    let sent = store::delivery_in(tx, &delivery).await?.ok_or_else(|| no_delivery(&delivery))?;
    Ok(sent.shown())
}

async fn again(tx: &mut Tx, id: &DeliveryId) -> Result<Delivery, WebhooksError> {
    let due = store::delivery_in(tx, id).await?.ok_or_else(|| no_delivery(id))?;
    enabled(tx, &due.endpoint_id).await?;
    if store::replay(tx, id).await? {
        follow::enqueue(tx, &due.endpoint_id, id, due.round + 1).await?;
    }
    let due = store::delivery_in(tx, id).await?.ok_or_else(|| no_delivery(id))?;
    Ok(due.shown())
}

async fn again_since(tx: &mut Tx, request: &ReplaySince) -> Result<Replayed, WebhooksError> {
    enabled(tx, &request.endpoint_id).await?;
    let failed = store::failed_since(tx, &request.endpoint_id, request.since, REPLAY + 1).await?;
    let more = failed.len() > REPLAY as usize;
    let mut deliveries = 0;
    for due in failed.iter().take(REPLAY as usize) {
        if store::replay(tx, &due.delivery_id).await? {
            follow::enqueue(tx, &due.endpoint_id, &due.delivery_id, due.round + 1).await?;
            deliveries += 1;
        }
    }
    Ok(Replayed { deliveries, more })
}

#[async_trait]
impl Webhooks for WebhooksService {
    async fn create_endpoint(&self, cx: &Cx, request: CreateEndpoint) -> Result<EndpointWithSecret, WebhooksError> {
        self.check_url(&request.url)?;
        self.check_types(&request.event_types)?;
        check_description(&request.description)?;
        let id = WebhookId::mint(self.store.now());
        let secret = self.sealed(cx, &id, 1);
        let input = (id, request, secret, self.config.endpoints_per_tenant);
        // The secret is kept out of the answer that is kept for the key.
        let made = self.store.write_once(cx, input, |tx, input| Box::pin(create(tx, input))).await?;
        self.with_secret(cx, made, 1).await
    }

    async fn list_endpoints(&self, cx: &Cx, request: ListEndpoints) -> Result<Page<Endpoint>, WebhooksError> {
        let (limit, before) = (page_limit(request.limit)?, decode_cursor::<WebhookId>(request.cursor.as_deref())?);
        let rows = store::endpoints(&self.store.tenant(cx), before, limit + 1).await?;
        let (page, now) = (Page::from_rows(rows, limit, |row| row.endpoint_id.clone()), self.store.now());
        Ok(page.map(|endpoint| endpoint.shown(now)))
    }

    async fn get_endpoint(&self, cx: &Cx, request: GetEndpoint) -> Result<Endpoint, WebhooksError> {
        Ok(self.found(cx, &request.endpoint_id).await?.shown(self.store.now()))
    }

    async fn edit_endpoint(&self, cx: &Cx, request: EditEndpoint) -> Result<Endpoint, WebhooksError> {
        request.url.as_deref().map_or(Ok(()), |url| self.check_url(url))?;
        request.event_types.as_deref().map_or(Ok(()), |types| self.check_types(types))?;
        request.description.as_deref().map_or(Ok(()), check_description)?;
        self.store.write(cx, request, |tx, request| Box::pin(edit(tx, request))).await
    }

    async fn delete_endpoint(&self, cx: &Cx, request: DeleteEndpoint) -> Result<EndpointDeleted, WebhooksError> {
        let write = self.store.write(cx, request.endpoint_id.clone(), |tx, id| {
            Box::pin(async move {
                tx.withdraw(DELIVER_JOB, id.as_str()).await?;
                store::delete(tx, id).await
            })
        });
        let deleted: Result<bool, Failure> = write.await;
        match deleted? {
            true => Ok(EndpointDeleted { endpoint_id: request.endpoint_id }),
            false => Err(not_found(&request.endpoint_id)),
        }
    }

    async fn rotate_secret(&self, cx: &Cx, request: RotateSecret) -> Result<EndpointWithSecret, WebhooksError> {
        let grace = request.grace_seconds.unwrap_or(GRACE.0);
        if grace > GRACE.1 {
            return Err(Failure::invalid("grace_seconds", format!("at most {} seconds", GRACE.1)).into());
        }
        let endpoint = self.found(cx, &request.endpoint_id).await?;
        let secret = self.sealed(cx, &request.endpoint_id, endpoint.secret + 1);
        let input = (request.endpoint_id, Duration::from_secs(grace.into()), secret);
        let (rotated, number) = self.store.write_once(cx, input, |tx, input| Box::pin(rotate(tx, input))).await?;
        self.with_secret(cx, rotated, number).await
    }

    async fn ping_endpoint(&self, cx: &Cx, request: PingEndpoint) -> Result<Delivery, WebhooksError> {
        let input = (request.endpoint_id, cx.clone());
        self.store.write_once(cx, input, |tx, input| Box::pin(ping(tx, input))).await
    }

    async fn list_deliveries(&self, cx: &Cx, request: ListDeliveries) -> Result<Page<Delivery>, WebhooksError> {
        let (limit, before) = (page_limit(request.limit)?, decode_cursor::<DeliveryId>(request.cursor.as_deref())?);
        if request.state == Some(DeliveryState::Unknown) {
            return Err(Failure::invalid("state", "pending, delivered or failed").into());
        }
        self.found(cx, &request.endpoint_id).await?;
        let reader = self.store.tenant(cx);
        let rows = store::deliveries(&reader, &request.endpoint_id, request.state, before, limit + 1).await?;
        Ok(Page::from_rows(rows, limit, |row| row.delivery_id.clone()).map(|due| due.shown()))
    }

    async fn replay_since(&self, cx: &Cx, request: ReplaySince) -> Result<Replayed, WebhooksError> {
        self.store.write(cx, request, |tx, request| Box::pin(again_since(tx, request))).await
    }

    async fn get_delivery(&self, cx: &Cx, request: GetDelivery) -> Result<DeliveryWithAttempts, WebhooksError> {
        let due = self.delivery(cx, &request.delivery_id).await?;
        let calls = store::attempts(&self.store.tenant(cx), &request.delivery_id).await?;
        Ok(DeliveryWithAttempts { delivery: due.shown(), body: due.body, calls })
    }

    async fn replay_delivery(&self, cx: &Cx, request: ReplayDelivery) -> Result<Delivery, WebhooksError> {
        self.store.write(cx, request.delivery_id, |tx, id| Box::pin(again(tx, id))).await
    }
}

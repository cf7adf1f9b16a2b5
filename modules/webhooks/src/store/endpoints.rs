//! Addresses.

use tessera_contract::Failure;
use tessera_contract_webhooks::{Endpoint, EndpointState};
use tessera_store::{Reader, Tx, params};
use tessera_types::{Timestamp, WebhookId};

macro_rules! endpoints {
    ($rest:literal) => {
        concat!(
            "select e.endpoint_id, e.url, e.description, e.event_types, e.enabled, e.secret, e.failures, ",
            "e.failing_since, e.paused_until, e.created_at, e.version, ",
            "(select max(s.until_us) from secrets s where s.tenant = e.tenant and s.endpoint_id = e.endpoint_id) ",
            "as old_secret_until from endpoints e where e.tenant = $1 ",
            $rest
        )
    };
}
const BY_ID: &str = endpoints!("and e.endpoint_id = $2");
const PAGE: &str = endpoints!("and ($2 is null or e.endpoint_id < $2) order by e.endpoint_id desc limit $3");
const ENABLED: &str = endpoints!("and e.enabled and e.created_at <= $2 order by e.endpoint_id");
const COUNT: &str = "select count(*) from endpoints where tenant = $1";
const INSERT: &str = "insert into endpoints (tenant, endpoint_id, url, description, event_types, enabled, secret, \
    failures, paused_until, created_at, version) values ($1, $2, $3, $4, $5, true, 1, 0, 0, $6, 1)";
const EDIT: &str = "update endpoints set url = $3, description = $4, event_types = $5, enabled = $6, secret = $7, \
    failures = $8, failing_since = $9, paused_until = $10, version = $11 where tenant = $1 and endpoint_id = $2";
const SUCCEEDED: &str = "update endpoints set failures = 0, failing_since = null, paused_until = 0 \
    where tenant = $1 and endpoint_id = $2 and failures > 0";
const DELETE: &str = "delete from endpoints where tenant = $1 and endpoint_id = $2";
const DELETE_SECRETS: &str = "delete from secrets where tenant = $1 and endpoint_id = $2";
const DELETE_ATTEMPTS: &str = "delete from attempts where tenant = $1 and delivery_id in \
    (select d.delivery_id from deliveries d where d.tenant = $1 and d.endpoint_id = $2)";
const DELETE_DELIVERIES: &str = "delete from deliveries where tenant = $1 and endpoint_id = $2";

/// An address as stored.
#[derive(Debug, Clone, serde::Deserialize)]
pub(crate) struct StoredEndpoint {
    pub(crate) endpoint_id: WebhookId,
    pub(crate) url: String,
    pub(crate) description: String,
    pub(crate) event_types: String,
    pub(crate) enabled: bool,
    pub(crate) secret: i64,
    pub(crate) failures: i64,
    pub(crate) failing_since: Option<i64>,
    pub(crate) paused_until: i64,
    pub(crate) created_at: i64,
    pub(crate) version: i64,
    pub(crate) old_secret_until: Option<i64>,
}

impl StoredEndpoint {
    pub(crate) fn types(&self) -> Vec<String> {
        serde_json::from_str(&self.event_types).unwrap_or_default()
    }

    /// As others see it at `now`.
    pub(crate) fn shown(&self, now: Timestamp) -> Endpoint {
        Endpoint {
            endpoint_id: self.endpoint_id.clone(),
            url: self.url.clone(),
            description: self.description.clone(),
            event_types: self.types(),
            state: if self.enabled { EndpointState::Enabled } else { EndpointState::Disabled },
            failing_since: self.failing_since.map(Timestamp::from_micros),
            old_secret_until: self.old_secret_until.map(Timestamp::from_micros).filter(|until| *until > now),
            created_at: Timestamp::from_micros(self.created_at),
            version: self.version,
        }
    }
}

pub(crate) async fn endpoint(reader: &Reader, id: &WebhookId) -> Result<Option<StoredEndpoint>, Failure> {
    reader.optional(BY_ID, params![id]).await
}

pub(crate) async fn endpoint_in(tx: &mut Tx, id: &WebhookId) -> Result<Option<StoredEndpoint>, Failure> {
    tx.optional(BY_ID, params![id]).await
}

/// A page of addresses, newest first, below the id `before`.
pub(crate) async fn page(
    reader: &Reader,
    before: Option<WebhookId>,
    limit: u32,
) -> Result<Vec<StoredEndpoint>, Failure> {
    reader.all(PAGE, params![before.as_ref().map(WebhookId::as_str), limit]).await
}

fn wants(endpoint: &StoredEndpoint, kind: &str) -> bool {
    endpoint.types().iter().any(|wanted| wanted == "*" || wanted == kind)
}

/// Whether an address wants events of this type that happen at `at`.
pub(crate) async fn wanted(reader: &Reader, kind: &str, at: Timestamp) -> Result<bool, Failure> {
    let enabled: Vec<StoredEndpoint> = reader.all(ENABLED, params![at]).await?;
    Ok(enabled.iter().any(|endpoint| wants(endpoint, kind)))
}

/// The addresses that want events of this type that happen at `at`.
pub(crate) async fn for_type(tx: &mut Tx, kind: &str, at: Timestamp) -> Result<Vec<StoredEndpoint>, Failure> {
    let enabled: Vec<StoredEndpoint> = tx.all(ENABLED, params![at]).await?;
    Ok(enabled.into_iter().filter(|endpoint| wants(endpoint, kind)).collect())
}

pub(crate) async fn count(tx: &mut Tx) -> Result<i64, Failure> {
    tx.scalar(COUNT, params![]).await
}

/// A new address: with the secret 1, enabled.
pub(crate) async fn insert(
    tx: &mut Tx,
    id: &WebhookId,
    (url, description, types): (&str, &str, &[String]),
) -> Result<(), Failure> {
    let types = serde_json::to_string(types).map_err(|e| Failure::internal("writing types of events", e))?;
    let now = tx.now();
    tx.execute(INSERT, params![id, url, description, types, now]).await.map(drop)
}

/// Writes an address as it is now.
pub(crate) async fn edit(tx: &mut Tx, endpoint: &StoredEndpoint) -> Result<(), Failure> {
    let StoredEndpoint { endpoint_id, url, description, event_types, enabled, secret, failures, .. } = endpoint;
    let StoredEndpoint { failing_since, paused_until, version, .. } = endpoint;
    let mut values = params![endpoint_id, url, description, event_types, *enabled, *secret, *failures];
    values.extend(params![*failing_since, *paused_until, *version]);
    tx.execute(EDIT, values).await.map(drop)
}

/// The address has answered.
pub(crate) async fn succeeded(tx: &mut Tx, id: &WebhookId) -> Result<(), Failure> {
    tx.execute(SUCCEEDED, params![id]).await.map(drop)
}

/// Forgets an address and all that is on its way to it; whether there was one.
pub(crate) async fn delete(tx: &mut Tx, id: &WebhookId) -> Result<bool, Failure> {
    for sql in [DELETE_ATTEMPTS, DELETE_DELIVERIES, DELETE_SECRETS] {
        tx.execute(sql, params![id]).await?;
    }
    Ok(tx.execute(DELETE, params![id]).await? > 0)
}

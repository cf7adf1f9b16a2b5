//! Events on their way in: out of each module's log, one delivery for each address that wants them.

use std::sync::Arc;

use tessera_contract::{CloudEvent, Failure};
use tessera_events::{Consumer, HandlerError, Log};
use tessera_store::Tx;
use tessera_types::{DeliveryId, WebhookId};
use tokio_util::sync::CancellationToken;

use crate::{WebhooksService, store};

/// The kind of the jobs, keyed by address, delivery and round.
pub(crate) const DELIVER_JOB: &str = "deliver_webhook";

/// What a job is told.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct DeliverWork {
    pub(crate) delivery_id: DeliveryId,
    pub(crate) round: i64,
}

impl WebhooksService {
    /// Follows a module's events until `shutdown`. `consumer` names the position in its log, for ever. What nobody wants is
    /// passed by without a write.
    pub async fn follow(self: Arc<Self>, consumer: &'static str, log: Log, shutdown: CancellationToken) {
        let types = self.event_types.clone();
        let consumer = Consumer::new(consumer, log, self.store()).on_types(types).when(move |event| {
            let service = self.clone();
            Box::pin(async move {
                let reader = service.store().tenant(&service.cx(&event.tenant));
                store::wanted(&reader, &event.kind, event.time).await
            })
        });
        consumer.run(|tx, event| Box::pin(take(tx, event)), shutdown).await;
    }
}

async fn take(tx: &mut Tx, event: &CloudEvent) -> Result<(), HandlerError> {
    let wanted = store::for_type(tx, &event.kind, event.time).await?;
    let body = serde_json::to_string(event).map_err(|e| Failure::internal("writing an event", e))?;
    for endpoint in wanted {
        send(tx, &endpoint.endpoint_id, (&event.id, &event.kind, &body)).await?;
    }
    Ok(())
}

/// A delivery of a message to an address, unless it had it; its id.
pub(crate) async fn send(
    tx: &mut Tx,
    endpoint: &WebhookId,
    message: (&str, &str, &str),
) -> Result<DeliveryId, Failure> {
    let id = DeliveryId::mint(tx.now());
    if store::insert_delivery(tx, &id, endpoint, message).await? {
        enqueue(tx, endpoint, &id, 1).await?;
    }
    Ok(id)
}

/// The job of a delivery's round.
pub(crate) async fn enqueue(tx: &mut Tx, endpoint: &WebhookId, id: &DeliveryId, round: i64) -> Result<(), Failure> {
    let (key, work, now) =
        (format!("{endpoint}/{id}.{round}"), DeliverWork { delivery_id: id.clone(), round }, tx.now());
    tx.enqueue(DELIVER_JOB, &key, &work, now).await.map(drop)
}

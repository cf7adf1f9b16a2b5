//! The webhooks contract: events, brought to addresses that staff name, signed as Standard Webhooks 1.0 has it.
//!
//! What is posted is the envelope that a broker's topic has too. Delivery is at least once; `webhook-id` is the same at
//! each attempt. It refuses to know what an event means.

pub mod conformance;
mod delivery;
mod endpoint;

use tessera_contract::{Cx, Page, contract, errors};

pub use delivery::{
    Attempt, Delivery, DeliveryState, DeliveryWithAttempts, GetDelivery, ListDeliveries, PingEndpoint, ReplayDelivery,
    ReplaySince, Replayed,
};
pub use endpoint::{
    CreateEndpoint, DeleteEndpoint, EditEndpoint, Endpoint, EndpointDeleted, EndpointDisabled, EndpointState,
    EndpointWithSecret, GetEndpoint, ListEndpoints, RotateSecret,
};

errors! {
    /// Why a webhooks operation failed.
    pub enum WebhooksError {
        /// No such address here.
        EndpointNotFound = 404 "endpoint_not_found",
        /// No such delivery here.
        DeliveryNotFound = 404 "delivery_not_found",
        /// The address is disabled: enable it first.
        EndpointIsDisabled = 409 "endpoint_disabled",
        /// There are as many addresses as a tenant may have: delete one.
        TooManyEndpoints = 409 "too_many_endpoints",
    }
}

/// Brings events to others.
#[contract(name = "webhooks", version = "1.0", events = [EndpointDisabled])]
pub trait Webhooks: Send + Sync + 'static {
    /// Register an address. The secret is in the answer and nowhere else.
    #[post("/v1/endpoints", access = staff("webhooks:write"), status = 201, idempotent)]
    async fn create_endpoint(&self, cx: &Cx, request: CreateEndpoint) -> Result<EndpointWithSecret, WebhooksError>;

    /// List addresses, newest first.
    #[get("/v1/endpoints", access = staff("webhooks:read"))]
    async fn list_endpoints(&self, cx: &Cx, request: ListEndpoints) -> Result<Page<Endpoint>, WebhooksError>;

    /// Fetch an address.
    #[get("/v1/endpoints/{endpoint_id}", access = staff("webhooks:read"))]
    async fn get_endpoint(&self, cx: &Cx, request: GetEndpoint) -> Result<Endpoint, WebhooksError>;

    /// Change an address, or whether it is called. A lost race is `version_conflict`.
    #[patch("/v1/endpoints/{endpoint_id}", access = staff("webhooks:write"))]
    async fn edit_endpoint(&self, cx: &Cx, request: EditEndpoint) -> Result<Endpoint, WebhooksError>;

    /// Give an address a new secret, in the answer and nowhere else. For a while both sign.
    #[post("/v1/endpoints/{endpoint_id}/rotate", access = staff("webhooks:write"), idempotent)]
    async fn rotate_secret(&self, cx: &Cx, request: RotateSecret) -> Result<EndpointWithSecret, WebhooksError>;

    /// Send an address an event of type `tessera.webhooks.endpoint.pinged.v1`, to try it out.
    #[post("/v1/endpoints/{endpoint_id}/ping", access = staff("webhooks:write"), status = 201, idempotent)]
    async fn ping_endpoint(&self, cx: &Cx, request: PingEndpoint) -> Result<Delivery, WebhooksError>;

    /// List an address's deliveries, newest first.
    #[get("/v1/endpoints/{endpoint_id}/deliveries", access = staff("webhooks:read"))]
    async fn list_deliveries(&self, cx: &Cx, request: ListDeliveries) -> Result<Page<Delivery>, WebhooksError>;

    /// Try anew what was given up since a time, a thousand deliveries at most.
    #[post("/v1/endpoints/{endpoint_id}/replay", access = staff("webhooks:write"))]
    async fn replay_since(&self, cx: &Cx, request: ReplaySince) -> Result<Replayed, WebhooksError>;

    /// Fetch a delivery with its attempts.
    #[get("/v1/deliveries/{delivery_id}", access = staff("webhooks:read"))]
    async fn get_delivery(&self, cx: &Cx, request: GetDelivery) -> Result<DeliveryWithAttempts, WebhooksError>;

    /// Make a delivery once more, whatever came of it. One that is pending stays as it is.
    #[post("/v1/deliveries/{delivery_id}/replay", access = staff("webhooks:write"))]
    async fn replay_delivery(&self, cx: &Cx, request: ReplayDelivery) -> Result<Delivery, WebhooksError>;

    /// Forget an address and all its deliveries. What is on its way there is dropped.
    #[delete("/v1/endpoints/{endpoint_id}", access = staff("webhooks:write"))]
    async fn delete_endpoint(&self, cx: &Cx, request: DeleteEndpoint) -> Result<EndpointDeleted, WebhooksError>;
}

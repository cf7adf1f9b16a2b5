//! The gRPC binding: operations that say `grpc` travel as Protocol Buffers over HTTP/2 too, under the same rules.
//!
//! Messages are made from the types of the operation, as its OpenAPI document is; what a contract says of them besides is
//! the number of each field ([`Numbers`]). A message is turned into the request's fields and back here, so that everything
//! behind it (access, unknown fields, errors, conformance) is what it is over HTTP. This module frames and maps; it knows
//! no socket.

mod codec;
mod frame;
mod proto;
mod serve;
mod shape;
mod status;
mod wire;

use schemars::JsonSchema;
use serde_json::{Map, Value};

use crate::{ContractInfo, Failure};
pub(crate) use frame::{ACCEPTED, framed, is_grpc, timeout_of, timeout_value, unframed};
pub use proto::proto_document;
pub(crate) use shape::Shape;
pub(crate) use status::{http_status, said};

/// Numbers of what travels by gRPC: of each message its fields, of each enum its values, the first being number 1. A list
/// grows at its end alone.
pub type Numbers = &'static [(&'static str, &'static [&'static str])];

/// How an operation travels by gRPC; made by `#[contract]`.
#[derive(Debug)]
pub struct Grpc {
    package: String,
    service: String,
    method: String,
    request: Shape,
    response: Shape,
}

impl Grpc {
    /// Of the operation `name` of `contract` with this `path`. Panics, when it is first asked for, where a type has no form
    /// in Protocol Buffers or `numbers` does not name exactly its fields.
    pub fn of<Req: JsonSchema, Res: JsonSchema>(contract: &str, path: &str, name: &str, numbers: Numbers) -> Self {
        let version = path.split('/').nth(1).unwrap_or("v1");
        Self {
            package: format!("tessera.{}.{version}", contract.replace('-', "_")),
            service: format!("{}Service", camel(contract)),
            method: camel(name),
            request: Shape::of::<Req>(numbers),
            response: Shape::of::<Res>(numbers),
        }
    }

    /// The full name of its service: `tessera.entitlement.v1.EntitlementService`.
    pub fn service(&self) -> String {
        format!("{}.{}", self.package, self.service)
    }

    /// Its path at the server's root: `/tessera.entitlement.v1.EntitlementService/Decide`.
    pub fn path(&self) -> String {
        format!("/{}/{}", self.service(), self.method)
    }

    /// A request's fields as a message.
    ///
    /// # Errors
    /// [`crate::FailureKind::InvalidRequest`] for what a message cannot say.
    pub fn encode_request(&self, fields: &Map<String, Value>) -> Result<Vec<u8>, Failure> {
        codec::encode(&self.request, fields)
    }

    /// The fields of a request's message. A field that the contract does not know is there by its number.
    ///
    /// # Errors
    /// [`crate::FailureKind::InvalidRequest`] for what is not the message.
    pub fn decode_request(&self, message: &[u8]) -> Result<Map<String, Value>, Failure> {
        codec::decode(&self.request, message)
    }

    /// As [`Self::encode_request`], of an answer.
    ///
    /// # Errors
    /// As there.
    pub fn encode_response(&self, fields: &Map<String, Value>) -> Result<Vec<u8>, Failure> {
        codec::encode(&self.response, fields)
    }

    /// As [`Self::decode_request`], of an answer.
    ///
    /// # Errors
    /// As there.
    pub fn decode_response(&self, message: &[u8]) -> Result<Map<String, Value>, Failure> {
        codec::decode(&self.response, message)
    }
}

impl ContractInfo {
    /// The operations that travel by gRPC too.
    pub fn by_grpc(&self) -> impl Iterator<Item = (&'static crate::OperationInfo, &'static Grpc)> {
        self.operations.iter().filter_map(|operation| Some((*operation, operation.grpc?())))
    }
}

/// `payment-gateway` and `acquire_lease` as names of Protocol Buffers: `PaymentGateway`, `AcquireLease`.
fn camel(name: &str) -> String {
    let words = name.split(['-', '_']).filter(|word| !word.is_empty());
    words.map(|word| word[..1].to_ascii_uppercase() + &word[1..]).collect()
}

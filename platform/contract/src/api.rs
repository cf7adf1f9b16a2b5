//! A contract's implementation made callable by name with JSON: what the router and the conformance kit stand on.

use std::{collections::BTreeMap, panic::AssertUnwindSafe, sync::Arc};

use futures::{FutureExt, future::BoxFuture};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::{
    ContractError, ContractInfo, Cx, Failure, FailureKind, Grpc, Operation, OperationInfo, Problem,
    document::Document,
    fields::{self, Fields},
    guard::{failed, guard},
    variants::Variants,
};

/// A successful answer.
#[derive(Debug)]
pub struct Answer {
    /// The response as JSON.
    pub body: Vec<u8>,
    /// The subject's version, where the response has one: the `ETag`.
    pub version: Option<i64>,
}

type Handler =
    Arc<dyn Fn(Cx, Map<String, Value>, bool, Form) -> BoxFuture<'static, Result<Answer, Problem>> + Send + Sync>;

/// What an answer is written as.
#[derive(Clone, Copy)]
enum Form {
    Json,
    Message(&'static Grpc),
}

/// One operation of an implementation, types erased.
#[derive(Clone)]
pub struct Endpoint {
    /// What it is.
    pub operation: &'static OperationInfo,
    pub(crate) fields: Arc<Fields>,
    handler: Handler,
}

impl Endpoint {
    /// Calls the operation with its request as an object. `internal`: fields that the contract does not know are
    /// ignored and counted (a newer module may call), instead of refused.
    pub async fn call(&self, cx: Cx, input: Map<String, Value>, internal: bool) -> Result<Answer, Problem> {
        (self.handler)(cx, input, internal, Form::Json).await
    }

    /// As [`Self::call`]; the response as a message of Protocol Buffers.
    pub(crate) async fn call_by_grpc(
        &self,
        grpc: &'static Grpc,
        cx: Cx,
        input: Map<String, Value>,
        internal: bool,
    ) -> Result<Vec<u8>, Problem> {
        let answer = (self.handler)(cx, input, internal, Form::Message(grpc)).await?;
        Ok(answer.body)
    }
}

/// An implementation of a contract: its endpoints and its document.
pub struct Api {
    /// The contract.
    pub info: &'static ContractInfo,
    /// The OpenAPI 3.1 document.
    pub document: Value,
    endpoints: BTreeMap<&'static str, Endpoint>,
}

impl Api {
    /// The endpoint of an operation by name.
    pub fn endpoint(&self, name: &str) -> Option<&Endpoint> {
        self.endpoints.get(name)
    }

    /// Every endpoint.
    pub fn endpoints(&self) -> impl Iterator<Item = &Endpoint> {
        self.endpoints.values()
    }
}

/// An [`Api`] under construction; `#[contract]` writes its use.
pub struct ApiBuilder {
    endpoints: BTreeMap<&'static str, Endpoint>,
    document: Document,
}

impl ApiBuilder {
    /// Of a contract, with no endpoint yet.
    pub fn new(info: &'static ContractInfo) -> Self {
        Self { endpoints: BTreeMap::new(), document: Document::new(info) }
    }

    /// The finished whole.
    pub fn build(self) -> Api {
        unknown_fields(self.document.info.name, 0); // from zero, so that the first one is seen as a rise
        Api { info: self.document.info, document: self.document.to_json(), endpoints: self.endpoints }
    }

    /// Adds an operation. Calls go through the [`guard`].
    pub fn serve<Req, Res, Err, Call, Fut>(
        mut self,
        operation: &'static Operation<Req, Res, Err>,
        implementation: Call,
    ) -> Self
    where
        Req: Serialize + DeserializeOwned + JsonSchema + Send + 'static,
        Res: Serialize + JsonSchema + Send + 'static,
        Err: ContractError,
        Call: Fn(Cx, Req) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<Res, Err>> + Send,
    {
        let info = operation.info();
        failed(info, 0);
        let versioned = self.document.add::<Req, Res>(info);
        let variants = Arc::new(Variants::of::<Req>());
        let handler: Handler = Arc::new(move |cx, input, internal, form| {
            let (implementation, variants) = (implementation.clone(), variants.clone());
            Box::pin(async move {
                let request_id = cx.request_id.clone();
                let refused = |failure: Failure| Problem::of_failure(&failure, &request_id);
                info.authorize(&cx).map_err(refused)?;
                let request: Req = known(info, &variants, input, internal).map_err(refused)?;
                let outcome = contained(info, guard(operation, &cx, request, implementation)).await.map_err(refused)?;
                let response = outcome.map_err(|error| Problem::of(&error, &request_id))?;
                let body = form.write(&response).map_err(refused)?;
                let version = (versioned && form.is_json()).then(|| version_of(&body)).flatten();
                Ok(Answer { body, version })
            })
        });
        let fields = Arc::new(Fields::of::<Req>(info));
        self.endpoints.insert(info.name, Endpoint { operation: info, fields, handler });
        self
    }
}

impl Form {
    fn is_json(self) -> bool {
        matches!(self, Form::Json)
    }

    fn write<Res: Serialize>(self, response: &Res) -> Result<Vec<u8>, Failure> {
        match self {
            Form::Json => {
                serde_json::to_vec(response).map_err(|error| Failure::internal("writing the answer as JSON", error))
            }
            Form::Message(grpc) => match serde_json::to_value(response) {
                Ok(Value::Object(fields)) => grpc
                    .encode_response(&fields)
                    .map_err(|failure| Failure::internal("writing the answer as a message", failure)),
                Ok(_) => Err(Failure::new(FailureKind::Internal, "the answer has no fields")),
                Err(error) => Err(Failure::internal("reading the answer's fields", error)),
            },
        }
    }
}

fn known<Req: DeserializeOwned>(
    info: &'static OperationInfo,
    variants: &Option<Variants>,
    input: Map<String, Value>,
    internal: bool,
) -> Result<Req, Failure> {
    let mut unknown = variants.as_ref().map(|variants| variants.unknown(&input)).unwrap_or_default();
    let request = fields::typed(input, |path| unknown.push(path))?;
    let Some(first) = unknown.first() else { return Ok(request) };
    if internal {
        unknown_fields(info.contract, unknown.len() as u64);
        return Ok(request);
    }
    let others = match unknown.len() - 1 {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Err(Failure::invalid(first, format!("{} knows no field {first}{others}", info.name)))
}

fn unknown_fields(contract: &'static str, count: u64) {
    metrics::counter!("tessera_unknown_fields_total", "contract" => contract).increment(count);
}

/// An implementation that panics fails this one call: its caller gets a problem like any other, its connection lives on.
async fn contained<T>(info: &'static OperationInfo, call: impl Future<Output = T>) -> Result<T, Failure> {
    // What the panic left half done is behind the implementation's own locks, which poison themselves.
    AssertUnwindSafe(call).catch_unwind().await.map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let cause = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        tracing::error!(contract = info.contract, operation = info.name, cause, "an operation panicked");
        Failure::new(FailureKind::Internal, format!("{}.{} failed unexpectedly", info.contract, info.name))
    })
}

fn version_of(body: &[u8]) -> Option<i64> {
    #[derive(Deserialize)]
    struct Versioned {
        version: i64,
    }
    serde_json::from_slice::<Versioned>(body).ok().map(|v| v.version)
}

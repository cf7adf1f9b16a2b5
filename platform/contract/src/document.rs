//! The OpenAPI 3.1 document of a contract, made from its operations and the schemas of their types.

use std::collections::{BTreeMap, BTreeSet};

use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use crate::{ContractInfo, FailureKind, Idempotency, OperationInfo, Problem, problem::PROBLEM_JSON};

const SCHEMAS: &str = "/components/schemas";

/// A document under construction. Requests and responses have a generator each, for a type may differ by direction.
pub(crate) struct Document {
    pub(crate) info: &'static ContractInfo,
    requests: SchemaGenerator,
    responses: SchemaGenerator,
    paths: BTreeMap<&'static str, Map<String, Value>>,
}

impl Document {
    pub(crate) fn new(info: &'static ContractInfo) -> Self {
        let settings = || SchemaSettings::draft2020_12().with(|s| s.definitions_path = SCHEMAS.into());
        let mut responses = settings().for_serialize().into_generator();
        responses.subschema_for::<Problem>();
        Self { info, requests: settings().for_deserialize().into_generator(), responses, paths: BTreeMap::new() }
    }

    /// Adds an operation; tells whether its response has a `version`.
    pub(crate) fn add<Req: JsonSchema, Res: JsonSchema>(&mut self, op: &'static OperationInfo) -> bool {
        let request = object_schema::<Req>(&mut self.requests);
        let response = self.responses.subschema_for::<Res>();
        let versioned = self.responses.clone().root_schema_for::<Res>().pointer("/properties/version").is_some();
        let mut entry = Map::new();
        let (summary, rest) = op.docs.split_once("\n\n").unwrap_or((op.docs, ""));
        entry.insert("operationId".into(), op.name.into());
        entry.insert("summary".into(), summary.replace('\n', " ").trim_end_matches('.').into());
        if !rest.trim().is_empty() {
            entry.insert("description".into(), rest.trim().into());
        }
        entry.insert("x-tessera-access".into(), op.access.describe().into());
        entry.insert("x-tessera-timeout-seconds".into(), op.limits.timeout.as_secs().into());
        entry.insert("security".into(), security(op));
        entry.insert("parameters".into(), parameters(op, &request));
        if op.method.has_body() {
            entry.insert("x-tessera-body-bytes".into(), op.limits.body_bytes.into());
            entry.insert("requestBody".into(), body(op, &request));
        }
        entry.insert("responses".into(), self.answers(op, response.to_value(), versioned));
        self.paths.entry(op.path).or_default().insert(op.method.name().to_lowercase(), Value::Object(entry));
        versioned
    }

    fn answers(&self, op: &OperationInfo, response: Value, versioned: bool) -> Value {
        let mut success = json!({"description": "Success", "content": {"application/json": {"schema": response}}});
        if versioned {
            success["headers"] = json!({"ETag": {
                "description": "The version, for If-Match.", "schema": {"type": "string"}
            }});
        }
        let mut by_status: BTreeMap<u16, Vec<(&str, &str)>> = BTreeMap::new();
        for error in self.info.errors {
            by_status.entry(error.status).or_default().push((error.code, error.meaning));
        }
        for kind in FailureKind::ALL {
            by_status.entry(kind.status()).or_default().push((kind.code(), ""));
        }
        let problem = json!({PROBLEM_JSON: {"schema": {"$ref": format!("#{SCHEMAS}/Problem")}}});
        let mut answers = Map::new();
        answers.insert(op.status.to_string(), success);
        for (status, codes) in by_status {
            let lines = codes.iter().map(|(code, meaning)| match meaning.is_empty() {
                true => format!("`{code}`"),
                false => format!("`{code}`: {meaning}"),
            });
            let description = lines.collect::<Vec<_>>().join("  \n");
            let names: Vec<&str> = codes.iter().map(|(code, _)| *code).collect();
            answers.insert(
                status.to_string(),
                json!({"description": description, "x-tessera-codes": names, "content": problem}),
            );
        }
        Value::Object(answers)
    }

    pub(crate) fn to_json(&self) -> Value {
        let requests = self.requests.clone().take_definitions(true);
        let mut schemas = self.responses.clone().take_definitions(true);
        let renames = renames(&requests, &schemas);
        for (name, mut schema) in requests {
            rename_refs(&mut schema, &renames);
            let name = if renames.contains(&name) { format!("{name}Input") } else { name };
            let clash = schemas.get(&name).is_some_and(|other| *other != schema);
            assert!(!clash, "{}: two types want the schema name {name}", self.info.name);
            schemas.insert(name, schema);
        }
        let mut paths = json!(self.paths);
        for operation in paths.as_object_mut().into_iter().flat_map(|p| p.values_mut()).flat_map(members) {
            for part in ["requestBody", "parameters"] {
                operation.get_mut(part).map(|value| rename_refs(value, &renames)).unwrap_or_default();
            }
        }
        json!({
            "openapi": "3.1.0",
            "info": {
                "title": format!("Tessera {}", self.info.name),
                "version": self.info.version,
                "description": self.info.docs,
                "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            },
            "servers": [{"url": format!("/{}", self.info.mount)}],
            "paths": paths,
            "components": {"schemas": schemas, "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "An OIDC access token or an API key."},
                "session": {"type": "apiKey", "in": "cookie", "name": "tessera_session"},
            }},
        })
    }
}

fn members(value: &mut Value) -> impl Iterator<Item = &mut Value> {
    value.as_object_mut().into_iter().flat_map(|object| object.values_mut())
}

/// The schema of a request: an object whose fields are distributed over path, query and body.
fn object_schema<Req: JsonSchema>(generator: &mut SchemaGenerator) -> Map<String, Value> {
    let schema = <Req as JsonSchema>::json_schema(generator);
    schema.as_object().cloned().unwrap_or_default()
}

fn required(request: &Map<String, Value>) -> Vec<&str> {
    request.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

fn properties(request: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    request.get("properties").and_then(Value::as_object).into_iter().flatten()
}

fn parameters(op: &OperationInfo, request: &Map<String, Value>) -> Value {
    let in_path: Vec<&str> = op.path_fields().collect();
    let required = required(request);
    let mut list: Vec<Value> = properties(request)
        .filter(|(name, _)| in_path.contains(&name.as_str()) || !op.method.has_body())
        .map(|(name, schema)| {
            let in_path = in_path.contains(&name.as_str());
            let mut parameter = json!({
                "name": name, "in": if in_path { "path" } else { "query" },
                "required": in_path || required.contains(&name.as_str()), "schema": schema,
            });
            if let Some(text) = schema.get("description") {
                parameter["description"] = text.clone();
            }
            parameter
        })
        .collect();
    if op.idempotency == Idempotency::Key {
        list.push(json!({
            "name": "Idempotency-Key", "in": "header", "required": true,
            "schema": {"type": "string", "minLength": 1, "maxLength": 255},
            "description": "A fresh random key for each new intent, the same key for a retry of it.",
        }));
    }
    Value::Array(list)
}

fn body(op: &OperationInfo, request: &Map<String, Value>) -> Value {
    let in_path: Vec<&str> = op.path_fields().collect();
    let in_body = |name: &str| !in_path.contains(&name);
    let fields: Map<String, Value> =
        properties(request).filter(|(name, _)| in_body(name)).map(|(n, s)| (n.clone(), s.clone())).collect();
    let required: Vec<&str> = required(request).into_iter().filter(|name| in_body(name)).collect();
    let schema = json!({
        "type": "object", "properties": fields, "required": required, "additionalProperties": false
    });
    json!({"required": !required.is_empty(), "content": {"application/json": {"schema": schema}}})
}

fn security(op: &OperationInfo) -> Value {
    match op.access {
        crate::Access::Public => json!([{}, {"bearer": []}, {"session": []}]),
        crate::Access::Viewer => json!([{"bearer": []}, {"session": []}]),
        crate::Access::Staff(_)
        | crate::Access::Platform(_)
        | crate::Access::Service
        | crate::Access::ServiceOrStaff(_) => {
            json!([{"bearer": []}])
        }
    }
}

/// Types that read differently from how they write (defaults), or that hold such a type: both forms stand in the
/// document, the one of requests as `…Input`.
fn renames(requests: &Map<String, Value>, responses: &Map<String, Value>) -> BTreeSet<String> {
    let mut renames = BTreeSet::new();
    loop {
        let shared = requests.iter().filter(|(name, _)| responses.contains_key(*name) && !renames.contains(*name));
        let differing = shared.filter(|(name, schema)| {
            let mut renamed = (*schema).clone();
            rename_refs(&mut renamed, &renames);
            responses[*name] != renamed
        });
        let more: Vec<String> = differing.map(|(name, _)| name.clone()).collect();
        if more.is_empty() {
            return renames;
        }
        renames.extend(more);
    }
}

fn rename_refs(value: &mut Value, renames: &BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (key, child) in object.iter_mut() {
                match child {
                    Value::String(target) if key == "$ref" => {
                        if renames.iter().any(|name| *target == format!("#{SCHEMAS}/{name}")) {
                            target.push_str("Input");
                        }
                    }
                    other => rename_refs(other, renames),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|child| rename_refs(child, renames)),
        _ => {}
    }
}

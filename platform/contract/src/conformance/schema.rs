//! Checks an answer against the contract's document.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::{ContractInfo, FailureKind, PROBLEM_JSON};

use super::{
    Exchange, Violation, Wire,
    document_rules::{ETAG, HASTE, PROBLEM, SCHEMA, STATUS, TYPE, WHOLE},
    sample,
};

/// Which of the [`document_rules`](super::document_rules) an exchange breaks, and how.
pub(crate) type Breach = (&'static str, Violation);

/// Compiled schemas of one document's answers, and what else it says of operations.
pub(crate) struct Schemas {
    success: BTreeMap<String, jsonschema::Validator>,
    problem: jsonschema::Validator,
    codes: BTreeMap<String, u16>,
    samples: BTreeMap<String, Map<String, Value>>,
    versioned: BTreeSet<String>,
    lists: BTreeSet<String>,
}

impl Schemas {
    /// Of a contract's document. Errors when the document is not one that can be compiled.
    pub(crate) fn new(info: &ContractInfo, document: &Value) -> Result<Self, Violation> {
        let compile = |schema: Value| {
            // References point into the document, so the schema travels with its components.
            let whole = json!({"allOf": [schema], "components": document["components"]});
            let unusable = |e: String| Violation::new(format!("the document of {} is unusable: {e}", info.name));
            jsonschema::options().should_validate_formats(true).build(&whole).map_err(|e| unusable(e.to_string()))
        };
        let own = info.errors.iter().map(|error| (error.code.to_owned(), error.status));
        let shared = FailureKind::ALL.iter().map(|kind| (kind.code().to_owned(), kind.status()));
        let mut schemas = Self {
            success: BTreeMap::new(),
            problem: compile(json!({"$ref": "#/components/schemas/Problem"}))?,
            codes: own.chain(shared).collect(),
            samples: BTreeMap::new(),
            versioned: BTreeSet::new(),
            lists: BTreeSet::new(),
        };
        let paths = document["paths"].as_object().into_iter().flat_map(|paths| paths.values());
        for operation in paths.filter_map(Value::as_object).flat_map(|methods| methods.values()) {
            let name = operation["operationId"].as_str().unwrap_or_default().to_owned();
            if let Some(request) = sample::request(operation, document) {
                schemas.samples.insert(name.clone(), request);
            }
            let takes = |field: &str| {
                let parameters = operation["parameters"].as_array();
                parameters.into_iter().flatten().any(|parameter| parameter["name"] == field)
            };
            if takes("cursor") && takes("limit") {
                schemas.lists.insert(name.clone());
            }
            let responses = operation["responses"].as_object().into_iter().flatten();
            for (_, response) in responses.filter(|(status, _)| status.starts_with('2')) {
                schemas
                    .success
                    .insert(name.clone(), compile(response["content"]["application/json"]["schema"].clone())?);
                if response.pointer("/headers/ETag").is_some() {
                    schemas.versioned.insert(name.clone());
                }
            }
        }
        Ok(schemas)
    }

    /// A request of `operation` that decodes, where one can be made from the document alone.
    pub(crate) fn sample(&self, operation: &str) -> Option<&Map<String, Value>> {
        self.samples.get(operation)
    }

    /// Whether an operation answers in pages.
    pub(crate) fn is_list(&self, operation: &str) -> bool {
        self.lists.contains(operation)
    }

    /// Whether an exchange is one that the document allows.
    pub(crate) fn check(&self, exchange: &Exchange) -> Result<(), Breach> {
        let success = exchange.status == exchange.expected_status;
        if !success && exchange.status < 400 {
            let at = exchange.wire.as_ref().and_then(|wire| wire.location.as_deref()).unwrap_or_default();
            let moved = if at.is_empty() { String::new() } else { format!(" (redirected to {at}: give that address)") };
            let why = format!("{} is not the status of success, {}{moved}", exchange.status, exchange.expected_status);
            let clause = exchange.response_clause(exchange.expected_status);
            return Err((STATUS, exchange.violation(&why).against(clause)));
        }
        if let Some(wire) = &exchange.wire {
            on_the_wire(exchange, wire, success)?;
        }
        match success {
            true => self.success(exchange),
            false => self.refusal(exchange),
        }
    }

    fn success(&self, exchange: &Exchange) -> Result<(), Breach> {
        let Some(schema) = self.success.get(exchange.operation) else {
            let why = format!("the document has no operation {}", exchange.operation);
            return Err((SCHEMA, Violation::new(why)));
        };
        let content = format!("{}/content/application~1json/schema", exchange.clause());
        if let Some((why, clause)) = first_error(schema, &exchange.body, &content) {
            let why = format!("the answer breaks its schema: {why}");
            return Err((SCHEMA, exchange.violation(&why).against(clause)));
        }
        let (Some(wire), Some(version)) = (&exchange.wire, exchange.body["version"].as_i64()) else { return Ok(()) };
        let expected = format!("\"{version}\"");
        if self.versioned.contains(exchange.operation) && wire.etag.as_deref() != Some(&*expected) {
            let sent = wire.etag.as_deref().unwrap_or("no ETag");
            let why = format!("expected ETag {expected}, got {sent}");
            let clause = format!("{}/headers/ETag", exchange.clause());
            return Err((ETAG, exchange.violation(&why).against(clause)));
        }
        Ok(())
    }

    fn refusal(&self, exchange: &Exchange) -> Result<(), Breach> {
        let content = format!("{}/content/application~1problem+json/schema", exchange.clause());
        let breach = |why: &str| Err((PROBLEM, exchange.violation(why)));
        if let Some((why, clause)) = first_error(&self.problem, &exchange.body, &content) {
            let why = format!("an error is a problem (RFC 9457) with a code: {why}");
            return Err((PROBLEM, exchange.violation(&why).against(clause)));
        }
        let code = exchange.body["code"].as_str().unwrap_or_default();
        let codes = || format!("{}/x-tessera-codes", exchange.clause());
        match self.codes.get(code) {
            Some(status) if *status != exchange.status => breach(&format!("{code} has status {status}")),
            Some(_) if exchange.body["status"] != exchange.status => {
                breach(&format!("the problem's status is not the answer's, {}", exchange.status))
            }
            Some(_) => Ok(()),
            None => {
                let why = format!("{code:?} is not a code of this contract");
                Err((PROBLEM, exchange.violation(&why).against(codes())))
            }
        }
    }
}

/// What HTTP says of an answer, before its body is looked at.
fn on_the_wire(exchange: &Exchange, wire: &Wire, success: bool) -> Result<(), Breach> {
    let expected = if success { "application/json" } else { PROBLEM_JSON };
    if wire.media_type() != expected {
        let sent = wire.content_type.as_deref().unwrap_or("no Content-Type");
        let clause = format!("{}/content", exchange.clause());
        return Err((TYPE, exchange.violation(&format!("expected {expected}, got {sent}")).against(clause)));
    }
    if let Some(why) = &wire.unreadable {
        let clause = format!("{}/content", exchange.clause());
        return Err((WHOLE, exchange.violation(&format!("the body is not whole JSON: {why}")).against(clause)));
    }
    let seconds = wire.retry_after.as_deref().and_then(|text| text.parse::<u32>().ok());
    if exchange.status == FailureKind::RateLimited.status() && seconds.is_none() {
        return Err((HASTE, exchange.violation("expected Retry-After, in seconds (RFC 9110 §10.2.3)")));
    }
    Ok(())
}

/// The first thing wrong with a value, and where the document says so. `content` is the schema in the document.
fn first_error(schema: &jsonschema::Validator, value: &Value, content: &str) -> Option<(String, String)> {
    let error = schema.iter_errors(value).next()?;
    let at = error.instance_path().to_string();
    let there = value.pointer(&at).and_then(Value::as_object);
    let fields = match (there, error.kind()) {
        (Some(object), jsonschema::error::ValidationErrorKind::Required { .. }) => {
            let names: Vec<&str> = object.keys().map(String::as_str).collect();
            format!("; there are {}", names.join(", "))
        }
        _ => String::new(),
    };
    let place = if at.is_empty() { "at the top".to_owned() } else { format!("at {at}") };
    let keyword = error.schema_path().to_string();
    let clause = match keyword.rfind("/components/") {
        Some(start) => format!("#{}", &keyword[start..]),
        None => format!("{content}{}", keyword.strip_prefix("/allOf/0").unwrap_or(&keyword)),
    };
    Some((format!("{error} {place}{fields}"), clause))
}

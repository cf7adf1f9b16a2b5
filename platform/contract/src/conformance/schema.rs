//! Checks an answer against the contract's document.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::{ContractInfo, FailureKind};

use super::{Exchange, Violation, sample};

/// Compiled schemas of one document's answers.
pub(crate) struct Schemas {
    success: BTreeMap<String, jsonschema::Validator>,
    problem: jsonschema::Validator,
    codes: BTreeMap<String, u16>,
    samples: BTreeMap<String, Map<String, Value>>,
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
        let (mut success, mut samples) = (BTreeMap::new(), BTreeMap::new());
        let paths = document["paths"].as_object().into_iter().flat_map(|paths| paths.values());
        for operation in paths.filter_map(Value::as_object).flat_map(|methods| methods.values()) {
            let name = operation["operationId"].as_str().unwrap_or_default().to_owned();
            if let Some(request) = sample::request(operation, document) {
                samples.insert(name.clone(), request);
            }
            let responses = operation["responses"].as_object().into_iter().flatten();
            for (_, response) in responses.filter(|(status, _)| status.starts_with('2')) {
                success.insert(name.clone(), compile(response["content"]["application/json"]["schema"].clone())?);
            }
        }
        let own = info.errors.iter().map(|error| (error.code.to_owned(), error.status));
        let shared = FailureKind::ALL.iter().map(|kind| (kind.code().to_owned(), kind.status()));
        let problem = compile(json!({"$ref": "#/components/schemas/Problem"}))?;
        Ok(Self { success, problem, codes: own.chain(shared).collect(), samples })
    }

    /// A request of `operation` that decodes, where one can be made from the document alone.
    pub(crate) fn sample(&self, operation: &str) -> Option<&Map<String, Value>> {
        self.samples.get(operation)
    }

    /// Whether an exchange is one that the document allows.
    pub(crate) fn check(&self, exchange: &Exchange) -> Result<(), Violation> {
        if exchange.status == exchange.expected_status {
            let Some(schema) = self.success.get(exchange.operation) else {
                return Err(Violation::new(format!("the document has no operation {}", exchange.operation)));
            };
            return first_error(schema, &exchange.body)
                .map_or(Ok(()), |why| Err(exchange.violation(&format!("the answer breaks its schema: {why}"))));
        }
        if let Some(why) = first_error(&self.problem, &exchange.body) {
            return Err(exchange.violation(&format!("an error is a problem (RFC 9457) with a code: {why}")));
        }
        let code = exchange.body["code"].as_str().unwrap_or_default();
        match self.codes.get(code) {
            Some(status) if *status == exchange.status && exchange.body["status"] == exchange.status => Ok(()),
            Some(status) => Err(exchange.violation(&format!("{code} has status {status}"))),
            None => Err(exchange.violation(&format!("{code:?} is not a code of this contract"))),
        }
    }
}

fn first_error(schema: &jsonschema::Validator, value: &Value) -> Option<String> {
    schema.iter_errors(value).next().map(|error| format!("{error} at {:?}", error.instance_path().to_string()))
}

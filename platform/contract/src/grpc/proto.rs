//! The `.proto` file of a contract: what others make their stubs from.

use std::{collections::BTreeMap, fmt::Write};

use super::{
    Grpc,
    shape::{Enumeration, Kind, Presence, Shape},
};
use crate::{ContractInfo, OperationInfo};

/// The contract's `.proto` file (proto3); `None` where no operation of it travels by gRPC.
pub fn proto_document(info: &ContractInfo) -> Option<String> {
    let operations: Vec<_> = info.by_grpc().collect();
    let (_, first) = operations.first()?;
    let mut types = Types::default();
    for (_, grpc) in &operations {
        types.add(&grpc.request);
        types.add(&grpc.response);
    }
    let mut text =
        String::from("// Written from the contract, as openapi.json is; the same operations, rules and errors.\n");
    text.push_str(
        "// An error is a grpc-status, with the problem (RFC 9457) as JSON in the trailer tessera-problem-bin.\n",
    );
    let _infallible = write!(text, "syntax = \"proto3\";\n\npackage {};\n", first.package);
    if types.instants {
        text.push_str("\nimport \"google/protobuf/timestamp.proto\";\n");
    }
    text.push_str(&service(info, &operations));
    types.declared.values().for_each(|declared| text.push_str(declared));
    Some(text)
}

fn service(info: &ContractInfo, operations: &[(&OperationInfo, &Grpc)]) -> String {
    let name = &operations[0].1.service;
    let mut text = format!("\n{}service {name} {{\n", comment(info.docs, ""));
    for (operation, grpc) in operations {
        let (method, request, response) = (&grpc.method, &grpc.request.name, &grpc.response.name);
        let line = format!("  rpc {method}({request}) returns ({response});\n");
        text.push_str(&comment(operation.docs, "  "));
        text.push_str(&line);
    }
    text + "}\n"
}

/// Messages and enums, each once, by name.
#[derive(Default)]
struct Types {
    declared: BTreeMap<String, String>,
    instants: bool,
}

impl Types {
    fn add(&mut self, shape: &Shape) {
        let mut text = format!("\n{}message {} {{\n", comment(&shape.docs, ""), shape.name);
        for (number, field) in (1..).zip(&shape.fields) {
            let kind = self.kind(&field.kind);
            let (label, kind) = match field.presence {
                Presence::Repeated => ("repeated ", kind),
                Presence::Listed => ("", self.list(&kind)),
                Presence::Explicit if !field.kind.is_message() => ("optional ", kind),
                Presence::Explicit | Presence::Implicit => ("", kind),
            };
            text.push_str(&comment(&field.docs, "  "));
            let _infallible = writeln!(text, "  {label}{kind} {} = {number};", field.name);
        }
        self.declare(&shape.name, text + "}\n");
    }

    fn declare(&mut self, name: &str, text: String) {
        let before = self.declared.insert(name.to_owned(), text.clone());
        assert!(before.is_none_or(|before| before == text), "two types want to be the message {name}");
    }

    /// A list that may also not be there.
    fn list(&mut self, of: &str) -> String {
        let mut letters = of.rsplit('.').next().unwrap_or(of).chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        let name: String = first.into_iter().chain(letters).chain("List".chars()).collect();
        let docs = comment("A list that is there, if empty.", "");
        self.declare(&name, format!("\n{docs}message {name} {{\n  repeated {of} values = 1;\n}}\n"));
        name
    }

    fn kind(&mut self, kind: &Kind) -> String {
        let name = match kind {
            Kind::Text => "string",
            Kind::Bool => "bool",
            Kind::Uint32 => "uint32",
            Kind::Int32 => "int32",
            Kind::Uint64 => "uint64",
            Kind::Int64 => "int64",
            Kind::Double => "double",
            Kind::Instant => {
                self.instants = true;
                "google.protobuf.Timestamp"
            }
            Kind::Enum(values) => {
                self.declare(&values.name, enumeration(values));
                &values.name
            }
            Kind::Message(shape) => {
                self.add(shape);
                &shape.name
            }
        };
        name.to_owned()
    }
}

fn enumeration(declared: &Enumeration) -> String {
    let prefix = snake(&declared.name).to_ascii_uppercase();
    let mut text = format!("\n{}enum {} {{\n", comment(&declared.docs, ""), declared.name);
    let _infallible = writeln!(text, "  // What a newer version says.\n  {prefix}_UNSPECIFIED = 0;");
    for (number, (value, docs)) in (1..).zip(&declared.values) {
        text.push_str(&comment(docs, "  "));
        let _infallible = writeln!(text, "  {prefix}_{} = {number};", value.to_ascii_uppercase());
    }
    text + "}\n"
}

fn comment(docs: &str, indent: &str) -> String {
    docs.lines().map(|line| format!("{indent}// {line}").trim_end().to_owned() + "\n").collect()
}

/// `DecisionReason` → `Decision_Reason`.
fn snake(camel: &str) -> String {
    let mut text = String::new();
    for (index, letter) in camel.char_indices() {
        if letter.is_ascii_uppercase() && index > 0 {
            text.push('_');
        }
        text.push(letter);
    }
    text
}

//! A request as it goes out, to whichever address.

use bytes::Bytes;
use http::{HeaderValue, Method, Request, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

use super::carrier::{Carrier, Clients};
use crate::{
    Cx, Failure, Grpc, Idempotency, OperationInfo,
    grpc::{ACCEPTED, framed, timeout_value},
};

/// All but what is itself everywhere in a URL (RFC 3986 §2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A request, and in which form it travels.
pub(super) struct Outgoing {
    form: Form,
    /// Says that it is an edit of one version of a thing.
    versioned: bool,
}

enum Form {
    /// `target` is path and query.
    Http {
        method: Method,
        target: String,
        body: Option<Bytes>,
    },
    Grpc {
        grpc: &'static Grpc,
        message: Bytes,
    },
}

impl Outgoing {
    /// The fields as the operation's request: by gRPC where there is a client for that and the operation travels so.
    ///
    /// # Errors
    /// [`crate::FailureKind::InvalidRequest`] for what a path, or a message, cannot carry.
    pub(super) fn new(
        operation: &OperationInfo,
        mut fields: Map<String, Value>,
        clients: &Clients,
    ) -> Result<Self, Failure> {
        let versioned = fields.get("expected_version").is_some_and(|version| !version.is_null());
        if let Some(grpc) = operation.grpc.filter(|_| clients.grpc.is_some()) {
            let message = framed(&grpc().encode_request(&fields)?);
            return Ok(Self { form: Form::Grpc { grpc: grpc(), message }, versioned });
        }
        let mut target = operation.path.to_owned();
        for name in operation.path_fields() {
            let value = texts(fields.remove(name).unwrap_or_default()).pop().unwrap_or_default();
            if ["", ".", ".."].contains(&value.as_str()) {
                // A URL's parser takes these for another path, percent-encoded or not (WHATWG URL, "double-dot segment").
                return Err(Failure::invalid(name, format!("{name} travels in the path and cannot be {value:?}")));
            }
            let value = utf8_percent_encode(&value, RESERVED).to_string();
            target = target.replace(&format!("{{{name}}}"), &value);
        }
        let method = Method::from_bytes(operation.method.name().as_bytes()).expect("a standard method");
        if operation.method.has_body() {
            let body = serde_json::to_vec(&fields).map_err(|e| Failure::internal("writing a request's body", e))?;
            return Ok(Self { form: Form::Http { method, target, body: Some(body.into()) }, versioned });
        }
        let mut before = '?';
        for (name, value) in fields {
            for text in texts(value) {
                target.push(before);
                target.extend(utf8_percent_encode(&name, RESERVED));
                target.push('=');
                target.extend(utf8_percent_encode(&text, RESERVED));
                before = '&';
            }
        }
        Ok(Self { form: Form::Http { method, target, body: None }, versioned })
    }

    /// How it travels by gRPC, if it does.
    pub(super) fn by_grpc(&self) -> Option<&'static Grpc> {
        match &self.form {
            Form::Grpc { grpc, .. } => Some(grpc),
            Form::Http { .. } => None,
        }
    }

    /// Whether making the call once more changes nothing more and answers the same: what the contract says of it, or a
    /// key that the answer is kept under. An edit of one version would find its own first attempt to be the newer one.
    pub(super) fn is_repeatable(&self, operation: &OperationInfo, cx: &Cx) -> bool {
        match operation.idempotency {
            Idempotency::Key => cx.idempotency_key.is_some(),
            Idempotency::Natural => operation.method == crate::Method::Get || !self.versioned,
        }
    }

    /// Which of `clients` carries it.
    pub(super) fn carrier<'c>(&self, clients: &'c Clients) -> &'c Carrier {
        match (&self.form, &clients.grpc) {
            (Form::Grpc { .. }, Some(grpc)) => grpc,
            (Form::Grpc { .. }, None) => unreachable!("a request takes this form where there is a client for it"),
            (Form::Http { .. }, _) => &clients.http,
        }
    }

    /// The request to the address `base`, at the tenant's `host` where that is named. A gRPC service is at the root of its
    /// address, whatever the contract's mount is.
    ///
    /// # Errors
    /// [`crate::FailureKind::Internal`] for what no request can say.
    pub(super) fn to(
        &self,
        operation: &OperationInfo,
        base: &str,
        host: Option<&str>,
        cx: &Cx,
    ) -> Result<Request<Bytes>, Failure> {
        const JSON: HeaderValue = HeaderValue::from_static("application/json");
        const ANYTHING: HeaderValue = HeaderValue::from_static("*/*"); // problems have a type of their own
        let request = match &self.form {
            Form::Grpc { grpc, message } => Request::post(format!("{}{}", at(origin(base), host), grpc.path()))
                .header(header::CONTENT_TYPE, HeaderValue::from_static(ACCEPTED))
                .header(header::TE, HeaderValue::from_static("trailers"))
                .header("grpc-timeout", timeout_value(cx.remaining()))
                .body(message.clone()),
            Form::Http { method, target, body } => {
                let request = Request::builder().method(method).uri(format!("{base}{target}"));
                let mut request = request.header(header::ACCEPT, ANYTHING);
                if let Some(host) = host {
                    request = request.header(header::HOST, host);
                }
                match body {
                    Some(body) => request.header(header::CONTENT_TYPE, JSON).body(body.clone()),
                    None => request.body(Bytes::new()),
                }
            }
        };
        request.map_err(|error| Failure::internal(&format!("writing a request for {}", operation.contract), error))
    }
}

/// Scheme and authority of an address.
fn origin(base: &str) -> &str {
    let after_scheme = base.find("://").map_or(0, |at| at + 3);
    base[after_scheme..].find('/').map_or(base, |at| &base[..after_scheme + at])
}

/// The same with another host; in HTTP/2 the URL alone says it. The port stays, unless the host names one.
fn at(origin: &str, host: Option<&str>) -> String {
    let Some(host) = host else { return origin.to_owned() };
    let (scheme, authority) = origin.split_once("://").unwrap_or(("http", origin));
    let port = authority.rsplit_once(':').map(|(_, port)| port).filter(|port| port.bytes().all(|b| b.is_ascii_digit()));
    match port.filter(|_| !host.contains(':')) {
        Some(port) => format!("{scheme}://{host}:{port}"),
        None => format!("{scheme}://{host}"),
    }
}

/// A value as it travels in a path or query: nothing for null, one text for a scalar, one for each entry of a list.
fn texts(value: Value) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::String(text) => vec![text],
        Value::Array(list) => list.into_iter().flat_map(texts).collect(),
        other => vec![other.to_string()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_at_the_root_of_its_address() {
        for (base, host, whole) in [
            ("http://10.0.0.1:8080/entitlement", None, "http://10.0.0.1:8080"),
            ("https://crm.example", None, "https://crm.example"),
            ("http://[::1]:8080/e/f", Some("demo.localhost"), "http://demo.localhost:8080"),
            ("https://crm.example/e", Some("demo.example:444"), "https://demo.example:444"),
        ] {
            assert_eq!(at(origin(base), host), whole, "{base}");
        }
    }
}

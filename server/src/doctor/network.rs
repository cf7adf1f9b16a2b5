//! How the service is reached.

use tessera_runtime::http::listen;

use super::{Patient, report::Group};

pub(super) async fn look(patient: &Patient<'_>, group: &mut Group) {
    let server = &patient.root.server;
    match (listen(server.listen).await, &patient.server) {
        (Ok(_), None) => group.good("port", format!("{} is free", server.listen)),
        (Ok(_), Some(_)) => group.note(
            "port",
            format!("nobody listens on {}, though a server runs", server.listen),
            "it has other settings than these: give this command the same --config, --port or --listen",
        ),
        (Err(_), Some(process)) => group.good("port", format!("{} is served by process {process}", server.listen)),
        (Err(error), None) => group.bad("port", error.to_string(), "stop what listens there, or choose another --port"),
    }
    let (local, behind) = (server.listen.ip().is_loopback(), !server.trusted_proxies.is_empty());
    match (local, behind) {
        (_, true) => group.good("reached", "through a proxy that is trusted, which brings TLS"),
        (true, false) => group.good("reached", "from this machine alone, in the clear"),
        (false, false) => group.note(
            "reached",
            format!("{} takes connections from elsewhere in the clear", server.listen),
            "put a proxy with TLS before it, and name that in server.trusted_proxies",
        ),
    }
}

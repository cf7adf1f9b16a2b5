//! `/metrics`: for the operator, never for the public.

use std::net::IpAddr;

use axum::{
    Router,
    extract::{ConnectInfo, Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};

use crate::{edge::Client, telemetry::Metrics};

const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// For a listener of its own.
pub(super) fn router(metrics: Metrics) -> Router {
    Router::new().route("/metrics", get(async |State(metrics): State<Metrics>| page(&metrics))).with_state(metrics)
}

/// For the public listener: to whom this machine is `localhost` and no proxy stands between, there it is.
pub(super) fn for_this_machine(metrics: Metrics) -> Router {
    let handler = async |State(metrics): State<Metrics>, request: Request| match from_here(&request) {
        true => page(&metrics),
        false => StatusCode::NOT_FOUND.into_response(),
    };
    Router::new().route("/metrics", get(handler)).with_state(metrics)
}

fn page(metrics: &Metrics) -> Response {
    ([(header::CONTENT_TYPE, TEXT_FORMAT)], metrics.render()).into_response()
}

fn from_here(request: &Request) -> bool {
    let peer = request.extensions().get::<ConnectInfo<std::net::SocketAddr>>();
    let local_peer = peer.is_some_and(|ConnectInfo(peer)| peer.ip().to_canonical().is_loopback());
    let host = request.extensions().get::<Client>().map(|client| client.host.as_str()).unwrap_or_default();
    let local_host = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    let proxied = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];
    local_peer && local_host && !proxied.iter().any(|name| request.headers().contains_key(*name))
}

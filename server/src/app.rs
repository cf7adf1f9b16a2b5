//! The viewer app's files, from within the binary.

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header, request::Parts},
    routing::any,
};
use bytes::Bytes;
use include_dir::{Dir, include_dir};
use tessera_contract::ContractError;

use crate::{app_page, routes::Looks};

static FILES: Dir<'_> = include_dir!("$OUT_DIR/viewer");

/// Serves the app: its files under their names, and `index.html` for every other page, which the app routes itself.
/// That page looks as the tenant does whose host the request names.
pub(crate) fn router(looks: Looks) -> Router {
    Router::new().fallback(any(serve)).with_state(looks)
}

/// Whether the app was built when the binary was.
pub(crate) fn is_built() -> bool {
    FILES.get_file("index.html").is_some()
}

async fn serve(State(looks): State<Looks>, request: Request) -> Response<Body> {
    let head = request.into_parts().0;
    if !matches!(head.method, Method::GET | Method::HEAD) {
        return plain(StatusCode::METHOD_NOT_ALLOWED, "This address takes GET.\n");
    }
    let path = head.uri.path().trim_start_matches('/');
    if let Some(file) = FILES.get_file(path).filter(|_| !path.is_empty() && path != "index.html") {
        return answer(path, file.contents().into(), &head.headers);
    }
    // A path with an extension names a file that is not there; anything else is a page of the app.
    let wants_file = path != "index.html" && path.rsplit('/').next().is_some_and(|name| name.contains('.'));
    match FILES.get_file("index.html").and_then(|index| index.contents_utf8()) {
        Some(index) if !wants_file => page(&looks, &head, index).await,
        Some(_) => plain(StatusCode::NOT_FOUND, "There is nothing here.\n"),
        None => plain(
            StatusCode::NOT_FOUND,
            "The viewer app is not part of this binary. Build it with `make app`, then build the server again.\nThe API \
             reference is at /docs.\n",
        ),
    }
}

async fn page(looks: &Looks, head: &Parts, index: &'static str) -> Response<Body> {
    match looks.of(head).await {
        Ok(brand) => answer("index.html", app_page::branded(index, &brand).into_bytes().into(), &head.headers),
        Err(error) if error.status() < 500 => {
            let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::NOT_FOUND);
            plain_text(status, format!("{error}\n"))
        }
        // Who only wants to watch does not need a brand; the app says what does not work, if more does not.
        Err(error) => {
            tracing::error!(%error, "the brand cannot be read; the page goes without");
            answer("index.html", index.as_bytes().into(), &head.headers)
        }
    }
}

fn answer(path: &str, bytes: Bytes, headers: &HeaderMap) -> Response<Body> {
    let etag = format!("\"{:016x}\"", fingerprint(&bytes));
    let known = headers.get(header::IF_NONE_MATCH).and_then(|v| v.to_str().ok()) == Some(etag.as_str());
    let mut response = Response::new(if known { Body::empty() } else { Body::from(bytes) });
    *response.status_mut() = if known { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type(path)));
    // Names below assets/ carry a hash of their content.
    let lasting = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(lasting));
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        headers.insert(header::ETAG, etag);
    }
    response
}

fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    plain_text(status, text.to_owned())
}

fn plain_text(status: StatusCode, text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// FNV-1a, 64 bits: names a version of a file, protects nothing.
fn fingerprint(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

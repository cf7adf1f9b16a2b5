//! The viewer app's files, from within the binary.

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri, header},
    routing::any,
};
use include_dir::{Dir, include_dir};

static FILES: Dir<'_> = include_dir!("$OUT_DIR/viewer");

/// Serves the app: its files under their names, and `index.html` for every other page, which the app routes itself.
pub(crate) fn router() -> Router {
    Router::new().fallback(any(serve))
}

/// Whether the app was built when the binary was.
pub(crate) fn is_built() -> bool {
    FILES.get_file("index.html").is_some()
}

async fn serve(method: Method, uri: Uri, headers: HeaderMap) -> Response<Body> {
    if !matches!(method, Method::GET | Method::HEAD) {
        return plain(StatusCode::METHOD_NOT_ALLOWED, "This address takes GET.\n");
    }
    let path = uri.path().trim_start_matches('/');
    if let Some(file) = FILES.get_file(path).filter(|_| !path.is_empty()) {
        return answer(path, file.contents(), &headers);
    }
    // A path with an extension names a file that is not there; anything else is a page of the app.
    let wants_file = path.rsplit('/').next().is_some_and(|name| name.contains('.'));
    match FILES.get_file("index.html") {
        Some(index) if !wants_file => answer("index.html", index.contents(), &headers),
        Some(_) => plain(StatusCode::NOT_FOUND, "There is nothing here.\n"),
        None => plain(
            StatusCode::NOT_FOUND,
            "The viewer app is not part of this binary. Build it with `make app`, then build the server again.\nThe API \
             reference is at /docs.\n",
        ),
    }
}

fn answer(path: &str, bytes: &'static [u8], headers: &HeaderMap) -> Response<Body> {
    let etag = format!("\"{:016x}\"", fingerprint(bytes));
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

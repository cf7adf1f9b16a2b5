//! Headers that tell a browser what not to do. A route that sets one of them itself is left alone.

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// The content security policy of a page that says nothing else: its own scripts, styles, pictures and media, and
/// nobody else's; not in a frame.
pub const PAGE_POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; \
                               media-src 'self' blob:; worker-src 'self' blob:; connect-src 'self'; object-src 'none'; \
                               base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// What is not a page loads nothing.
const DATA_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

const EVERYWHERE: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    // What no page here asks a browser for; films play, fill the screen and are decrypted by what is left.
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), display-capture=(), geolocation=(), hid=(), microphone=(), midi=(), payment=(), serial=(), usb=()",
    ),
];

/// Sets `policy` on an answer, in place of the strict one.
pub fn content_policy(headers: &mut HeaderMap, policy: &'static str) {
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
}

/// An answer by gRPC is for no browser, and goes as it is.
pub(super) fn harden(headers: &mut HeaderMap) {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.starts_with("application/grpc") {
        return;
    }
    let policy = if kind.starts_with("text/html") { PAGE_POLICY } else { DATA_POLICY };
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(policy));
    for (name, value) in EVERYWHERE {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hardened(kind: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(kind))]);
        harden(&mut headers);
        headers
    }

    #[test]
    fn what_a_browser_may_show_is_told_what_it_must_not_do() {
        assert_eq!(hardened("text/html; charset=utf-8")[header::CONTENT_SECURITY_POLICY], PAGE_POLICY);
        for kind in ["application/json", "image/svg+xml", ""] {
            let headers = hardened(kind);
            assert_eq!(headers[header::CONTENT_SECURITY_POLICY], DATA_POLICY, "{kind}");
            assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{kind}");
        }
        assert_eq!(hardened("application/grpc").len(), 1);
    }
}

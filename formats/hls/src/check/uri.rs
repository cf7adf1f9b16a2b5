//! Resolving references (RFC 3986 §5.2), also against a base that is a path alone.

/// `reference` as seen from the playlist at `base`.
pub(crate) fn resolve(base: &str, reference: &str) -> String {
    if has_scheme(reference) {
        return reference.to_owned();
    }
    let base = base.split(['?', '#']).next().unwrap_or(base);
    let (origin, path) = split_origin(base);
    if reference.starts_with("//") {
        let scheme = origin.split_once("//").map_or("", |(scheme, _)| scheme);
        return format!("{scheme}{reference}");
    }
    let (relative, query) = reference.split_at(reference.find(['?', '#']).unwrap_or(reference.len()));
    let whole = match relative {
        "" => path.to_owned(),
        _ if relative.starts_with('/') => relative.to_owned(),
        _ => format!("{}{relative}", path.rfind('/').map_or("", |end| &path[..=end])),
    };
    format!("{origin}{}{query}", without_dots(&whole))
}

fn has_scheme(uri: &str) -> bool {
    let scheme = uri.split([':', '/', '?', '#']).next().unwrap_or_default();
    let letters = |b: u8| b.is_ascii_alphanumeric() || b"+-.".contains(&b);
    uri[scheme.len()..].starts_with(':')
        && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(letters)
}

/// Scheme and authority, then the path.
fn split_origin(uri: &str) -> (&str, &str) {
    let Some(authority) = uri.find("//").filter(|_| has_scheme(uri)).map(|at| at + 2) else { return ("", uri) };
    let path = uri[authority..].find('/').map_or(uri.len(), |at| authority + at);
    uri.split_at(path)
}

fn without_dots(path: &str) -> String {
    let mut parts = Vec::new();
    let last = path.split('/').count() - 1;
    for (place, part) in path.split('/').enumerate() {
        match part {
            ".." if parts.last().is_some_and(|part| !["", ".."].contains(part)) => drop(parts.pop()),
            ".." if parts.as_slice() == [""] => {}
            "." => {}
            _ => parts.push(part),
        }
        if place == last && (part == "." || part == "..") {
            parts.push("");
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_resolved() {
        for (base, reference, resolved) in [
            ("main.m3u8", "v/1.m3u8", "v/1.m3u8"),
            ("a/main.m3u8", "v/1.m3u8?x=/y", "a/v/1.m3u8?x=/y"),
            ("a/b/main.m3u8?q=/z/", "../1.m3u8", "a/1.m3u8"),
            ("/a/main.m3u8", "../../1.m3u8", "/1.m3u8"),
            ("main.m3u8", "../1.m3u8", "../1.m3u8"),
            ("a/main.m3u8", "/1.m3u8", "/1.m3u8"),
            ("https://cdn.example/a/main.m3u8", "./1.m3u8", "https://cdn.example/a/1.m3u8"),
            ("https://cdn.example/a/main.m3u8", "/1.m3u8", "https://cdn.example/1.m3u8"),
            ("https://cdn.example/a/main.m3u8", "//other.example/1", "https://other.example/1"),
            ("https://cdn.example/a/main.m3u8", "data:text/plain,x", "data:text/plain,x"),
            ("a/main.m3u8", "b:c/d.m3u8", "b:c/d.m3u8"),
        ] {
            assert_eq!(resolve(base, reference), resolved, "{base} {reference}");
        }
    }
}

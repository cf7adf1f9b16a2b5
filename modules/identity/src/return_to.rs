//! Where the app goes after signing in: a path of its own, never another site.

const LONGEST: usize = 1024;

/// The path, or the front page when it is none of ours. What a browser would read as another host (`//host`, `/\host`)
/// or trim away before reading (tabs, line breaks) is none of ours.
pub(crate) fn local(path: Option<&str>) -> &str {
    path.filter(|path| is_local(path)).unwrap_or("/")
}

fn is_local(path: &str) -> bool {
    let second = path.as_bytes().get(1);
    path.len() <= LONGEST
        && path.starts_with('/')
        && second != Some(&b'/')
        && path.bytes().all(|b| b.is_ascii_graphic() && b != b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_local_path_is_kept() {
        for path in ["/", "/titles/ttl_1?tab=more#x", "/a//b", "/@x"] {
            assert_eq!(local(Some(path)), path);
        }
        let long = format!("/{}", "a".repeat(2000));
        for path in [
            "",
            "titles",
            "//evil.example",
            "/\\evil.example",
            "/\t/evil.example",
            "https://evil.example",
            "/a\r\nb",
            "/ü",
            &long,
        ] {
            assert_eq!(local(Some(path)), "/", "{path:?}");
        }
        assert_eq!(local(None), "/");
    }
}

//! Cookies: read, set, unset.

use http::{HeaderMap, HeaderValue, header};
use tessera_contract::Failure;

/// The browser's sign-in at the issuer.
pub(super) const ISSUER: &str = "tessera_issuer";
/// What a form's token is bound to.
pub(super) const FORM: &str = "tessera_form";

/// The name of one of our own cookies for the whole host. Over https the prefix keeps a neighbouring host from
/// planting one (RFC 6265bis §4.1.3.2).
pub(super) fn host_name(name: &str, https: bool) -> String {
    if https { format!("__Host-{name}") } else { name.to_owned() }
}

/// The name of the cookie of a sign-in on its way. Several tabs may each have one.
pub(super) fn login_name(state: &str, https: bool) -> String {
    let state: String = state.chars().filter(char::is_ascii_alphanumeric).take(12).collect();
    format!("{}tessera_login_{state}", if https { "__Secure-" } else { "" })
}

/// The first cookie of this name.
pub(super) fn read<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(known, value)| *known == name && !value.is_empty()).map(|(_, value)| value)
}

/// A cookie to be set.
pub(super) struct Cookie<'c> {
    pub(super) name: &'c str,
    pub(super) value: &'c str,
    pub(super) path: &'c str,
    /// Seconds; `None` until the browser closes, 0 unsets it.
    pub(super) max_age: Option<u64>,
    pub(super) https: bool,
}

impl Cookie<'_> {
    /// Adds it to an answer. Scripts never see it, and other sites' requests carry it only when they are links.
    pub(super) fn set(&self, headers: &mut HeaderMap) -> Result<(), Failure> {
        let Self { name, value, path, .. } = self;
        let age = self.max_age.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
        let secure = if self.https { "; Secure" } else { "" };
        let text = format!("{name}={value}; Path={path}{age}; HttpOnly; SameSite=Lax{secure}");
        let value = HeaderValue::from_str(&text).map_err(|e| Failure::internal("writing a cookie", e))?;
        headers.append(header::SET_COOKIE, value);
        Ok(())
    }
}

/// Unsets one of our own cookies for the whole host.
pub(super) fn unset(headers: &mut HeaderMap, name: &str, https: bool) -> Result<(), Failure> {
    Cookie { name, value: "", path: "/", max_age: Some(0), https }.set(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_https_a_cookie_is_secure_and_belongs_to_its_host_alone() {
        let (mut plain, mut tls) = (HeaderMap::new(), HeaderMap::new());
        for (https, headers) in [(false, &mut plain), (true, &mut tls)] {
            let name = host_name(ISSUER, https);
            Cookie { name: &name, value: "v", path: "/", max_age: Some(60), https }.set(headers).unwrap();
        }
        assert_eq!(plain[header::SET_COOKIE], "tessera_issuer=v; Path=/; Max-Age=60; HttpOnly; SameSite=Lax");
        assert_eq!(
            tls[header::SET_COOKIE],
            "__Host-tessera_issuer=v; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure"
        );
    }

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("xtessera_form=a; tessera_form=; a=b"));
        headers.append(header::COOKIE, HeaderValue::from_static("tessera_form=right; tessera_form=late"));
        assert_eq!(read(&headers, FORM), Some("right"));
        assert_eq!(login_name("ab/;=cd", true), "__Secure-tessera_login_abcd");
    }
}

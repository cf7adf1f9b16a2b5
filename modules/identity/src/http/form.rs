//! Forms that only our own pages can send: a token in the form that fits a cookie (signed double submit), and what the
//! browser says of the page the request came from.

use http::{HeaderMap, header};
use tessera_contract::Failure;

use super::{
    Site, Visit,
    cookies::{self, Cookie},
};
use crate::secret;

/// The name of the form's field.
pub(super) const FIELD: &str = "form_token";

/// A form's token, and the cookie it is bound to.
pub(super) struct FormToken {
    pub(super) token: String,
    cookie: String,
    new: bool,
}

impl FormToken {
    /// For a page that is about to be shown.
    pub(super) fn of(site: &Site, visit: &Visit) -> Self {
        let name = cookies::host_name(cookies::FORM, visit.https());
        let known = cookies::read(visit.headers(), &name).filter(|value| value.len() == 43).map(str::to_owned);
        let new = known.is_none();
        let cookie = known.unwrap_or_else(secret::random_token);
        Self { token: proof(site, visit, &cookie), cookie, new }
    }

    /// Sets the cookie, unless the browser has it.
    pub(super) fn set(&self, headers: &mut HeaderMap, https: bool) -> Result<(), Failure> {
        if !self.new {
            return Ok(());
        }
        let name = cookies::host_name(cookies::FORM, https);
        Cookie { name: &name, value: &self.cookie, path: "/", max_age: None, https }.set(headers)
    }
}

fn proof(site: &Site, visit: &Visit, cookie: &str) -> String {
    site.identity.keyring.proof(&["form", visit.tenant.id.as_str(), cookie])
}

/// Whether a posted form is one that we showed to this browser.
pub(super) fn is_ours(site: &Site, visit: &Visit, token: Option<&str>) -> bool {
    let name = cookies::host_name(cookies::FORM, visit.https());
    let cookie = cookies::read(visit.headers(), &name);
    let fits = |(cookie, token): (&str, &str)| secret::same(&proof(site, visit, cookie), token);
    same_origin(visit) && cookie.zip(token).is_some_and(fits)
}

/// What a browser says of the page the request came from (Fetch §3.1, Fetch Metadata).
pub(super) fn same_origin(visit: &Visit) -> bool {
    let text = |name: &str| visit.headers().get(name).map(|value| value.to_str().unwrap_or("unreadable"));
    let origin = text(header::ORIGIN.as_str()).is_none_or(|origin| origin.eq_ignore_ascii_case(&visit.origin));
    origin && text("sec-fetch-site").is_none_or(|site| matches!(site, "same-origin" | "none"))
}

//! Signing out at the issuer (OpenID Connect RP-Initiated Logout 1.0).

use axum::{
    extract::{Request, State},
    response::Response,
};
use http::{Method, StatusCode};
use tessera_contract::Failure;
use tessera_runtime::edge::session_cookie;
use url::form_urlencoded;

use super::{
    PageFault, Site, Visit, cookies,
    form::{self, FormToken},
    form_bytes, oauth, page, see_other, source_of,
};
use crate::{authorization::Params, pages};

pub(super) async fn signed_out(State(site): State<Site>, request: Request) -> Result<Response, PageFault> {
    let visit = site.visit(request.into_parts().0).await?;
    Ok(page(StatusCode::OK, None, pages::signed_out(&site.look(&visit).await)))
}

pub(super) async fn end_session(State(site): State<Site>, request: Request) -> Result<Response, PageFault> {
    let (head, body) = request.into_parts();
    let form = match head.method {
        Method::POST => form_bytes(&head.headers, body).await?,
        _ => Vec::new(),
    };
    let visit = site.visit(head).await?;
    let form = Params::parse(&form).unwrap_or_default();
    // Our own page repeats the application's request in its query; an application may post it.
    let asked = match visit.query() {
        "" => form.clone(),
        query => Params::parse(query.as_bytes()).unwrap_or_default(),
    };
    let hint = match asked.get("id_token_hint") {
        Some(token) => site.identity.issuer.id_hint(&visit.cx, token).await?,
        None => None,
    };
    let client_id = hint.as_ref().map(|hint| hint.aud.as_str()).or(asked.get("client_id"));
    let then = target(&site, &visit, &asked, client_id);
    let Some((token, signed_in)) = oauth::signed_in(&site, &visit).await? else {
        return Ok(see_other(&then)?);
    };
    let meant = hint.is_some_and(|hint| hint.sub == signed_in.account_id);
    if !meant && !form::is_ours(&site, &visit, form.get(form::FIELD)) {
        return Ok(ask(&site, &visit, &asked, &then).await?);
    }
    site.identity.issuer.end(&visit.cx, &token).await?;
    let mut response = see_other(&then)?;
    let https = visit.https();
    cookies::unset(response.headers_mut(), &cookies::host_name(cookies::ISSUER, https), https)?;
    if let Some(app) = cookies::read(visit.headers(), session_cookie(https)) {
        site.identity.sessions.end(&visit.tenant.id, app).await?;
        cookies::unset(response.headers_mut(), session_cookie(https), https)?;
    }
    Ok(response)
}

/// The application's page, when it may name it; else ours.
fn target(site: &Site, visit: &Visit, asked: &Params, client_id: Option<&str>) -> String {
    let client = client_id.and_then(|id| site.client(visit, id));
    let wanted = asked.get("post_logout_redirect_uri");
    match client.zip(wanted).filter(|(client, uri)| client.may_redirect_after_logout_to(uri)) {
        None => "/identity/signed-out".to_owned(),
        Some((_, uri)) => match asked.get("state") {
            None => uri.to_owned(),
            Some(state) => {
                let joint = if uri.contains('?') { '&' } else { '?' };
                let query = form_urlencoded::Serializer::new(String::new()).append_pair("state", state).finish();
                format!("{uri}{joint}{query}")
            }
        },
    }
}

async fn ask(site: &Site, visit: &Visit, asked: &Params, then: &str) -> Result<Response, Failure> {
    let token = FormToken::of(site, visit);
    let (look, query) = (site.look(visit).await, asked.once_signed_in());
    let html = pages::ask_sign_out(&look, &query, form::FIELD, &token.token);
    let mut response = page(StatusCode::OK, source_of(then).as_deref(), html);
    token.set(response.headers_mut(), visit.https())?;
    Ok(response)
}

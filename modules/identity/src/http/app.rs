//! The app's session: signing in through the provider, and what the app may know of it.

use axum::{
    Json,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, header, request::Parts};
use serde_json::{Value, json};
use tessera_contract::{Failure, FailureKind};
use tessera_runtime::edge::{CSRF_HEADER, session_cookie};

use super::{
    LONGEST_FORM, PageFault, Site, Visit,
    cookies::{self, Cookie},
    form, page, problem, see_other,
};
use crate::{
    app_session::LOGIN_LIFE, authorization::Params, client::CALLBACK, pages, provider::ProviderError, return_to, secret,
};

pub(super) async fn login(State(site): State<Site>, request: Request) -> Result<Response, PageFault> {
    let visit = site.visit(request.into_parts().0).await?;
    let asked = Params::parse(visit.query().as_bytes()).unwrap_or_default();
    let prompt = asked.get("prompt").filter(|prompt| matches!(*prompt, "login" | "create")).map(str::to_owned);
    let (tenant, back) = (&visit.tenant.id, format!("{}{CALLBACK}", visit.origin));
    let return_to = return_to::local(asked.get("return_to"));
    let (login, sealed, url) = site.identity.sessions.login(tenant, &visit.origin, back, return_to, prompt).await?;
    let mut response = see_other(&url)?;
    login_cookie(response.headers_mut(), &login.state, &sealed, Some(LOGIN_LIFE.as_secs()), visit.https())?;
    Ok(response)
}

fn login_cookie(
    headers: &mut HeaderMap,
    state: &str,
    value: &str,
    max_age: Option<u64>,
    https: bool,
) -> Result<(), Failure> {
    let name = cookies::login_name(state, https);
    Cookie { name: &name, value, path: CALLBACK, max_age, https }.set(headers)
}

pub(super) async fn callback(State(site): State<Site>, request: Request) -> Result<Response, PageFault> {
    let visit = site.visit(request.into_parts().0).await?;
    let asked = Params::parse(visit.query().as_bytes()).unwrap_or_default();
    let state = asked.get("state").unwrap_or_default();
    let sealed = cookies::read(visit.headers(), &cookies::login_name(state, visit.https()));
    let login = sealed.and_then(|sealed| site.identity.sessions.begun(&visit.tenant.id, sealed));
    let Some(login) = login.filter(|login| secret::same(&login.state, state)) else {
        let why = "It took too long, or was begun in another browser.";
        return Ok(not_signed_in(&site, &visit, why).await);
    };
    let mut response = match asked.get("code") {
        None => not_signed_in(&site, &visit, "The sign-in was not finished.").await,
        Some(code) => match site.identity.sessions.arrive(&visit.tenant.id, &login, code).await {
            Ok(token) => arrived(&site, &visit, &token, &login.return_to).await?,
            Err(ProviderError::Refused(why)) => {
                tracing::info!(tenant = %visit.tenant.id, why, "a sign-in was refused");
                not_signed_in(&site, &visit, "It took too long, or this page was opened twice.").await
            }
            Err(ProviderError::Failure(failure)) => return Err(failure.into()),
        },
    };
    login_cookie(response.headers_mut(), state, "", Some(0), visit.https())?;
    Ok(response)
}

async fn arrived(site: &Site, visit: &Visit, token: &str, return_to: &str) -> Result<Response, Failure> {
    let (name, max_age) = (session_cookie(visit.https()), Some(site.identity.issuer.config.sign_in_seconds.into()));
    let mut response = see_other(return_to)?;
    Cookie { name, value: token, path: "/", max_age, https: visit.https() }.set(response.headers_mut())?;
    Ok(response)
}

async fn not_signed_in(site: &Site, visit: &Visit, why: &str) -> Response {
    let title = "You are not signed in yet";
    page(StatusCode::BAD_REQUEST, None, pages::trouble(&site.look(visit).await, title, why, ("/auth/login", "Sign in")))
}

pub(super) async fn session(State(site): State<Site>, request: Request) -> Response {
    let (head, _) = request.into_parts();
    let headers = head.headers.clone();
    match standing(&site, head).await {
        Ok(session) => ([(header::CACHE_CONTROL, "no-store")], Json(session)).into_response(),
        Err(failure) => problem(&headers, &failure),
    }
}

async fn standing(site: &Site, head: Parts) -> Result<Value, Failure> {
    let visit = site.visit(head).await?;
    let cookie = cookies::read(visit.headers(), session_cookie(visit.https()));
    let standing = match cookie {
        Some(cookie) => site.identity.sessions.standing(&visit.tenant.id, cookie).await?,
        None => None,
    };
    Ok(match standing {
        None => json!({"signed_in": false}),
        Some(standing) => {
            let mut body =
                json!({"signed_in": true, "account_id": standing.account, "csrf_token": standing.csrf_token});
            if let Some(email) = standing.email {
                body["email"] = email.into();
            }
            body
        }
    })
}

pub(super) async fn logout(State(site): State<Site>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let headers = head.headers.clone();
    let form = axum::body::to_bytes(body, LONGEST_FORM).await.unwrap_or_default();
    match signed_out(&site, head, &form).await {
        Ok(response) => response,
        Err(failure) => problem(&headers, &failure),
    }
}

/// Signs out. The token comes in a header, or in a plain form's field; a form is sent on, a script is told where to go.
async fn signed_out(site: &Site, head: Parts, form: &[u8]) -> Result<Response, Failure> {
    let visit = site.visit(head).await?;
    let (form, https) = (Params::parse(form).unwrap_or_default(), visit.https());
    let from_form = form.get("csrf_token");
    let mut go_to = None;
    if let Some(cookie) = cookies::read(visit.headers(), session_cookie(https)) {
        let header = visit.headers().get(CSRF_HEADER).and_then(|value| value.to_str().ok());
        let wanted = site.identity.sessions.csrf_token(&visit.tenant.id, cookie);
        let fits = header.or(from_form).is_some_and(|sent| secret::same(sent, &wanted));
        if !fits || !form::same_origin(&visit) {
            let detail = "signing out needs the session's token in x-csrf-token; GET /auth/session tells it";
            return Err(Failure::new(FailureKind::Forbidden, detail));
        }
        go_to = site.identity.sessions.end(&visit.tenant.id, cookie).await?;
    }
    let mut response = match from_form {
        Some(_) => see_other(go_to.as_deref().unwrap_or("/identity/signed-out"))?,
        None => Json(json!({"redirect_to": go_to.as_deref().unwrap_or("/")})).into_response(),
    };
    cookies::unset(response.headers_mut(), session_cookie(https), https)?;
    cookies::unset(response.headers_mut(), &cookies::host_name(cookies::ISSUER, https), https)?;
    Ok(response)
}

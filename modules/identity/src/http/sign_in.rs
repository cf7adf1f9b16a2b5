//! The pages where people sign in and sign up. The authorization request they interrupt stands in their query, and goes
//! on afterwards; it is checked anew then, so nothing here has to be believed.

use axum::{
    extract::{Request, State},
    response::Response,
};
use http::{HeaderValue, StatusCode, header};
use tessera_contract::{Failure, FailureKind};
use tessera_types::AccountId;

use super::{
    PageFault, Site, Visit,
    cookies::{self, Cookie},
    form::{self, FormToken},
    page, see_other, source_of,
};
use crate::{
    account::SignUpError,
    authorization::Params,
    email,
    pages::{self, Door, Wrong},
};

pub(super) async fn show_sign_in(State(site): State<Site>, request: Request) -> Result<Response, PageFault> {
    let visit = site.visit(request.into_parts().0).await?;
    show(&site, &visit, Door::SignIn, StatusCode::OK, "", None).await
}

pub(super) async fn show_sign_up(State(site): State<Site>, request: Request) -> Result<Response, PageFault> {
    let visit = site.visit(request.into_parts().0).await?;
    show(&site, &visit, Door::SignUp, StatusCode::OK, "", None).await
}

pub(super) async fn sign_in(State(site): State<Site>, request: Request) -> Result<Response, PageFault> {
    let (visit, form) = site.posted(request).await?;
    let form = Params::parse(&form).unwrap_or_default();
    let (address, password) = (form.get("email").unwrap_or_default(), form.get("password").unwrap_or_default());
    let again = |status, wrong| show(&site, &visit, Door::SignIn, status, address, Some(wrong));
    if !form::is_ours(&site, &visit, form.get(form::FIELD)) {
        return again(StatusCode::FORBIDDEN, Wrong::Form(pages::STALE.into())).await;
    }
    let normalised = email::normalised(address).unwrap_or_else(|| address.trim().to_lowercase());
    if let Err(failure) = site.identity.attempts.sign_in(&visit.tenant.id, *visit.client.address, &normalised) {
        tried("limited", 1);
        return too_often(&site, &visit, Door::SignIn, address, &failure).await;
    }
    let known = site.identity.accounts.sign_in(&visit.cx, address, password).await;
    let outcome = match &known {
        Ok(Some(_)) => "ok",
        Ok(None) => "wrong",
        Err(_) => "failed",
    };
    tried(outcome, 1);
    match known {
        Ok(Some(account)) => {
            site.identity.attempts.signed_in(&visit.tenant.id, *visit.client.address, &normalised);
            enter(&site, &visit, &account).await
        }
        Ok(None) => again(StatusCode::UNPROCESSABLE_ENTITY, Wrong::Form(pages::MISMATCH.into())).await,
        Err(failure) if failure.kind == FailureKind::Unavailable => {
            too_often(&site, &visit, Door::SignIn, address, &failure).await
        }
        Err(failure) => Err(failure.into()),
    }
}

/// What comes of trying to sign in.
const OUTCOMES: [&str; 4] = ["ok", "wrong", "limited", "failed"];

fn tried(outcome: &'static str, times: u64) {
    metrics::counter!("tessera_identity_sign_ins_total", "outcome" => outcome).increment(times);
}

/// Begins the counts at zero, so that the first one is seen as a rise.
pub(crate) fn announce() {
    OUTCOMES.into_iter().for_each(|outcome| tried(outcome, 0));
}

pub(super) async fn sign_up(State(site): State<Site>, request: Request) -> Result<Response, PageFault> {
    let (visit, form) = site.posted(request).await?;
    let form = Params::parse(&form).unwrap_or_default();
    let (address, password) = (form.get("email").unwrap_or_default(), form.get("password").unwrap_or_default());
    let again = |status, wrong| show(&site, &visit, Door::SignUp, status, address, Some(wrong));
    if !form::is_ours(&site, &visit, form.get(form::FIELD)) {
        return again(StatusCode::FORBIDDEN, Wrong::Form(pages::STALE.into())).await;
    }
    if let Err(failure) = site.identity.attempts.sign_up(*visit.client.address) {
        return too_often(&site, &visit, Door::SignUp, address, &failure).await;
    }
    let unprocessable = StatusCode::UNPROCESSABLE_ENTITY;
    match site.identity.accounts.create(&visit.cx, address, password).await {
        Ok(account) => enter(&site, &visit, &account.account_id).await,
        Err(wrong @ (SignUpError::Email | SignUpError::Taken)) => {
            again(unprocessable, Wrong::Email(wrong.to_string())).await
        }
        Err(SignUpError::Password(weak)) => again(unprocessable, Wrong::Password(weak.to_string())).await,
        Err(SignUpError::Failure(failure)) if failure.kind == FailureKind::Unavailable => {
            too_often(&site, &visit, Door::SignUp, address, &failure).await
        }
        Err(SignUpError::Failure(failure)) => Err(failure.into()),
    }
}

/// The browser is signed in from here on, and goes on with what it wanted.
async fn enter(site: &Site, visit: &Visit, account: &AccountId) -> Result<Response, PageFault> {
    let (name, issuer) = (cookies::host_name(cookies::ISSUER, visit.https()), &site.identity.issuer);
    let before = cookies::read(visit.headers(), &name);
    let token = issuer.begin(&visit.cx, account, before).await?;
    let asked = Params::parse(visit.query().as_bytes()).filter(|asked| asked.get("client_id").is_some());
    let mut response = match asked {
        Some(asked) => see_other(&format!("/identity/oauth/authorize?{}", asked.once_signed_in()))?,
        None => see_other("/auth/login")?,
    };
    let max_age = Some(issuer.config.sign_in_seconds.into());
    Cookie { name: &name, value: &token, path: "/", max_age, https: visit.https() }.set(response.headers_mut())?;
    Ok(response)
}

async fn too_often(
    site: &Site,
    visit: &Visit,
    door: Door,
    address: &str,
    failure: &Failure,
) -> Result<Response, PageFault> {
    let wait = failure.retry_after.map_or(5, |wait| wait.as_secs().max(1));
    let status = StatusCode::from_u16(failure.kind.status()).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    let text = match failure.kind {
        FailureKind::RateLimited => pages::too_many(wait),
        _ => pages::BUSY.to_owned(),
    };
    let mut response = show(site, visit, door, status, address, Some(Wrong::Form(text))).await?;
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait));
    Ok(response)
}

async fn show(
    site: &Site,
    visit: &Visit,
    door: Door,
    status: StatusCode,
    address: &str,
    wrong: Option<Wrong>,
) -> Result<Response, PageFault> {
    let (token, look) = (FormToken::of(site, visit), site.look(visit).await);
    let view = pages::DoorPage {
        look: &look,
        door,
        query: visit.query(),
        form_field: form::FIELD,
        form_token: &token.token,
        email: address,
        wrong,
    };
    let mut response = page(status, leads_to(site, visit).as_deref(), pages::door(&view));
    token.set(response.headers_mut(), visit.https())?;
    Ok(response)
}

/// Where the interrupted request ends, as a source of a content security policy.
fn leads_to(site: &Site, visit: &Visit) -> Option<String> {
    let asked = Params::parse(visit.query().as_bytes())?;
    let client = site.client(visit, asked.get("client_id")?)?;
    let uri = asked.get("redirect_uri").filter(|uri| client.may_redirect_to(uri))?;
    source_of(uri)
}

//! What people and modules do at a demo, operation by operation: the main ones of every contract, and refusals.

use serde_json::{Value, json};

use super::{people::VIEWER, recorder::Recorder};

/// Cards of the sandbox gateway.
const GOOD: &str = "4242424242424242";
const DECLINED: &str = "4000000000000002";
/// WebVTT with one cue, in base64.
const WORDS: &str = "V0VCVlRUCgowMDowMC4wMDAgLS0+IDAwOjAxLjAwMApIZWxsbwo=";
/// An SVG that draws nothing, in base64.
const PICTURE: &str = "PHN2ZyB2aWV3Qm94PSIwIDAgMSAxIi8+";

/// Tells it.
pub(super) async fn tell(story: &mut Recorder<'_>) {
    tenancy(story).await;
    identity(story).await;
    let account = story.done("staff", "identity-management.list_accounts", json!({"email": VIEWER})).await;
    let account = text(&account["data"][0]["account_id"]);
    let asset = media(story).await;
    let title = catalog(story, &asset).await;
    let facts = json!({"title_id": title, "free": false, "plans": ["basic"], "minimum_age": 0});
    let viewing = json!({"account_id": account});
    entitlement(story, &account, &facts).await;
    webhooks(story).await;
    let refused = json!({"title_id": title, "device_id": "television"});
    story.refused("viewer", "playback.start", refused, "grant_revoked").await;
    billing(story, &account).await;
    let playback = playback(story, &title).await;
    let asked = json!({"session_id": playback["session_id"], "asset_id": asset, "viewing": viewing, "facts": facts});
    story.done("service:playback", "drm.authorize_licence", asked).await;
    story.done("service:delivery", "drm.get_content_key", json!({"asset_id": asset})).await;
    let tier = json!({"asset_id": asset, "tier": "standard"});
    story.done("service:playback", "delivery.route", tier).await;
    let unknown = json!({"asset_id": "ast_of_nobody", "tier": "standard"});
    story.refused("service:playback", "delivery.route", unknown, "asset_not_found").await;
    viewers(story, &account, &title).await;
    stop(story, &playback).await;
    story.done("staff", "catalog-management.withdraw_title", json!({"title_id": title})).await;
    story.refused("visitor", "catalog.get_title", json!({"title_id": title}), "title_not_found").await;
    let about = json!({"target": title});
    let withdrawn = |page: &Value| page["data"][0]["operation"] == "withdraw_title";
    story.awaited("staff", "audit.list_records", about, withdrawn).await;
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or("nothing").to_owned()
}

async fn tenancy(story: &mut Recorder<'_>) {
    story.done("visitor", "tenancy.get_brand", json!({})).await;
    let brand = json!({"name": "Recorded", "support_email": "help@recorded.example"});
    story.done("staff", "tenancy-management.put_brand", brand).await;
    let picture = json!({"picture": "logo", "data": PICTURE});
    story.done("staff", "tenancy-management.put_brand_picture", picture).await;
    story.done("visitor", "tenancy.get_brand", json!({})).await;
    story.done("staff", "tenancy-management.delete_brand_picture", json!({"picture": "logo"})).await;
    let one = json!({"tenant_id": "recorded"});
    let made = json!({
        "tenant_id": "recorded", "name": "Recorded", "kind": "test", "default_locale": "en", "hosts": ["recorded.example"],
    });
    story.done("operator", "tenancy-platform.create_tenant", made).await;
    story.done("operator", "tenancy-platform.list_tenants", json!({"limit": 10})).await;
    let host = json!({"tenant_id": "recorded", "host": "second.example"});
    story.done("operator", "tenancy-platform.add_host", host.clone()).await;
    story.done("operator", "tenancy-platform.remove_host", host).await;
    let reason = json!({"tenant_id": "recorded", "reason": "to record it"});
    story.done("operator", "tenancy-platform.suspend_tenant", reason).await;
    story.done("operator", "tenancy-platform.resume_tenant", one.clone()).await;
    story.done("operator", "tenancy-platform.get_tenant", one).await;
    let nobody = json!({"tenant_id": "nobody"});
    story.refused("operator", "tenancy-platform.get_tenant", nobody.clone(), "tenant_not_found").await;
    story.refused("staff", "tenancy-platform.get_tenant", nobody, "forbidden").await;
}

async fn identity(story: &mut Recorder<'_>) {
    let asked = json!({"name": "recorded", "scopes": ["catalog:read"]});
    let made = story.done("staff", "identity-management.create_api_key", asked).await;
    let key = json!({"key_id": made["key"]["key_id"]});
    story.done("staff", "identity-management.list_api_keys", json!({"limit": 10})).await;
    let asked = json!({"secret": made["secret"]});
    story.done("service:edge", "identity.resolve_api_key", asked.clone()).await;
    story.done("service:edge", "identity-edge.note_api_key_use", key.clone()).await;
    let grace = json!({"key_id": made["key"]["key_id"], "grace_seconds": 60});
    story.done("staff", "identity-management.rotate_api_key", grace).await;
    story.done("staff", "identity-management.revoke_api_key", key).await;
    story.ask("service:edge", "identity.resolve_api_key", asked).await;
    story.done("service:edge", "identity-edge.resolve_session", json!({"cookie": "none"})).await;
    story.done("service:edge", "identity-edge.get_issuer", json!({})).await;
    let subject = json!({"issuer": "https://id.example", "subject": "somebody"});
    story.done("service:edge", "identity-edge.resolve_subject", subject).await;
    let nobody = json!({"name": "recorded", "scopes": ["no:such"]});
    story.ask("staff", "identity-management.create_api_key", nobody).await;
    story.refused("visitor", "identity-management.list_api_keys", json!({}), "unauthenticated").await;
}

/// Answers an asset that is ready.
async fn media(story: &mut Recorder<'_>) -> String {
    let assets = story.done("staff", "media.list_assets", json!({"limit": 10})).await;
    let asset = text(&assets["data"][0]["asset_id"]);
    let one = json!({"asset_id": asset});
    story.done("service:delivery", "media.get_asset", one.clone()).await;
    story.done("service:delivery", "media.get_descriptor", one.clone()).await;
    story.done("staff", "media.get_asset_log", one.clone()).await;
    let subtitles =
        json!({"asset_id": asset, "subtitle_id": "ours", "language": "en", "kind": "subtitles", "data": WORDS});
    story.done("staff", "media.put_subtitles", subtitles).await;
    story.done("staff", "media.delete_subtitles", json!({"asset_id": asset, "subtitle_id": "ours"})).await;
    let pull = story.done("staff", "media.create_pull", json!({"url": "http://films.invalid/film.mp4"})).await;
    story.done("staff", "media.get_pull", json!({"upload_id": pull["upload_id"]})).await;
    let nobodys = json!({"asset_id": "ast_of_nobody"});
    story.refused("staff", "media.get_asset", nobodys.clone(), "asset_not_found").await;
    story.refused("staff", "media.cancel_asset", nobodys, "asset_not_found").await;
    asset
}

/// Answers a title of the plan `basic`, published.
async fn catalog(story: &mut Recorder<'_>, asset: &str) -> String {
    let draft = |name: &str| {
        json!({
            "name": {"en": name, "de": "Aufgezeichnet"}, "synopsis": {"en": "What a release answered."}, "genres": ["drama"],
            "year": 2026, "access": {"plans": ["basic"]}, "asset_id": asset,
        })
    };
    let made = story.done("staff", "catalog-management.create_title", json!({"title": draft("Recorded")})).await;
    let title = text(&made["title_id"]);
    let one = json!({"title_id": title});
    story.refused("visitor", "catalog.get_title", one.clone(), "title_not_found").await;
    let edit = json!({"title_id": title, "title": draft("Recorded once"), "expected_version": made["version"]});
    story.done("staff", "catalog-management.edit_title", edit.clone()).await;
    story.refused("staff", "catalog-management.edit_title", edit, "version_conflict").await;
    story.done("staff", "catalog-management.publish_title", one.clone()).await;
    story.done("staff", "catalog-management.get_managed_title", one.clone()).await;
    story.done("staff", "catalog-management.list_managed_titles", json!({"limit": 2})).await;
    story.done("visitor", "catalog.get_title", one.clone()).await;
    let page = story.done("visitor", "catalog.list_titles", json!({"limit": 1})).await;
    story.done("visitor", "catalog.list_titles", json!({"limit": 1, "cursor": page["next_cursor"]})).await;
    story.refused("visitor", "catalog.list_titles", json!({"limit": 0}), "invalid_request").await;
    story.done("service:playback", "catalog.playable", one).await;
    story.done("staff", "catalog.list_changes", json!({"limit": 2})).await;
    title
}

async fn entitlement(story: &mut Recorder<'_>, account: &str, facts: &Value) {
    let grant = json!({
        "source": "crm", "reference": "recorded", "account_id": account, "scope": {"kind": "plan", "plan": "basic"},
        "starts_at": "2020-01-01T00:00:00Z", "max_streams": 1, "version": 1,
    });
    let question = json!({"viewing": {"account_id": account}, "facts": facts});
    story.done("service:playback", "entitlement.decide", question.clone()).await;
    story.done("staff", "entitlement.put_grant", grant).await;
    story.done("service:playback", "entitlement.decide", question.clone()).await;
    let grants = json!({"account_id": account, "limit": 1});
    let grants = story.done("staff", "entitlement.list_grants", grants).await;
    let after = json!({"account_id": account, "cursor": grants["next_cursor"]});
    story.done("staff", "entitlement.list_grants", after).await;
    let lease = |session: &str| {
        json!({
            "session_id": session, "device_id": session, "device_name": "A device", "viewing": question["viewing"],
            "facts": facts,
        })
    };
    story.done("service:playback", "entitlement.acquire_lease", lease("ses_recorded-1")).await;
    story
        .refused("service:playback", "entitlement.acquire_lease", lease("ses_recorded-2"), "stream_limit_reached")
        .await;
    let session = json!({"session_id": "ses_recorded-1"});
    story.done("service:playback", "entitlement.renew_lease", session.clone()).await;
    story.done("service:playback", "entitlement.release_lease", session.clone()).await;
    story.ask("service:playback", "entitlement.renew_lease", session).await;
    let revoke = json!({"source": "crm", "reference": "recorded", "version": 2});
    story.done("staff", "entitlement.revoke_grant", revoke).await;
    story.done("service:playback", "entitlement.decide", question).await;
    let unknown = json!({"source": "crm", "reference": "nobodys", "version": 1});
    story.refused("staff", "entitlement.revoke_grant", unknown, "grant_not_found").await;
}

async fn webhooks(story: &mut Recorder<'_>) {
    let types = ["tessera.catalog.title.withdrawn.v1"];
    let asked = json!({"url": "https://hooks.invalid/recorded", "event_types": types});
    let made = story.done("staff", "webhooks.create_endpoint", asked).await;
    let one = json!({"endpoint_id": made["endpoint"]["endpoint_id"]});
    story.done("staff", "webhooks.list_endpoints", json!({"limit": 10})).await;
    let endpoint = story.done("staff", "webhooks.get_endpoint", one.clone()).await;
    let edit =
        json!({"endpoint_id": one["endpoint_id"], "description": "Edited", "expected_version": endpoint["version"]});
    story.done("staff", "webhooks.edit_endpoint", edit).await;
    story.done("staff", "webhooks.rotate_secret", one.clone()).await;
    let ping = story.done("staff", "webhooks.ping_endpoint", one.clone()).await;
    let one_delivery = json!({"delivery_id": ping["delivery_id"]});
    story.awaited("staff", "webhooks.get_delivery", one_delivery, |delivery| delivery["calls"][0].is_object()).await;
    story.done("staff", "webhooks.list_deliveries", one.clone()).await;
    let since = json!({"endpoint_id": one["endpoint_id"], "since": "2026-01-01T00:00:00Z"});
    story.done("staff", "webhooks.replay_since", since).await;
    story.done("staff", "webhooks.delete_endpoint", one.clone()).await;
    story.refused("staff", "webhooks.get_endpoint", one, "endpoint_not_found").await;
}

async fn billing(story: &mut Recorder<'_>, account: &str) {
    let offers = story.done("visitor", "billing.list_offers", json!({"plan": "basic"})).await;
    let offer = json!({
        "name": {"en": "Recorded"}, "terms": {"kind": "subscription", "plan": "recorded"},
        "price": {"amount_minor": 100, "currency": "EUR"}, "max_streams": 1,
    });
    let made = story.done("staff", "billing-management.create_offer", offer).await;
    story.done("staff", "billing-management.archive_offer", json!({"offer_id": made["offer_id"]})).await;
    for (card, good) in [(DECLINED, false), (GOOD, true)] {
        let card = json!({"card_number": card, "expiry_month": 1, "expiry_year": 2190, "security_code": "123"});
        let token = story.done("visitor", "card-vault.create_token", card).await;
        let checkout = json!({"offer_id": offers["data"][0]["offer_id"], "payment_token": token["payment_token"]});
        match good {
            false => story.refused("viewer", "billing.create_checkout", checkout, "card_declined").await,
            true => {
                let bought = story.done("viewer", "billing.create_checkout", checkout).await;
                let checkout = json!({"checkout_id": bought["checkout_id"]});
                story.done("viewer", "billing.get_checkout", checkout).await;
                let charge = json!({"reference": bought["checkout_id"]});
                story.done("service:billing", "payment-gateway.get_charge", charge).await;
            }
        }
    }
    let unknown = json!({"reference": "chk_of_nobody"});
    story.refused("service:billing", "payment-gateway.get_charge", unknown, "charge_not_found").await;
    story.done("viewer", "billing.get_account", json!({})).await;
    story.done("staff", "billing-management.list_ledger", json!({"limit": 10})).await;
    story.done("staff", "billing-management.run_renewals", json!({})).await;
    let granted = |page: &Value| page["data"].as_array().is_some_and(|grants| grants.len() == 2);
    story.awaited("staff", "entitlement.list_grants", json!({"account_id": account}), granted).await;
    let unknown = json!({"offer_id": "off_of_nobody", "payment_token": "pm_of_nobody"});
    story.refused("viewer", "billing.create_checkout", unknown, "offer_not_found").await;
}

/// Answers what plays.
async fn playback(story: &mut Recorder<'_>, title: &str) -> Value {
    let press = json!({"title_id": title, "device_id": "television", "device_name": "The television"});
    let playback = story.done("viewer", "playback.start", press).await;
    let beat = json!({"session_id": playback["session_id"], "position_seconds": 3});
    story.done("viewer", "playback.heartbeat", beat).await;
    story
        .refused("visitor", "playback.start", json!({"title_id": title, "device_id": "phone"}), "unauthenticated")
        .await;
    playback
}

async fn viewers(story: &mut Recorder<'_>, account: &str, title: &str) {
    let profiles = story.done("viewer", "viewers.list_profiles", json!({})).await;
    let profile = &profiles["data"][0];
    let edit = json!({"profile_id": profile["profile_id"], "name": "Recorded", "expected_version": profile["version"]});
    story.done("viewer", "viewers.edit_profile", edit.clone()).await;
    story.refused("viewer", "viewers.edit_profile", edit, "version_conflict").await;
    story.done("service:playback", "viewers.find_profile", json!({"account_id": account})).await;
    let watched = |page: &Value| page["data"][0]["position_seconds"] == 3;
    story.awaited("viewer", "viewers.list_progress", json!({"profile_id": profile["profile_id"]}), watched).await;
    let place = json!({"profile_id": profile["profile_id"], "title_id": title});
    story.done("service:playback", "viewers.get_progress", place).await;
    let others = json!({"profile_id": "prf_of_nobody", "name": "Theirs", "expected_version": 1});
    story.refused("viewer", "viewers.edit_profile", others, "profile_not_found").await;
}

async fn stop(story: &mut Recorder<'_>, playback: &Value) {
    let stop = json!({"session_id": playback["session_id"], "position_seconds": 4});
    story.done("viewer", "playback.stop", stop).await;
    let beat = json!({"session_id": playback["session_id"], "position_seconds": 5});
    story.ask("viewer", "playback.heartbeat", beat).await;
    let account = story.done("viewer", "billing.get_account", json!({})).await;
    let subscription = json!({"subscription_id": account["subscriptions"][0]["subscription_id"]});
    story.done("viewer", "billing.cancel_subscription", subscription).await;
}

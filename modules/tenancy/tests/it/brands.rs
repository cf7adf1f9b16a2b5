//! How tenants come to look as they do, and that each looks like itself.

use axum::{body::Body, http::Request};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::json;
use tessera_contract::{Contract, ContractError};
use tessera_contract_tenancy::{
    Brand, DeleteBrandPicture, GetBrand, PictureUse, PutBrand, PutBrandPicture, Tenancy, TenancyManagement,
};
use tessera_testing::{Calls, cx, on_every_engine};
use tower::ServiceExt;

use crate::world::World;

const LOGO: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 80 20\"><path d=\"M0 0h9v9z\"/></svg>";

fn editor(tenant: &str) -> Calls {
    cx(tenant).staff(&["brand:write"])
}

fn put(brand: serde_json::Value) -> PutBrand {
    serde_json::from_value(brand).unwrap()
}

async fn brand(world: &World, tenant: &str) -> Brand {
    world.brands.get_brand(&cx(tenant), GetBrand {}).await.unwrap()
}

/// Status, the header and the body of what a tenant's host answers.
async fn fetch(world: &World, tenant: &str, path: &str, header: &str) -> (u16, String, Vec<u8>) {
    let request = Request::get(path).header("host", format!("{tenant}.localhost")).body(Body::empty()).unwrap();
    let response = world.router.clone().oneshot(request).await.unwrap();
    let value = response.headers().get(header).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    let status = response.status().as_u16();
    (status, value, axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec())
}

#[tokio::test]
async fn a_brand_is_its_tenants_alone_and_its_addresses_change_with_it() {
    on_every_engine(async |engine| {
        let world = World::on(engine).await;
        let management = <dyn TenancyManagement>::guarded(world.brands.clone());
        let unset = brand(&world, "acme").await;
        assert_eq!((unset.name.as_str(), unset.version, unset.updated_at), ("Acme Cinema", 0, None));
        let colours = json!({"background": "#06141B", "text": "#eaf6f4", "accent": "#2dd4bf"});
        let set = put(
            json!({"name": "Acme+", "colours": colours, "support_email": "help@acme.example", "expected_version": 0}),
        );
        let set = management.put_brand(&editor("acme"), set).await.unwrap();
        assert_eq!(
            (set.name.as_str(), set.version, set.colours.background.to_string().as_str()),
            ("Acme+", 1, "#06141b")
        );
        assert_ne!(set.style_url, unset.style_url);
        assert_eq!(brand(&world, "acme").await, set);
        let same = put(json!({"name": "Acme+", "colours": colours, "support_email": "help@acme.example"}));
        assert_eq!(management.put_brand(&editor("acme"), same).await.unwrap(), set, "the same again is no change");
        assert_eq!(brand(&world, "globex").await.name, "Globex TV");

        let stale = put(json!({"name": "Late", "expected_version": 0}));
        assert_eq!(management.put_brand(&editor("acme"), stale).await.unwrap_err().code(), "version_conflict");
        let dim =
            put(json!({"name": "Dim", "colours": {"background": "#000000", "text": "#333333", "accent": "#ffffff"}}));
        let refused = management.put_brand(&editor("acme"), dim).await.unwrap_err();
        assert_eq!(refused.code(), "contrast_too_low");
        assert!(refused.to_string().contains("1.66:1"), "{refused}");
        let lacking = management.put_brand(&cx("acme").staff(&["catalog:write"]), put(json!({"name": "x"}))).await;
        assert_eq!(lacking.unwrap_err().code(), "forbidden");

        let (status, kept, sheet) = fetch(&world, "acme", &set.style_url, "cache-control").await;
        let sheet = String::from_utf8(sheet).unwrap();
        assert_eq!(
            (status, kept.contains("immutable"), sheet.contains("--bg: #06141b;")),
            (200, true, true),
            "{sheet}"
        );
        let (_, kept, theirs) = fetch(&world, "globex", &set.style_url, "cache-control").await;
        assert_eq!((kept.as_str(), String::from_utf8(theirs).unwrap().contains("--bg: #0a0b10;")), ("no-cache", true));
    })
    .await;
}

#[tokio::test]
async fn a_picture_is_shown_at_its_tenants_host_until_it_is_replaced() {
    on_every_engine(async |engine| {
        let world = World::on(engine).await;
        let management = <dyn TenancyManagement>::guarded(world.brands.clone());
        let logo = |svg: &str| PutBrandPicture { picture: PictureUse::Logo, data: BASE64_STANDARD.encode(svg) };
        let set = management.put_brand_picture(&editor("acme"), logo(LOGO)).await.unwrap();
        assert_eq!(set.name, "Acme Cinema", "a picture needs no brand before it");
        let picture = set.logo.unwrap();
        assert_eq!((picture.media_type.as_str(), picture.width, picture.height), ("image/svg+xml", 80, 20));
        let (status, policy, bytes) = fetch(&world, "acme", &picture.url, "content-security-policy").await;
        assert_eq!((status, bytes), (200, LOGO.as_bytes().to_vec()));
        assert!(policy.contains("sandbox") && policy.contains("default-src 'none'"), "{policy}");
        assert_eq!(fetch(&world, "globex", &picture.url, "").await.0, 404, "another tenant's picture");
        assert_eq!(fetch(&world, "platform", &picture.url, "").await.0, 404, "the platform has no pages");

        let script = logo("<svg viewBox=\"0 0 1 1\" onload=\"alert(1)\"/>");
        let refused = management.put_brand_picture(&editor("acme"), script).await.unwrap_err();
        assert_eq!(refused.code(), "picture_refused");
        assert!(refused.to_string().contains("onload"), "{refused}");
        let renamed = management.put_brand(&editor("acme"), put(json!({"name": "Acme+"}))).await.unwrap();
        assert_eq!(renamed.logo.as_ref(), Some(&picture), "pictures stay when words change");

        let other = management.put_brand_picture(&editor("acme"), logo(&LOGO.replace("80", "90"))).await.unwrap();
        assert_ne!(other.logo.unwrap().url, picture.url);
        assert_eq!(fetch(&world, "acme", &picture.url, "").await.0, 404);
        let away = DeleteBrandPicture { picture: PictureUse::Logo };
        assert_eq!(management.delete_brand_picture(&editor("acme"), away).await.unwrap().logo, None);
        assert_eq!(brand(&world, "acme").await.name, "Acme+");
    })
    .await;
}

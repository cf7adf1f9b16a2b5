//! Posters: public at their tenant's host.

use tessera_test_media::Bench;

use crate::{assets, world::World};

#[tokio::test]
async fn a_poster_is_public_at_its_tenant_s_host_alone() {
    let Some(sound) = assets::sound(&Bench::new()) else { return };
    let world = World::new().await;
    world.add("acme", "ast_1", "cbcs", &[sound]).await;
    let answer = world.get("acme", "/delivery/v1/posters/ast_1.jpg").await;
    assert_eq!((answer.status, answer.text()), (200, "a picture of ast_1"));
    assert_eq!(answer.header("content-type"), "image/jpeg");
    assert_eq!(answer.header("cache-control"), "public, max-age=86400");
    assert_eq!(answer.header("cross-origin-resource-policy"), "cross-origin");
    let tag = answer.header("etag");
    assert_eq!(
        world.send("GET", "acme", "/delivery/v1/posters/ast_1.jpg", &[("if-none-match", tag)]).await.status,
        304
    );

    for (tenant, file, code) in [
        ("globex", "ast_1.jpg", "asset_not_found"),
        ("acme", "ast_2.jpg", "asset_not_found"),
        ("acme", "ast_1.png", "not_found"),
        ("acme", ".jpg", "not_found"),
        ("nobody", "ast_1.jpg", "not_found"),
    ] {
        let answer = world.get(tenant, &format!("/delivery/v1/posters/{file}")).await;
        assert_eq!((answer.status, answer.code().as_str()), (404, code), "{file} at {tenant}");
    }
}

#[tokio::test]
async fn an_asset_without_a_poster_has_none() {
    let Some(sound) = assets::sound(&Bench::new()) else { return };
    let world = World::new().await;
    world.add("acme", "ast_1", "cbcs", &[sound]).await;
    for descriptor in world.assets.ready.lock().unwrap().values_mut() {
        descriptor.poster_blob = None;
    }
    assert_eq!(world.get("acme", "/delivery/v1/posters/ast_1.jpg").await.code(), "asset_not_found");
}

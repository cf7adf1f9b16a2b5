//! Signed URLs: what they open, and that nothing else does.

use std::time::Duration;

use tessera_runtime::config::Secret;
use tessera_test_media::Bench;

use crate::{
    assets,
    world::{World, ring},
};

async fn world() -> Option<World> {
    let sound = [assets::sound(&Bench::new())?];
    let world = World::new().await;
    world.add("acme", "ast_1", "cbcs", &sound).await;
    world.add("acme", "ast_2", "cbcs", &sound).await;
    world.add("globex", "ast_1", "cbcs", &sound).await;
    Some(world)
}

async fn refused(world: &World, tenant: &str, path: &str) {
    let answer = world.get(tenant, path).await;
    assert_eq!((answer.status, answer.code().as_str()), (403, "url_invalid"), "{path} at {tenant}");
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(answer.header("cache-control"), "no-store", "a refusal must not be kept");
    assert_eq!(answer.header("access-control-allow-origin"), "*", "a player elsewhere can read why");
}

#[tokio::test]
async fn one_changed_byte_of_a_signed_prefix_is_403() {
    let Some(world) = world().await else { return };
    let url = world.route("acme", "ast_1").await.sources[0].hls_url.clone();
    assert_eq!(world.get("acme", &url).await.status, 200);
    let prefix = "/delivery/v1/o/".len();
    let end = url.len() - "/master.m3u8".len();
    for at in (prefix..end).filter(|at| url.as_bytes()[*at] != b'/') {
        let mut changed = url.as_bytes().to_vec();
        changed[at] = if changed[at] == b'a' { b'b' } else { b'a' };
        refused(&world, "acme", &String::from_utf8(changed).unwrap()).await;
    }
}

#[tokio::test]
async fn a_prefix_opens_its_own_asset_at_its_own_tenant_s_host() {
    let Some(world) = world().await else { return };
    let url = world.route("acme", "ast_1").await.sources[0].hls_url.clone();
    refused(&world, "globex", &url).await;
    refused(&world, "acme", &url.replace("/ast_1/", "/ast_2/")).await;
    refused(&world, "acme", "/delivery/v1/o/x/ast_1/master.m3u8").await;
    assert_eq!(world.get("nobody", &url).await.code(), "not_found", "a host of no tenant");
}

#[tokio::test]
async fn a_url_holds_until_the_expiry_that_its_route_said() {
    let Some(world) = world().await else { return };
    let route = world.route("acme", "ast_1").await;
    let left = route.expires_at.since(tessera_types::Clock::now(world.clock.as_ref()));
    assert!(left >= Duration::from_secs(6 * 3600) && left <= Duration::from_secs(7 * 3600), "{left:?}");
    world.clock.advance(left - Duration::from_secs(1));
    assert_eq!(world.get("acme", &route.sources[0].dash_url).await.status, 200);
    world.clock.advance(Duration::from_secs(1));
    refused(&world, "acme", &route.sources[0].dash_url).await;
}

#[tokio::test]
async fn viewers_of_an_hour_share_a_url_and_the_next_hour_has_another() {
    let Some(world) = world().await else { return };
    world.clock.advance(Duration::from_secs(1));
    let first = world.route("acme", "ast_1").await;
    world.clock.advance(Duration::from_secs(3598));
    assert_eq!(world.route("acme", "ast_1").await, first);
    world.clock.advance(Duration::from_secs(2));
    let later = world.route("acme", "ast_1").await;
    assert_ne!(later.sources, first.sources);
    let below = |url: &str| format!("{}e1s4/a1/1.m4s", url.strip_suffix("master.m3u8").unwrap());
    let old = world.get("acme", &below(&first.sources[0].hls_url)).await;
    let new = world.get("acme", &below(&later.sources[0].hls_url)).await;
    assert_eq!((&old.bytes, old.header("etag")), (&new.bytes, new.header("etag")), "a CDN strips the prefix");
}

#[tokio::test]
async fn an_older_key_s_urls_hold_while_it_is_in_the_ring() {
    let Some(mut world) = world().await else { return };
    let url = world.route("acme", "ast_1").await.sources[0].hls_url.clone();
    let rotated = ring("2", 2).with_older("1", Secret::new([1; 32])).unwrap();
    world.another(Default::default(), rotated);
    assert_eq!(world.get("acme", &url).await.status, 200);
    assert_ne!(world.route("acme", "ast_1").await.sources[0].hls_url, url);
    world.another(Default::default(), ring("2", 2));
    refused(&world, "acme", &url).await;
}

#[tokio::test]
async fn nothing_else_stands_below_a_prefix() {
    let Some(world) = world().await else { return };
    let prefix = world.prefix("acme", "ast_1").await;
    for path in [
        "",
        "nothing",
        "e1s4/a1/0.m4s",
        "e1s4/a1/01.m4s",
        "e1s4/a1/+1.m4s",
        "e1s4/a1/99.m4s",
        "e1s4/a1/99999999999999.m4s",
        "e1s4/v999/1.m4s",
        "e0s4/a1/1.m4s",
        "e1s4/a1/init.mp4/x",
        "../ast_2/master.m3u8",
        "e1s4/a1/.m4s",
        "%2e%2e/x",
    ] {
        let answer = world.get("acme", &format!("{prefix}{path}")).await;
        assert!(matches!(answer.status, 403 | 404), "{path}: {}", answer.status);
    }
}

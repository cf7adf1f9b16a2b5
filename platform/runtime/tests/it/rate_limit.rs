//! How often one client may ask.

use std::{net::IpAddr, time::Duration};

use tessera_runtime::{
    config::Quota,
    edge::rate_limit::{RateLimiter, client_network},
};

use crate::world::{ACME, GLOBEX, World, get, later, post};

const fn quota(requests: u32, seconds: u64) -> Quota {
    Quota { requests, window: Duration::from_secs(seconds) }
}

#[tokio::test(start_paused = true)]
async fn a_bucket_empties_and_fills_again_evenly() {
    let limiter = RateLimiter::new("test", quota(4, 60), 10);
    let left: Vec<u32> = (0..4).map(|_| limiter.take("a").remaining).collect();
    assert_eq!(left, [3, 2, 1, 0]);
    assert_eq!(limiter.take("a").retry_after, Some(Duration::from_secs(15)));
    assert_eq!(limiter.take("b").remaining, 3, "another key has its own");
    tokio::time::advance(Duration::from_secs(15)).await;
    assert_eq!(limiter.take("a").retry_after, None);
    assert_eq!(limiter.take("a").retry_after, Some(Duration::from_secs(15)));
    tokio::time::advance(Duration::from_secs(600)).await;
    assert_eq!(limiter.take("a").remaining, 3, "it never holds more than the quota");
}

#[tokio::test(start_paused = true)]
async fn memory_is_bounded_and_full_buckets_make_room() {
    let limiter = RateLimiter::new("test", quota(2, 60), 100);
    for key in 0..100 {
        assert_eq!(limiter.take(key).retry_after, None);
    }
    // All the room is taken by clients who asked just now: newcomers share a bucket of two.
    let shared: Vec<bool> = (100..104).map(|key| limiter.take(key).retry_after.is_none()).collect();
    assert_eq!(shared, [true, true, false, false]);
    assert_eq!(limiter.take(5).retry_after, None, "those who are known keep theirs");
    tokio::time::advance(Duration::from_secs(61)).await;
    assert_eq!(limiter.take(200).remaining, 1, "full buckets were forgotten");
}

#[test]
fn an_ipv6_subscriber_is_one_client() {
    let network = |text: &str| client_network(text.parse::<IpAddr>().unwrap()).to_string();
    assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
    assert_eq!(network("192.0.2.1"), "192.0.2.1");
    assert_eq!(network("::ffff:192.0.2.1"), "192.0.2.1");
}

#[tokio::test]
async fn too_many_requests_of_one_address_are_told_when_to_come_back() {
    let world = World::with(|config| config.rate_limits.address = quota(3, 60)).await;
    let first = world.send(get(ACME)).await;
    assert_eq!(first.header("ratelimit-policy"), "\"address\";q=3;w=60");
    assert_eq!(first.header("ratelimit"), "\"address\";r=2;t=20");
    world.send(get(ACME)).await.is("acme", "anonymous");
    world.send(get(ACME)).await.is("acme", "anonymous");
    let refused = world.send(get(ACME)).await;
    refused.refused(429, "rate_limited");
    assert_eq!((refused.header("retry-after"), refused.header("ratelimit")), ("20", "\"address\";r=0;t=20"));
    world.send(get(ACME).peer("203.0.113.10")).await.is("acme", "anonymous");
    later(Duration::from_secs(20)).await;
    world.send(get(ACME)).await.is("acme", "anonymous");
}

#[tokio::test]
async fn what_invites_guessing_is_limited_harder_and_a_forged_address_does_not_help() {
    let world = World::with(|config| config.rate_limits.sensitive = quota(2, 60)).await;
    for nth in 0..2 {
        world.send(post(ACME).header("x-forwarded-for", &format!("192.0.2.{nth}"))).await.is("acme", "anonymous");
    }
    let refused = world.send(post(ACME).header("x-forwarded-for", "192.0.2.9")).await;
    refused.refused(429, "rate_limited");
    assert!(refused.header("ratelimit-policy").contains("\"sensitive\";q=2;w=60"));
    world.send(get(ACME)).await.is("acme", "anonymous");
}

#[tokio::test]
async fn a_caller_has_one_quota_from_every_address_and_its_own_at_every_tenant() {
    let world = World::with(|config| config.rate_limits.caller = quota(2, 60)).await;
    for nth in 0..2 {
        let call = get(ACME).bearer("sk_live_acme").peer(&format!("203.0.113.{nth}"));
        world.send(call).await.is("acme", "staff:key_1");
    }
    world.send(get(ACME).bearer("sk_live_acme").peer("203.0.113.77")).await.refused(429, "rate_limited");
    world.send(get(GLOBEX).bearer("sk_test_globex")).await.is("globex", "staff:key_1");
    for _ in 0..5 {
        world.send(get(ACME)).await.is("acme", "anonymous");
    }
}

#[tokio::test]
async fn the_deployments_own_networks_can_be_exempt() {
    let world = World::with(|config| {
        config.rate_limits.address = quota(1, 60);
        config.rate_limits.exempt = vec!["10.0.0.0/8".parse().unwrap()];
    })
    .await;
    for _ in 0..5 {
        assert_eq!(world.send(get(ACME).peer("10.1.2.3")).await.status, 200);
    }
}

//! What proxies say, and what strangers say in their name.

use tessera_runtime::config::{ForwardedBy, ServerConfig};

use crate::world::{ACME, World, get};

const PROXY: &str = "10.0.0.7";

fn behind_a_proxy(config: &mut ServerConfig) {
    config.trusted_proxies = vec!["10.0.0.0/24".parse().unwrap(), "2001:db8:1::/48".parse().unwrap()];
    config.territory_header = Some("X-Country".into());
}

#[tokio::test]
async fn a_strangers_forwarded_headers_count_for_nothing() {
    let world = World::with(behind_a_proxy).await;
    let lies = get(ACME)
        .peer("198.51.100.1")
        .header("x-forwarded-for", "192.0.2.1")
        .header("x-forwarded-host", "globex.localhost")
        .header("x-forwarded-proto", "https")
        .header("forwarded", "for=192.0.2.1;host=globex.localhost;proto=https")
        .header("x-country", "US");
    let answer = world.send(lies).await;
    answer.is("acme", "anonymous");
    assert_eq!((&answer.json["client"], &answer.json["https"]), (&"198.51.100.1".into(), &false.into()));
    assert!(answer.json["territory"].is_null());
}

#[tokio::test]
async fn a_trusted_proxys_word_counts_up_to_the_first_stranger() {
    let world = World::with(behind_a_proxy).await;
    let cases = [
        ("192.0.2.1", "192.0.2.1"),
        ("6.6.6.6, 192.0.2.1", "192.0.2.1"),
        ("6.6.6.6, 192.0.2.1, 10.0.0.8", "192.0.2.1"),
        ("192.0.2.1:4711", "192.0.2.1"),
        ("[2001:db8:2::1]:4711", "2001:db8:2::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("6.6.6.6, nonsense", PROXY),
        ("10.0.0.9", "10.0.0.9"),
    ];
    for (said, client) in cases {
        let answer = world.send(get(ACME).peer(PROXY).header("x-forwarded-for", said)).await;
        assert_eq!(answer.json["client"], client, "x-forwarded-for: {said}");
    }
    let two_lines = get(ACME).peer(PROXY).header("x-forwarded-for", "6.6.6.6").header("x-forwarded-for", "192.0.2.1");
    assert_eq!(world.send(two_lines).await.json["client"], "192.0.2.1");
}

#[tokio::test]
async fn a_trusted_proxy_names_host_scheme_and_country() {
    let world = World::with(behind_a_proxy).await;
    let call = || get("upstream.internal").peer(PROXY).header("x-forwarded-host", "globex.localhost");
    let answer = world.send(call().header("x-forwarded-proto", "https").header("x-country", "fr")).await;
    assert_eq!(answer.is("globex", "anonymous").json["https"], true);
    assert_eq!(answer.json["territory"], "FR");
    let unknown = world.send(call().header("x-country", "XX1")).await;
    assert_eq!(unknown.json["territory"], "DE", "the tenant's own, when the proxy does not know");
    let twice = world.send(call().header("x-country", "FR").header("x-country", "US")).await;
    assert_eq!(twice.json["territory"], "DE", "two countries are none");
}

#[tokio::test]
async fn only_the_configured_family_of_headers_is_read() {
    let world = World::with(|config| {
        behind_a_proxy(config);
        config.forwarded_by = ForwardedBy::Forwarded;
    })
    .await;
    let call = get(ACME)
        .peer(PROXY)
        .header("x-forwarded-for", "6.6.6.6")
        .header("x-forwarded-host", "acme.localhost")
        .header("forwarded", "for=6.6.6.6, for=\"[2001:db8:2::1]:4711\";host=globex.localhost;proto=https");
    let answer = world.send(call).await;
    assert_eq!(answer.is("globex", "anonymous").json["client"], "2001:db8:2::1");
    assert_eq!(answer.json["https"], true);
}

#[tokio::test]
async fn territory_falls_back_from_tenant_to_deployment_to_unknown() {
    let world = World::with(|config| config.default_territory = Some("AT".parse().unwrap())).await;
    assert_eq!(world.send(get(ACME)).await.json["territory"], "AT");
    assert_eq!(world.send(get("globex.localhost")).await.json["territory"], "DE");
}

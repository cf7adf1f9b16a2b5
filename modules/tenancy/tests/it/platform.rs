//! Who may look after tenants, and what comes of it.

use tessera_contract::{Contract, ContractError};
use tessera_contract_tenancy::{
    AddHost, CreateTenant, CreateTenantKey, GetTenant, ListTenants, RemoveHost, ResumeTenant, SuspendTenant,
    TenancyPlatform, TenantKind, TenantState,
};
use tessera_testing::{cx, on_every_engine};

use crate::world::{World, id, operator};

fn initech() -> CreateTenant {
    CreateTenant {
        tenant_id: id("initech"),
        name: "Initech+".into(),
        kind: TenantKind::Live,
        default_locale: "de".parse().unwrap(),
        default_territory: Some("AT".parse().unwrap()),
        hosts: vec!["watch.initech.example".into()],
    }
}

#[test]
fn every_operation_is_for_the_platform_alone() {
    let anything = &["*"];
    for operation in <dyn TenancyPlatform>::INFO.operations {
        for stranger in [
            cx("acme").staff(anything),
            cx("acme").service("tenancy"),
            cx("platform").service("tenancy"),
            cx("platform").viewer("acc_1"),
            cx("platform").staff(&["catalog:write"]),
            cx("platform").anonymous(),
        ] {
            assert!(operation.authorize(&stranger).is_err(), "{} for {:?}", operation.name, stranger.caller);
        }
        assert!(operation.authorize(&cx("platform").staff(anything)).is_ok(), "{}", operation.name);
    }
}

#[tokio::test]
async fn making_the_same_tenant_again_is_fine_and_another_of_its_name_is_not() {
    on_every_engine(async |engine| {
        let world = World::on(engine).await;
        let made = world.guarded.create_tenant(&operator(), initech()).await.unwrap();
        assert_eq!((made.url.as_str(), made.state), ("http://initech.localhost:8080", TenantState::Active));
        assert_eq!(world.guarded.create_tenant(&operator(), initech()).await.unwrap(), made);
        for (what, other) in [
            ("name", CreateTenant { name: "Other".into(), ..initech() }),
            ("kind", CreateTenant { kind: TenantKind::Test, ..initech() }),
            ("default_territory", CreateTenant { default_territory: None, ..initech() }),
            ("hosts", CreateTenant { hosts: vec!["more.initech.example".into()], ..initech() }),
        ] {
            let refused = world.guarded.create_tenant(&operator(), other).await.unwrap_err();
            assert_eq!(refused.code(), "tenant_taken");
            assert!(refused.to_string().contains(what), "{refused}");
        }
        let platform = CreateTenant { tenant_id: id("platform"), ..initech() };
        assert_eq!(world.guarded.create_tenant(&operator(), platform).await.unwrap_err().code(), "tenant_taken");
        let page = ListTenants { limit: Some(2), cursor: None };
        let first = world.guarded.list_tenants(&operator(), page).await.unwrap();
        let rest = ListTenants { limit: None, cursor: first.next_cursor.clone() };
        let rest = world.guarded.list_tenants(&operator(), rest).await.unwrap();
        let names: Vec<&str> = first.data.iter().chain(&rest.data).map(|tenant| tenant.tenant_id.as_str()).collect();
        assert_eq!(
            (names, rest.next_cursor),
            (vec!["acme", "globex", "initech"], None),
            "the platform is none of them"
        );
    })
    .await;
}

#[tokio::test]
async fn a_host_is_a_tenants_own_and_no_other_tenants_name() {
    on_every_engine(async |engine| {
        let world = World::on(engine).await;
        let add = async |host: &str| {
            world.guarded.add_host(&operator(), AddHost { tenant_id: id("acme"), host: host.into() }).await
        };
        let added = add("TV.acme.example").await.unwrap();
        assert_eq!(added.hosts, ["tv.acme.example", "watch.acme.example"]);
        assert_eq!(add("watch.globex.example").await.unwrap_err().code(), "host_taken");
        for wrong in [
            "globex.localhost",
            "platform.localhost",
            "globex.tv.example",
            "tv.example",
            "localhost",
            "a b",
            "http://x.example",
        ] {
            assert_eq!(add(wrong).await.unwrap_err().code(), "invalid_request", "{wrong}");
        }
        let gone = RemoveHost { tenant_id: id("acme"), host: "tv.acme.example".into() };
        assert_eq!(world.guarded.remove_host(&operator(), gone).await.unwrap().hosts, ["watch.acme.example"]);
        let theirs = RemoveHost { tenant_id: id("acme"), host: "watch.globex.example".into() };
        world.guarded.remove_host(&operator(), theirs).await.unwrap();
        let globex = world.guarded.get_tenant(&operator(), GetTenant { tenant_id: id("globex") }).await.unwrap();
        assert_eq!(globex.hosts, ["watch.globex.example"]);
    })
    .await;
}

#[tokio::test]
async fn a_tenant_is_suspended_with_a_reason_and_comes_back_without() {
    on_every_engine(async |engine| {
        let world = World::on(engine).await;
        let suspend = |tenant: &str, reason: &str| SuspendTenant { tenant_id: id(tenant), reason: reason.into() };
        let suspended = world.guarded.suspend_tenant(&operator(), suspend("acme", "unpaid since May")).await.unwrap();
        assert_eq!(
            (suspended.state, suspended.suspended_because.as_deref()),
            (TenantState::Suspended, Some("unpaid since May"))
        );
        assert_eq!(
            world.guarded.suspend_tenant(&operator(), suspend("acme", "")).await.unwrap_err().code(),
            "invalid_request"
        );
        let other = world.guarded.get_tenant(&operator(), GetTenant { tenant_id: id("globex") }).await.unwrap();
        assert_eq!(other.state, TenantState::Active);
        let resumed = world.guarded.resume_tenant(&operator(), ResumeTenant { tenant_id: id("acme") }).await.unwrap();
        assert_eq!((resumed.state, resumed.suspended_because), (TenantState::Active, None));
        for unknown in ["nobody", "platform"] {
            let refused = world.guarded.suspend_tenant(&operator(), suspend(unknown, "x")).await.unwrap_err();
            assert!(["tenant_not_found", "tenant_taken"].contains(&refused.code()), "{unknown}: {refused}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_first_key_is_not_lost_to_a_retry_and_opens_its_tenant_alone() {
    on_every_engine(async |engine| {
        let world = World::on(engine).await;
        let ask =
            |tenant: &str| CreateTenantKey { tenant_id: id(tenant), name: "first".into(), scopes: vec!["*".into()] };
        let first = world.guarded.create_tenant_key(&operator().key("k1"), ask("acme")).await.unwrap();
        assert!(first.secret.expose().starts_with("sk_test_"));
        let again = world.guarded.create_tenant_key(&operator().key("k1"), ask("acme")).await.unwrap();
        assert_eq!(again, first, "the answer to a retry has the same secret");
        let other = world.guarded.create_tenant_key(&operator().key("k1"), ask("globex")).await.unwrap();
        assert_ne!(other.secret, first.secret);
        let unknown = world.guarded.create_tenant_key(&operator().key("k2"), ask("nobody")).await.unwrap_err();
        assert_eq!(unknown.code(), "tenant_not_found");
        let odd = CreateTenantKey { scopes: vec!["everything".into()], ..ask("acme") };
        assert_eq!(
            world.guarded.create_tenant_key(&operator().key("k3"), odd).await.unwrap_err().code(),
            "invalid_request"
        );
        let none = world.guarded.create_tenant_key(&operator(), ask("acme")).await.unwrap_err();
        assert_eq!(none.code(), "idempotency_key_required");
    })
    .await;
}

//! What leaves with a tenant, and that nothing else does.

use axum::{body::Body, http::Request};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tessera_contract::{Contract, ContractError};
use tessera_contract_tenancy::{CreateTenantKey, ExportState, GetExport, PutBrand, RequestExport, TenancyManagement};
use tessera_testing::{cx, eventually, on_every_engine};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::world::{PLATFORM_KEY, World, id, operator};

/// A brand of each, named for whose it is.
async fn furnish(world: &World, tenant: &str) {
    let management = <dyn TenancyManagement>::guarded(world.brands.clone());
    let brand = PutBrand {
        name: format!("Brand of {tenant}"),
        colours: None,
        support_email: None,
        terms_url: None,
        privacy_url: None,
        expected_version: None,
    };
    management.put_brand(&cx(tenant).staff(&["brand:write"]), brand).await.unwrap();
}

async fn fetch(world: &World, host: &str, path: &str, key: &str) -> (u16, Vec<u8>) {
    let request = Request::get(path).header("host", host).header("authorization", format!("Bearer {key}"));
    let response = world.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    (response.status().as_u16(), axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec())
}

#[tokio::test]
async fn an_export_is_whole_and_one_tenants_alone() {
    on_every_engine(async |engine| {
        let world = World::on(engine).await;
        furnish(&world, "acme").await;
        furnish(&world, "globex").await;
        let shutdown = CancellationToken::new();
        let work = tokio::spawn(world.platform.clone().work(shutdown.clone()));
        let ask = RequestExport { tenant_id: id("acme") };
        let asked = world.guarded.request_export(&operator().key("x1"), ask.clone()).await.unwrap();
        let again = world.guarded.request_export(&operator().key("x1"), ask).await.unwrap();
        assert_eq!(again.export_id, asked.export_id, "a retry asks for no second one");
        let look = GetExport { tenant_id: id("acme"), export_id: asked.export_id.clone() };
        let ready = eventually("the export to be ready", || async {
            let export = world.guarded.get_export(&operator(), look.clone()).await.unwrap();
            (export.state == ExportState::Ready).then_some(export)
        })
        .await;
        let elsewhere = GetExport { tenant_id: id("globex"), ..look };
        assert_eq!(world.guarded.get_export(&operator(), elsewhere).await.unwrap_err().code(), "export_not_found");

        let path = ready.file_url.unwrap();
        let operators = CreateTenantKey { tenant_id: id("acme"), name: "staff".into(), scopes: vec!["*".into()] };
        let staff = world.guarded.create_tenant_key(&operator().key("x2"), operators).await.unwrap().secret;
        for (host, key) in [
            ("acme.localhost", staff.expose().as_str()),
            ("platform.localhost", staff.expose()),
            ("platform.localhost", "none"),
        ] {
            let (status, _) = fetch(&world, host, &path, key).await;
            assert!([401, 403].contains(&status), "{host}: {status}");
        }
        let (status, file) = fetch(&world, "platform.localhost", &path, PLATFORM_KEY).await;
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&file));
        assert_eq!(i64::try_from(file.len()).unwrap(), ready.bytes.unwrap());
        check(&file, ready.rows.unwrap());
        shutdown.cancel();
        work.await.unwrap();
    })
    .await;
}

fn check(file: &[u8], rows: i64) {
    let text = std::str::from_utf8(file).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (head, tail) = (&lines[0], lines.last().unwrap());
    assert_eq!((&head["tessera_export"], &head["tenant"]), (&Value::from(1), &Value::from("acme")));
    assert!(head["withheld"]["tenancy.exports"].is_string(), "{head}");
    let before = text.trim_end().rfind('\n').unwrap() + 1;
    let digest: String = Sha256::digest(&file[..before]).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!((&tail["end"], &tail["sha256"]), (&Value::from(true), &Value::from(digest)));
    let of =
        |table: &str| lines.iter().filter(|line| line["table"] == table).map(|line| &line["row"]).collect::<Vec<_>>();
    assert_eq!(lines.iter().filter(|line| line["table"].is_string()).count(), usize::try_from(rows).unwrap());
    assert_eq!(of("platform.tenants")[0]["hosts"][0], "watch.acme.example");
    assert_eq!(of("tenancy.brands")[0]["brand"]["name"], "Brand of acme", "JSON leaves as the value it is");
    assert!(!text.contains("globex"), "nothing of the other tenant");
}

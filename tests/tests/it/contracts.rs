//! The conformance check and the reference, as an operator uses them.

use serde_json::Value;
use tessera_contracts::ALL;
use tessera_tests::{Demo, module_version, run};

#[tokio::test(flavor = "multi_thread")]
async fn the_running_entitlement_passes_the_check_from_outside() {
    let demo = Demo::start();
    assert!(run(demo.folder(), &["tenant", "create", "rival", "--test", "--data", "data"]).status.success());
    // The server learns of the rival's host by itself; signed calls need no host.
    let url = format!("http://127.0.0.1:{}/entitlement", demo.site.port());
    let check = ["contract", "check", "entitlement", "--url", &url, "--data", "data", "--tenants", "demo,rival"];
    let output = run(demo.folder(), &check);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("a_revocation_is_seen_at_once") && !said.contains("FAIL"), "{said}");
    let output = run(demo.folder(), &[&check[..], &["--protocol", "grpc"]].concat());
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));

    let wrong = format!("http://127.0.0.1:{}/catalog", demo.site.port());
    let output = run(
        demo.folder(),
        &["contract", "check", "entitlement", "--url", &wrong, "--data", "data", "--tenants", "demo,rival"],
    );
    assert_eq!(output.status.code(), Some(2), "an address that is no entitlement does not conform");
    let nowhere = "http://127.0.0.1:1/entitlement";
    let output = run(
        demo.folder(),
        &["contract", "check", "entitlement", "--url", nowhere, "--data", "data", "--tenants", "demo,rival"],
    );
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("nothing listens at this address and port"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reference_serves_every_frozen_document() {
    let demo = Demo::start();
    let page = demo.site.visitor().get("/docs").await;
    let page = if page.status.is_redirection() { demo.site.visitor().visit("/docs").await.1 } else { page };
    assert!(page.status.is_success() && page.text().contains("<html"), "{}", page.text());
    for entry in ALL {
        let served = demo.site.visitor().get(&format!("/docs/{}.json", entry.info.name)).await.ok();
        let frozen = tessera_tests::project().join(format!("contracts/{}/v1/{}", entry.module, entry.file_name()));
        let frozen: Value = serde_json::from_slice(&std::fs::read(frozen).unwrap()).unwrap();
        assert!(served == frozen, "{} differs from what is frozen: cargo xtask contracts check", entry.info.name);
    }
    let printed = run(demo.folder(), &["openapi", "catalog"]);
    let printed: Value = serde_json::from_slice(&printed.stdout).unwrap();
    assert_eq!(printed["info"]["title"], "Tessera catalog");
    let table = String::from_utf8_lossy(&run(demo.folder(), &["openapi"]).stdout).into_owned();
    assert!(table.contains("acquire_lease"), "{table}");
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_and_metrics_answer() {
    let demo = Demo::start();
    assert_eq!(demo.site.visitor().get("/healthz").await.status, 200);
    assert_eq!(demo.site.visitor().get("/readyz").await.status, 200);
    demo.site.visitor().get("/catalog/v1/titles").await.ok();
    // For the operator at this machine alone: a tenant's host does not show them.
    let metrics = demo.site.visitor().get(&format!("http://localhost:{}/metrics", demo.site.port())).await.text();
    demo.site.visitor().get("/metrics").await.refused(404, "not_found");
    assert!(
        metrics.contains("tessera_operation_seconds") && metrics.contains("operation=\"list_titles\""),
        "{metrics}"
    );
    demo.site.visitor().get("/catalog/v1/nothing").await.refused(404, "not_found");
    let told = String::from_utf8_lossy(&run(demo.folder(), &["--version"]).stdout).into_owned();
    for folder in std::fs::read_dir(tessera_tests::project().join("modules")).unwrap() {
        let module = folder.unwrap().file_name().into_string().unwrap();
        let version = module_version(&module);
        assert!(told.contains(&format!("\n{module} {version}\n")), "{module} {version}: {told}");
        let figure = format!("tessera_module_info{{module=\"{module}\",version=\"{version}\"}} 1");
        assert!(metrics.contains(&figure), "{figure}: {metrics}");
    }
}

//! The worst moment: a process that is killed loses nothing that it acknowledged.

use serde_json::json;
use tessera_testing::eventually;
use tessera_tests::Demo;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_paid_for_survives_a_kill_right_after_the_answer() {
    let mut demo = Demo::start();
    let mut viewer = demo.site.browser();
    let (email, password) = ("alice@viewer.example", "correct horse battery");
    viewer.sign_up(email, password).await;
    let offers = viewer.get("/billing/v1/offers?plan=basic").await.ok();
    let card =
        json!({"card_number": "4242424242424242", "expiry_month": 1, "expiry_year": 2040, "security_code": "123"});
    let token = viewer.post("/payment-gateway/v1/tokens", card).await.ok();
    let checkout = json!({"offer_id": offers["data"][0]["offer_id"], "payment_token": token["payment_token"]});
    let bought = viewer.post_once("/billing/v1/checkouts", "the-intent", checkout.clone()).await.ok();
    demo.process.signal("KILL");
    demo.process.wait();

    let title = demo.title("Seahorse Valley");
    let demo = demo.restart();
    let mut viewer = demo.site.browser();
    viewer.sign_in(email, password).await;
    let again = viewer.post_once("/billing/v1/checkouts", "the-intent", checkout).await.ok();
    assert_eq!(again["checkout_id"], bought["checkout_id"], "the key still has its one effect");
    eventually("the grant to arrive", || async {
        let start = json!({"title_id": title, "device_id": "laptop"});
        viewer.post("/playback/v1/sessions", start).await.status.is_success().then_some(())
    })
    .await;
    let ledger = demo.site.with_token(demo.fact("staff_key")).get("/billing/v1/management/ledger").await.ok();
    assert_eq!(ledger["data"].as_array().map(Vec::len), Some(1), "{ledger}");
}

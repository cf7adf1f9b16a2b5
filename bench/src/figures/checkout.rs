//! Checkouts over HTTP: charged, booked, durable.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use tessera_contract::{Caller, Cx};
use tessera_tests::Site;
use tessera_types::{Clock, SystemClock};

use crate::{
    figure::{Better, Figure},
    load::{Outcome, Pace, Request, load, post},
    server::Server,
    world::World,
};

const RATE: f64 = 500.0;

/// Checkouts at the wanted rate and as many as it takes, each of an account of its own.
pub(crate) async fn checkout(world: &World, server: &Server, length: Duration) -> Vec<Figure> {
    let request = checkouts(world, server).await;
    let go = async |pace, connections, length| -> Outcome {
        load(server.address, pace, connections, length, request.clone()).await.whole("checkout")
    };
    go(Pace::Open(RATE / 4.0), 32, length / 4).await; // warm
    let due = go(Pace::Open(RATE), 64, length).await;
    let most = go(Pace::Closed, 32, length).await;
    vec![
        Figure::against("checkout through the ledger, durable: rate", due.rate, "1/s", Better::Higher, RATE * 0.99).by(
            format!("open loop at {RATE}/s, an account each, sandbox gateway; p99 {:.1} ms", due.milliseconds(99.0)),
        ),
        Figure::against("checkout through the ledger, durable: most", most.rate, "1/s", Better::Higher, RATE)
            .by(format!("closed loop, 32 connections; p50 {:.1} ms", most.milliseconds(50.0))),
    ]
}

async fn checkouts(world: &World, server: &Server) -> Request {
    let visitor = Site::new("demo", server.address.port()).visitor();
    let offers = visitor.get("/billing/v1/offers?plan=basic").await.ok();
    let card =
        json!({"card_number": "4242424242424242", "expiry_month": 12, "expiry_year": 2039, "security_code": "123"});
    let token = visitor.post("/payment-gateway/v1/tokens", card).await.ok()["payment_token"].clone();
    let body = json!({"offer_id": offers["data"][0]["offer_id"], "payment_token": token}).to_string();
    let (host, signer, tenant) = (world.host(server), world.signer.clone(), world.tenant());
    let run = rand::random::<u32>();
    Arc::new(move |number| {
        let account = format!("acc_bench{run:08x}{}{number}", rand::random::<u32>()).parse().expect("an id");
        let caller = Caller::Viewer { account, profile: None };
        let cx = Cx::new(tenant.clone(), caller, SystemClock.now());
        let cx = cx.with_idempotency_key(format!("{:032x}", rand::random::<u128>()));
        let token = signer.sign(&cx, "billing").expect("a context can be signed");
        post(&host, "/billing/v1/checkouts", &format!("{}: {token}\r\n", tessera_contract::CX_HEADER), &body)
    })
}

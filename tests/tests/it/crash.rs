//! Every named point, killed at once and come back from; and kills that nobody named.
//!
//! `docs/faults.md` says what a point is and how to replay one.

use std::collections::BTreeSet;

use tessera_tests::crash::{Kill, Step, Storm, World, audit, operations, points, storm};

/// The points that these steps lead to: first each step without a kill, for what it passes; then each point.
async fn kill_at_each_point_of(steps: &[Step]) {
    let world = World::make().await;
    for step in steps {
        step.run(&world, None).await;
    }
    let listed: BTreeSet<String> = points().iter().map(|kill| kill.name().to_owned()).collect();
    let new: Vec<String> = world.traced().difference(&listed).cloned().collect();
    assert_eq!(new, [""; 0], "points that tests/crash-points.txt lacks: add each with the step that leads to it");

    let mine: Vec<Kill> = points().into_iter().filter(|kill| steps.contains(&kill.step)).collect();
    for (number, kill) in mine.iter().enumerate() {
        eprintln!("{} of {}: {kill}", number + 1, mine.len());
        kill.carry_out(&world).await;
    }
    eprintln!("{}", audit(&world).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_pays_keeps_what_they_paid_for_whichever_point_the_server_dies_at() {
    kill_at_each_point_of(&[
        Step::SignUp,
        Step::Rename,
        Step::Buy,
        Step::BuyDeclined,
        Step::BuyAnswerLost,
        Step::BuyRequestLost,
        Step::BuySlow,
        Step::Renew,
        Step::Cancel,
        Step::Sell,
        Step::Grant,
        Step::Tenant,
        Step::Tenants,
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_uploaded_becomes_a_film_that_plays_whichever_point_the_server_dies_at() {
    kill_at_each_point_of(&[
        Step::Keys,
        Step::Dress,
        Step::ResolveKey,
        Step::UploadInVain,
        Step::Ingest,
        Step::Title,
        Step::Premiere,
        Step::Play,
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_film_in_the_making_is_made_once_whichever_point_the_server_dies_at() {
    kill_at_each_point_of(&[Step::IngestInParts, Step::Pull, Step::Steer, Step::Subtitle]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_told_by_webhook_hears_of_it_whichever_point_the_server_dies_at() {
    kill_at_each_point_of(&[Step::Webhooks]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_kills_at_random_moments_lose_nothing() {
    let world = World::make().await;
    let seed = 20_261_120;
    eprintln!("to replay: make soak KILLS=10 SEED={seed}");
    let done = storm(&world, Storm { seed, kills: 10 }).await;
    eprintln!("{done} steps, {} deaths: {}", world.deaths(), audit(&world).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn three_replicas_of_every_module_killed_at_random_on_a_database_and_a_broker_that_restart_do_everything_once() {
    let world = World::replicated().await;
    let seed = 20_261_123;
    eprintln!("to replay: make soak KILLS=12 SEED={seed}");
    let done = storm(&world, Storm { seed, kills: 12 }).await;
    eprintln!("{done} steps, {} deaths: {}", world.deaths(), audit(&world).await);
}

#[test]
fn every_operation_that_leaves_something_behind_is_among_the_points() {
    let listed: BTreeSet<String> = points().iter().map(|kill| kill.name().to_owned()).collect();
    let missing: Vec<String> = operations().difference(&listed).cloned().collect();
    assert_eq!(missing, [""; 0], "operations that no step of the crash tests calls: see docs/faults.md");
}

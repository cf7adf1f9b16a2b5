//! One wish to stop, and who is still at work.

use std::time::Duration;

use tessera_runtime::shutdown::Shutdown;
use tokio::sync::oneshot;

#[tokio::test(start_paused = true)]
async fn tasks_that_end_are_waited_for_and_the_rest_is_named() {
    let shutdown = Shutdown::new();
    let watching = shutdown.clone();
    shutdown.spawn("relay", async move { watching.requested().await });
    let (_held, never) = oneshot::channel::<()>();
    shutdown.spawn("stuck", async move { drop(never.await) });
    assert!(!shutdown.is_requested());
    shutdown.request();
    shutdown.request();
    let summary = shutdown.drain(Duration::from_secs(20)).await;
    assert_eq!(summary.abandoned, ["stuck"]);
    assert_eq!(summary.to_string(), "gave up after 20.0 s on: stuck");
}

#[tokio::test(start_paused = true)]
async fn a_panicking_task_is_not_waited_for() {
    let shutdown = Shutdown::new();
    shutdown.spawn("broken", async { panic!("on purpose") });
    shutdown.request();
    let summary = shutdown.drain(Duration::from_secs(20)).await;
    assert!(summary.abandoned.is_empty() && summary.took < Duration::from_secs(1), "{summary}");
    assert_eq!(summary.to_string(), "stopped cleanly after 0.0 s");
}

//! Waiting for a condition instead of sleeping.

use std::time::Duration;

use tokio::time::Instant;

/// Asks `probe` again and again until it gives something, and gives that. Panics with `what` after ten seconds.
pub async fn eventually<T, F>(what: &str, probe: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    within(Duration::from_secs(10), what, probe).await
}

/// The same with another limit: for what is promised to come within it.
pub async fn within<T, F>(limit: Duration, what: &str, mut probe: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let deadline = Instant::now() + limit;
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(found) = probe().await {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {limit:?} in vain for {what}");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

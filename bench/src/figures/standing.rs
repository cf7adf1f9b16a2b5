//! What the server is when nobody asks anything of it: size, memory, and how soon it is there.

use std::{fs, process::Command, time::Duration};

use crate::{
    figure::{Better, Figure},
    server::{Server, binary},
    world::World,
};

/// Size of the binary without symbols.
pub(crate) fn binary_size() -> Figure {
    let stripped = std::env::temp_dir().join(format!("tessera-stripped-{}", std::process::id()));
    let done = Command::new("strip").arg("-o").arg(&stripped).arg(binary()).status();
    assert!(done.is_ok_and(|status| status.success()), "binutils' strip runs");
    let megabytes = fs::metadata(&stripped).expect("strip has written it").len() as f64 / 1e6;
    let _ = fs::remove_file(&stripped);
    Figure::against("stripped release binary", megabytes, "MB", Better::Lower, 60.0)
        .by("`strip`, the viewer app within")
}

/// Time to be ready, and memory when idle, with what is stored in the world.
pub(crate) async fn ready_and_idle(world: &World, stored: &str) -> Vec<Figure> {
    let mut times = Vec::new();
    let mut resident = 0.0;
    for _ in 0..5 {
        let server = Server::tessera(&world.data, &["serve"]).await;
        times.push(server.ready_after.as_secs_f64());
        // Whatever runs at start has run by then; an operator looks at a server that stands, not at one that starts.
        tokio::time::sleep(Duration::from_secs(3)).await;
        resident = server.resident();
        server.stop().await;
    }
    times.sort_by(f64::total_cmp);
    vec![
        Figure::against("ready to serve after process start", times[2], "s", Better::Lower, 1.0)
            .by(format!("process start to 200 of /readyz, {stored}; median of 5")),
        Figure::against("idle resident memory", resident, "MB", Better::Lower, 150.0)
            .by(format!("VmRSS 3 s after it was ready, {stored}")),
    ]
}

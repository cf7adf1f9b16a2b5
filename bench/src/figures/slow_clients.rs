//! What clients cost that ask for much and take little.

use std::time::Duration;

use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

use crate::{
    figure::{Better, Figure},
    figures::segments::largest,
    load::get,
    server::Server,
    world::{Viewer, World},
};

const CLIENTS: usize = 10_000;
/// Of a client's own buffer, so that bytes wait at the server.
const BUFFER: u32 = 4096;

/// The server's memory while so many clients each have an encrypted segment, or a whole track, under way and read a little of
/// it each second.
pub(crate) async fn slow_clients(world: &World, server: &Server, viewers: &[Viewer]) -> Figure {
    let host = world.host(server);
    let segments = largest(world, server, viewers).await;
    let whole = segments.iter().map(|(path, _)| format!("{}/track.mp4", path.rsplit_once('/').map_or("", |(f, _)| f)));
    let paths: Vec<String> = segments.iter().map(|(path, _)| path.clone()).chain(whole).collect();
    let before = server.resident();
    let mut clients = Vec::with_capacity(CLIENTS);
    for number in 0..CLIENTS {
        clients.push(begin(server, get(&host, &paths[number % paths.len()])).await);
    }
    let mut most: f64 = 0.0;
    for _ in 0..30 {
        for client in &clients {
            let mut some = [0; 1024];
            let _ = client.try_read(&mut some); // nothing yet, or the end
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        most = most.max(server.resident() - before);
    }
    Figure::against("memory for 10,000 slow clients of the origin", most, "MB", Better::Lower, 500.0).by(
        "growth of VmRSS over 30 s; half want segments, half whole tracks; 1 KB a second each, 4 KB receive buffers",
    )
}

async fn begin(server: &Server, request: Bytes) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket can be made: ulimit -n allows for 20,000");
    socket.set_recv_buffer_size(BUFFER).expect("a buffer can be small");
    let mut stream = socket.connect(server.address).await.expect("the server takes connections");
    stream.write_all(&request).await.expect("a request can be sent");
    let mut first = [0; 256];
    let read = stream.read(&mut first).await.expect("an answer begins");
    let begun = String::from_utf8_lossy(&first[..read]);
    assert!(begun.starts_with("HTTP/1.1 200"), "{begun}");
    stream
}

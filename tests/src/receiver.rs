//! Somebody outside whom events are posted to: takes everything, and outlives the server.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::Value;

/// What was posted: the id that it came under, and the event.
type Posted = (String, Value);

/// An address for events. It goes on for as long as the process does.
pub struct Receiver {
    port: u16,
    heard: Arc<Mutex<Vec<Posted>>>,
}

impl Receiver {
    /// Listens at every address of this host.
    pub fn open() -> Self {
        let listener = TcpListener::bind("0.0.0.0:0").expect("a port is free");
        let port = listener.local_addr().expect("a bound listener has an address").port();
        let heard: Arc<Mutex<Vec<Posted>>> = Arc::default();
        let log = heard.clone();
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                // The server may die in the middle.
                if let Ok(posted) = take(connection) {
                    log.lock().expect("nobody panics while holding it").push(posted);
                }
            }
        });
        Self { port, heard }
    }

    /// Where it is for who knows this host by `address`.
    pub fn url(&self, address: Ipv4Addr) -> String {
        format!("http://{address}:{}/hook", self.port)
    }

    /// What was posted so far. An attempt that is made again comes under the id of the first.
    pub fn heard(&self) -> Vec<(String, Value)> {
        self.heard.lock().expect("nobody panics while holding it").clone()
    }
}

fn take(connection: TcpStream) -> std::io::Result<Posted> {
    connection.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut reader = BufReader::new(connection);
    let (mut length, mut id, mut line) = (0, String::new(), String::new());
    while reader.read_line(&mut line)? > 2 {
        let (name, value) = line.split_once(':').unwrap_or_default();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap_or(0),
            "webhook-id" => id = value.trim().to_owned(),
            _ => {}
        }
        line.clear();
    }
    let mut body = Vec::new();
    reader.by_ref().take(length).read_to_end(&mut body)?;
    reader.get_mut().write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")?;
    Ok((id, serde_json::from_slice(&body).unwrap_or_default()))
}

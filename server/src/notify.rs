//! Tells systemd how far the service is (sd_notify(3)); says nothing where there is no systemd.

use std::{
    env, io,
    os::{
        linux::net::SocketAddrExt,
        unix::{ffi::OsStrExt, net::SocketAddr, net::UnixDatagram},
    },
};

/// What a service tells.
#[derive(Debug, Clone, Copy)]
pub(crate) enum State {
    Ready,
    Stopping,
}

/// Tells it, where somebody listens. Nobody is kept waiting for it, and nothing depends on it here.
pub(crate) fn tell(state: State) {
    let text = match state {
        State::Ready => "READY=1",
        State::Stopping => "STOPPING=1",
    };
    if let Some(Err(error)) = env::var_os("NOTIFY_SOCKET").map(|address| send(address.as_bytes(), text)) {
        tracing::warn!(%error, text, "telling the service manager at NOTIFY_SOCKET");
    }
}

fn send(address: &[u8], text: &str) -> io::Result<()> {
    let address = match address.strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(std::path::Path::new(std::ffi::OsStr::from_bytes(address)))?,
    };
    UnixDatagram::unbound()?.send_to_addr(text.as_bytes(), &address).map(drop)
}

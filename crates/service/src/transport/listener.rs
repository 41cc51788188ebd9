//! The serving end.

use std::io;
use std::net::SocketAddr;

use tokio::io::DuplexStream;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::PeerAddress;
use crate::StartError;

/// Connections that wait to be accepted in memory.
const MEMORY_BACKLOG: usize = 16;

/// Where a service takes connections. A service binds nothing itself, so tests and `usher` can compose it.
#[derive(Debug)]
pub enum Listener {
    /// A bound TCP socket.
    Tcp(TcpListener),
    /// A queue of in-memory connections.
    Memory(MemoryListener),
}

/// The serving end of [`memory`].
#[derive(Debug)]
pub struct MemoryListener(pub(crate) mpsc::Receiver<io::Result<DuplexStream>>);

/// A pair of ends inside one process, with no port between them.
pub fn memory() -> (Listener, PeerAddress) {
    let (connect, accept) = mpsc::channel(MEMORY_BACKLOG);
    (
        Listener::Memory(MemoryListener(accept)),
        PeerAddress::Memory(connect),
    )
}

impl Listener {
    /// Binds a TCP socket.
    ///
    /// # Errors
    /// [`StartError::Unavailable`] when the port is in use, [`StartError::Settings`] when the address is not ours;
    /// both name `setting`, such as `USHER_LISTEN`.
    pub async fn bind(address: SocketAddr, setting: &str) -> Result<Self, StartError> {
        match TcpListener::bind(address).await {
            Ok(listener) => Ok(Self::Tcp(listener)),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(StartError::unavailable(format!(
                "port {} is in use on {}: another program listens there; stop it or set {setting}",
                address.port(),
                address.ip()
            ))),
            Err(error) => Err(StartError::settings(format!("{setting}={address}: {error}"))),
        }
    }

    /// The address of the TCP socket; `None` in memory.
    pub fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok(),
            Self::Memory(_) => None,
        }
    }

    /// The TCP socket, for what can only be served over TCP (HTTP to people).
    ///
    /// # Errors
    /// [`StartError::Failed`] in memory.
    pub fn into_tcp(self) -> Result<TcpListener, StartError> {
        match self {
            Self::Tcp(listener) => Ok(listener),
            Self::Memory(_) => Err(StartError::Failed("HTTP is served over TCP only".to_owned())),
        }
    }
}

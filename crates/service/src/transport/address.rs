//! The calling end: an address becomes a channel.

use std::io;

use hyper_util::rt::TokioIo;
use tokio::io::DuplexStream;
use tokio::sync::mpsc;
use tonic::transport::{Channel, Endpoint};
use url::{Host, Url};

use super::{GrpcSettings, PeerChannel, resolve};
use crate::StartError;

/// Bytes that one side of an in-memory connection may be ahead of the other.
const MEMORY_WINDOW: usize = 256 * 1024;

/// Where another service is.
#[derive(Clone, Debug)]
pub enum PeerAddress {
    /// Addresses of its replicas, or a name that resolves to them. Never empty.
    Url(Vec<Url>),
    /// The serving end is in this process.
    Memory(mpsc::Sender<io::Result<DuplexStream>>),
}

impl PeerAddress {
    /// Reads one or several addresses with commas between; `setting` names them in an error.
    ///
    /// # Errors
    /// [`StartError::Settings`] when one is no `http://host:port`.
    pub fn parse(list: &str, setting: &str) -> Result<Self, StartError> {
        let refuse = |part: &str| {
            StartError::settings(format!(
                "{setting}: \"{part}\" is not an address like http://host:8081"
            ))
        };
        let mut urls = Vec::new();
        for part in list.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let url = Url::parse(part).map_err(|_| refuse(part))?;
            if url.scheme() != "http" || url.host().is_none() || url.path() != "/" {
                return Err(refuse(part));
            }
            urls.push(url);
        }
        if urls.is_empty() {
            return Err(refuse(list));
        }
        Ok(Self::Url(urls))
    }

    /// A channel that connects with its first call. Must be called inside the runtime.
    ///
    /// `peer` is the service's name in messages: "contacts".
    pub fn channel(&self, peer: &'static str, settings: &GrpcSettings) -> PeerChannel {
        match self {
            Self::Memory(connect) => PeerChannel::new(peer, memory_channel(connect.clone()), settings),
            Self::Url(urls) => match fixed(urls) {
                Some(url) => {
                    let endpoint = endpoint(url.to_string(), settings);
                    PeerChannel::new(peer, endpoint.connect_lazy(), settings).at(url)
                }
                None => resolve::balanced(peer, urls.clone(), settings),
            },
        }
    }
}

/// The only address, when there is nothing to balance and nothing to resolve.
fn fixed(urls: &[Url]) -> Option<&Url> {
    match urls {
        [url] if !matches!(url.host(), Some(Host::Domain(_))) => Some(url),
        _ => None,
    }
}

/// How a TCP connection to a peer behaves.
pub(super) fn endpoint(url: String, settings: &GrpcSettings) -> Endpoint {
    use std::time::Duration;
    // the text was a URL with a host, so it is a URI; the fallback keeps a defect from ending the process
    Endpoint::from_shared(url)
        .unwrap_or_else(|_| Endpoint::from_static("http://invalid.localhost"))
        .connect_timeout(settings.connect())
        .tcp_nodelay(true)
        .tcp_keepalive(Some(Duration::from_secs(30)))
        .http2_keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(5))
        .keep_alive_while_idle(true)
        .initial_stream_window_size(1024 * 1024)
        .initial_connection_window_size(4 * 1024 * 1024)
}

fn memory_channel(connect: mpsc::Sender<io::Result<DuplexStream>>) -> Channel {
    let connector = tower::service_fn(move |_: http::Uri| {
        let connect = connect.clone();
        async move {
            let (ours, theirs) = tokio::io::duplex(MEMORY_WINDOW);
            let gone = |_| io::Error::new(io::ErrorKind::ConnectionRefused, "the service has stopped");
            connect.send(Ok(theirs)).await.map_err(gone)?;
            Ok::<_, io::Error>(TokioIo::new(ours))
        }
    });
    Endpoint::from_static("http://memory.localhost").connect_with_connector_lazy(connector)
}

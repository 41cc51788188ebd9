//! A way to a server that is shut at first.

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use url::Url;

use crate::free_port;

/// A port of its own in front of a server. Nobody listens there until it is opened.
#[derive(Debug)]
pub struct Gate {
    port: u16,
    server: String,
    url: Url,
    passing: Option<JoinHandle<()>>,
}

impl Gate {
    /// A shut one in front of the server of a URL with a port.
    ///
    /// # Panics
    /// Where it is no such URL.
    #[must_use]
    pub fn shut(url: &str) -> Self {
        let port = free_port();
        let mut url: Url = url.parse().expect("a URL");
        let host = url.host_str().expect("a URL with a host");
        let server = format!("{host}:{}", url.port().expect("a URL with a port"));
        url.set_host(Some("127.0.0.1")).expect("another host");
        url.set_port(Some(port)).expect("another port");
        Self {
            port,
            server,
            url,
            passing: None,
        }
    }

    /// The same URL through the gate.
    #[must_use]
    pub fn url(&self) -> String {
        self.url.to_string()
    }

    /// Lets everybody through.
    ///
    /// # Panics
    /// Where somebody else has taken the port.
    pub async fn open(&mut self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port))
            .await
            .expect("the gate's port");
        let server = self.server.clone();
        self.passing = Some(tokio::spawn(async move {
            while let Ok((mut caller, _)) = listener.accept().await {
                let server = server.clone();
                tokio::spawn(async move {
                    if let Ok(mut called) = TcpStream::connect(&server).await {
                        copy_bidirectional(&mut caller, &mut called).await.ok();
                    }
                });
            }
        }));
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        if let Some(passing) = &self.passing {
            passing.abort();
        }
    }
}

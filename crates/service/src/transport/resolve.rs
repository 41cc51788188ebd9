//! A channel over all addresses of a name, resolved again and again: replicas come and go.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tonic::transport::channel::Change;
use tonic::transport::{Channel, Endpoint};
use url::Url;

use super::address::endpoint;
use super::{GrpcSettings, PeerChannel};

/// Changes that may wait for the channel to take them.
const CHANGES: usize = 64;
/// The pause after a name that did not resolve, while no address is known.
const IMPATIENT: Duration = Duration::from_millis(250);

/// A channel whose addresses a task keeps up to date for as long as the channel is used.
pub(super) fn balanced(peer: &'static str, urls: Vec<Url>, settings: &GrpcSettings) -> PeerChannel {
    let (channel, changes) = Channel::balance_channel(CHANGES);
    let (known, count) = watch::channel(0);
    let resolver = Resolver {
        peer,
        urls,
        settings: settings.clone(),
        changes,
        known,
    };
    tokio::spawn(resolver.run());
    PeerChannel::new(peer, channel, settings).with_address_count(count)
}

struct Resolver {
    peer: &'static str,
    urls: Vec<Url>,
    settings: GrpcSettings,
    changes: mpsc::Sender<Change<SocketAddr, Endpoint>>,
    known: watch::Sender<usize>,
}

impl Resolver {
    async fn run(self) {
        let mut current = BTreeSet::new();
        loop {
            // a name that does not resolve now keeps the addresses it had
            if let Some(found) = self.resolve().await
                && self.apply(&current, &found).await.is_ok()
            {
                current = found;
                self.known.send_replace(current.len());
            }
            let pause = if current.is_empty() {
                IMPATIENT
            } else {
                self.settings.resolve()
            };
            tokio::select! {
                () = self.changes.closed() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    async fn resolve(&self) -> Option<BTreeSet<SocketAddr>> {
        let mut found = BTreeSet::new();
        for url in &self.urls {
            let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
            let port = url.port_or_known_default().unwrap_or(80);
            match tokio::net::lookup_host((host, port)).await {
                Ok(addresses) => found.extend(addresses),
                Err(error) => tracing::debug!(peer = self.peer, host, %error, "name does not resolve"),
            }
        }
        (!found.is_empty()).then_some(found)
    }

    /// Tells the channel what came and went; an error says that the channel is gone.
    async fn apply(&self, current: &BTreeSet<SocketAddr>, found: &BTreeSet<SocketAddr>) -> Result<(), ()> {
        for address in found.difference(current) {
            let endpoint = endpoint(format!("http://{address}"), &self.settings);
            self.changes
                .send(Change::Insert(*address, endpoint))
                .await
                .map_err(|_| ())?;
        }
        for address in current.difference(found) {
            self.changes
                .send(Change::Remove(*address))
                .await
                .map_err(|_| ())?;
        }
        Ok(())
    }
}

//! A channel over all addresses of a name, resolved again and again: replicas come and go.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
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

/// The addresses of a host and port.
type Directory =
    Arc<dyn Fn(String, u16) -> BoxFuture<'static, std::io::Result<Vec<SocketAddr>>> + Send + Sync>;

/// A channel whose addresses a task keeps up to date for as long as the channel is used.
pub(super) fn balanced(peer: &'static str, urls: Vec<Url>, settings: &GrpcSettings) -> PeerChannel {
    let systems: Directory = Arc::new(|host, port| {
        async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) }.boxed()
    });
    balanced_by(systems, peer, urls, settings)
}

fn balanced_by(
    directory: Directory,
    peer: &'static str,
    urls: Vec<Url>,
    settings: &GrpcSettings,
) -> PeerChannel {
    let (channel, changes) = Channel::balance_channel(CHANGES);
    let (known, count) = watch::channel(0);
    let resolver = Resolver {
        directory,
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
    directory: Directory,
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
            match (self.directory)(host.to_owned(), port).await {
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

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::{Mutex, PoisonError};

    use tonic_health::pb::HealthCheckRequest;
    use tonic_health::pb::health_client::HealthClient;

    use super::*;
    use crate::grpc::Server;
    use crate::{Lifecycle, Listener, Settings};

    /// One of several processes behind the name.
    struct Replica {
        address: SocketAddr,
        lifecycle: Lifecycle,
    }

    impl Replica {
        async fn start() -> Self {
            let any = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0);
            let listener = Listener::bind(any, "USHER_CONTACTS_LISTEN").await.unwrap();
            let address = listener.address().unwrap();
            let lifecycle = Lifecycle::default();
            let life = lifecycle.clone();
            lifecycle.spawn_service("grpc", async move {
                Server::new("contacts").serve(listener, &life).await
            });
            Self { address, lifecycle }
        }

        async fn stop(self) {
            self.lifecycle.stop();
            self.lifecycle.finish().await.unwrap();
        }
    }

    #[tokio::test]
    async fn r3_calls_go_to_whichever_addresses_a_name_has_now() {
        let names: Arc<Mutex<Vec<SocketAddr>>> = Arc::default();
        let known = Arc::clone(&names);
        let directory: Directory = Arc::new(move |host, port| {
            assert_eq!((host.as_str(), port), ("contacts.example", 8081));
            let found = known.lock().unwrap_or_else(PoisonError::into_inner).clone();
            async move { Ok(found) }.boxed()
        });
        let settings =
            Settings::with([("grpc.resolve_seconds", "1"), ("grpc.connect_seconds", "1")]).unwrap();
        let settings = GrpcSettings::of(&settings).unwrap();
        let url = Url::parse("http://contacts.example:8081").unwrap();
        let first = Replica::start().await;
        *names.lock().unwrap() = vec![first.address];
        let channel = balanced_by(directory, "contacts", vec![url], &settings);
        let mut count = channel.address_count().unwrap();
        let mut client = HealthClient::new(channel);
        let mut asks = async |times: usize| {
            for _ in 0..times {
                let request = HealthCheckRequest {
                    service: String::new(),
                };
                client.check(request).await.unwrap();
            }
        };
        asks(1).await;

        // one comes: the first may go as soon as nobody is sent there any more
        let second = Replica::start().await;
        *names.lock().unwrap() = vec![first.address, second.address];
        count.wait_for(|count| *count == 2).await.unwrap();
        asks(20).await;
        *names.lock().unwrap() = vec![second.address];
        count.wait_for(|count| *count == 1).await.unwrap();
        first.stop().await;
        asks(20).await;

        // all are others
        let third = Replica::start().await;
        *names.lock().unwrap() = vec![third.address, second.address];
        count.wait_for(|count| *count == 2).await.unwrap();
        *names.lock().unwrap() = vec![third.address];
        count.wait_for(|count| *count == 1).await.unwrap();
        second.stop().await;
        asks(20).await;
        third.stop().await;
    }
}

//! The same calls over TCP and in memory, and what a caller sees when the other side is away.

use std::net::{Ipv4Addr, SocketAddr};

use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use usher_service::grpc::Server;
use usher_service::transport::memory;
use usher_service::{GrpcSettings, Lifecycle, Listener, PeerAddress, PeerChannel, Settings, StartError};

const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

fn client(address: &PeerAddress) -> HealthClient<PeerChannel> {
    let settings = Settings::with([("grpc.connect_seconds", "1")]).unwrap();
    HealthClient::new(address.channel("contacts", &GrpcSettings::of(&settings).unwrap()))
}

fn whole() -> HealthCheckRequest {
    HealthCheckRequest {
        service: String::new(),
    }
}

fn serve(listener: Listener) -> Lifecycle {
    let lifecycle = Lifecycle::default();
    let life = lifecycle.clone();
    lifecycle.spawn_service("grpc", async move {
        Server::new("contacts").serve(listener, &life).await
    });
    lifecycle
}

async fn tcp() -> (Listener, PeerAddress) {
    let listener = Listener::bind(ANY_PORT, "USHER_CONTACTS_LISTEN").await.unwrap();
    let address = PeerAddress::parse(
        &format!("http://{}", listener.address().unwrap()),
        "USHER_CONTACTS_URL",
    );
    (listener, address.unwrap())
}

/// Calls, watches and stops; the same on every transport.
async fn conversation((listener, address): (Listener, PeerAddress)) {
    let lifecycle = serve(listener);
    let mut client = client(&address);
    let answer = client.check(whole()).await.unwrap().into_inner();
    assert_eq!(answer.status(), ServingStatus::Serving);
    let mut watch = client.watch(whole()).await.unwrap().into_inner();
    assert_eq!(
        watch.message().await.unwrap().unwrap().status(),
        ServingStatus::Serving
    );

    lifecycle.stop();
    // the open stream must not keep the service up
    let ended = loop {
        match watch.message().await {
            Ok(Some(update)) => assert_eq!(update.status(), ServingStatus::NotServing),
            Ok(None) => panic!("the stream ended as if it were complete"),
            Err(status) => break status,
        }
    };
    assert_eq!(ended.code(), Code::Unavailable);
    lifecycle.finish().await.unwrap();
    let refused = client.check(whole()).await.unwrap_err();
    assert_eq!(
        (refused.code(), refused.message()),
        (Code::Unavailable, "contacts does not answer")
    );
}

#[tokio::test]
async fn a_conversation_over_tcp() {
    conversation(tcp().await).await;
}

#[tokio::test]
async fn a_conversation_in_memory() {
    conversation(memory()).await;
}

#[tokio::test]
async fn several_addresses_may_be_given() {
    let (listener, other) = (tcp().await.0, tcp().await.0);
    let urls = [&listener, &other].map(|listener| format!("http://{}", listener.address().unwrap()));
    let (one, two) = (serve(listener), serve(other));
    let address = PeerAddress::parse(&urls.join(", "), "X").unwrap();
    let mut client = client(&address);
    for _ in 0..20 {
        let answer = client.check(whole()).await.unwrap().into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving);
    }
    for lifecycle in [one, two] {
        lifecycle.stop();
        lifecycle.finish().await.unwrap();
    }
}

/// A balancing client has such a one with each address that it has not asked anything.
#[tokio::test]
async fn r3_a_connection_on_which_nothing_was_said_does_not_hold_up_a_stop() {
    let (listener, _) = tcp().await;
    let address = listener.address().unwrap();
    let lifecycle = serve(listener);
    let mut silent = tokio::net::TcpStream::connect(address).await.unwrap();
    // the server has taken it: these are its own first words
    let mut words = [0; 9];
    tokio::io::AsyncReadExt::read_exact(&mut silent, &mut words)
        .await
        .unwrap();
    let begin = std::time::Instant::now();
    lifecycle.stop();
    lifecycle.finish().await.unwrap();
    assert!(begin.elapsed() < std::time::Duration::from_secs(5));
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_unavailable() {
    let address = PeerAddress::parse("http://no-such-host.invalid:8081", "X").unwrap();
    let refused = client(&address).check(whole()).await.unwrap_err();
    assert_eq!(
        (refused.code(), refused.message()),
        (Code::Unavailable, "contacts does not answer")
    );
}

#[tokio::test]
async fn a_peer_that_starts_later_is_found() {
    let (listener, address) = tcp().await;
    let at = listener.address().unwrap();
    drop(listener);
    let mut client = client(&address);
    assert_eq!(client.check(whole()).await.unwrap_err().code(), Code::Unavailable);
    let lifecycle = serve(Listener::bind(at, "X").await.unwrap());
    assert!(client.check(whole()).await.is_ok());
    lifecycle.stop();
    lifecycle.finish().await.unwrap();
}

#[tokio::test]
async fn r1_a_port_in_use_says_so() {
    let taken = Listener::bind(ANY_PORT, "USHER_LISTEN").await.unwrap();
    let address = taken.address().unwrap();
    let Err(StartError::Unavailable(reason)) = Listener::bind(address, "USHER_LISTEN").await else {
        panic!("bound twice");
    };
    let port = address.port();
    assert_eq!(
        reason,
        format!(
            "port {port} is in use on 127.0.0.1: another program listens there; stop it or set USHER_LISTEN"
        )
    );
}

#[test]
fn r5_wrong_addresses_are_refused() {
    for wrong in [
        "",
        "contacts:8081",
        "https://contacts:8081",
        "http://contacts/path",
    ] {
        let Err(StartError::Settings(reason)) = PeerAddress::parse(wrong, "USHER_CONTACTS_URL") else {
            panic!("{wrong} was taken");
        };
        assert!(reason.starts_with("USHER_CONTACTS_URL: "), "{reason}");
    }
}

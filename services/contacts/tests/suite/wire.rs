//! A wire between the service and PostgreSQL that counts round trips.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use usher_database::{Database, DatabaseSettings, Scope, SystemReason};
use usher_testkit::TestDatabase;

/// Statements that passed: every execution of a prepared one, and every plain query, is one round trip.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counter(Arc<AtomicUsize>);

impl Counter {
    /// How many have passed since this was last asked.
    pub(crate) fn taken(&self) -> usize {
        self.0.swap(0, Ordering::SeqCst)
    }
}

/// The service's database, opened over a wire of its own.
pub(crate) async fn counted(files: &TestDatabase) -> (Database, Counter) {
    let url = files.settings().url();
    let (before, after) = url.rsplit_once('@').unwrap();
    let (server, rest) = after.split_once('/').unwrap();
    let (database, _) = rest.split_once('?').unwrap_or((rest, ""));
    let server = if server.contains(':') {
        server.to_owned()
    } else {
        format!("{server}:5432")
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let counter = Counter::default();
    tokio::spawn(serve(listener, server, counter.clone()));
    let url = format!("{before}@127.0.0.1:{port}/{database}?sslmode=disable");
    let settings = DatabaseSettings::new(url).with_connections(2);
    let database = Database::connect(&settings, "contacts").await.unwrap();
    // Both connections are there before anything is counted: what sets one up is no call's round trip.
    let scope = || Scope::System(SystemReason::Test);
    let _held = (
        database.read(scope()).await.unwrap(),
        database.read(scope()).await.unwrap(),
    );
    (database, counter)
}

async fn serve(listener: TcpListener, server: String, counter: Counter) {
    while let Ok((client, _)) = listener.accept().await {
        let upstream = TcpStream::connect(&server).await.unwrap();
        client.set_nodelay(true).unwrap();
        upstream.set_nodelay(true).unwrap();
        let (from_client, mut to_client) = client.into_split();
        let (mut from_server, to_server) = upstream.into_split();
        tokio::spawn(async move { copy(&mut from_server, &mut to_client).await });
        tokio::spawn(count(from_client, to_server, counter.clone()));
    }
}

/// Passes messages on until either side ends. The first has a length and no kind.
async fn count(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, counter: Counter) -> std::io::Result<()> {
    let length = from.read_u32().await?;
    pass(&mut from, &mut to, length.to_be_bytes().to_vec(), length).await?;
    loop {
        let kind = from.read_u8().await?;
        let length = from.read_u32().await?;
        let mut head = vec![kind];
        head.extend(length.to_be_bytes());
        if matches!(kind, b'E' | b'Q') {
            counter.0.fetch_add(1, Ordering::SeqCst);
        }
        pass(&mut from, &mut to, head, length).await?;
    }
}

async fn pass(
    from: &mut OwnedReadHalf,
    to: &mut OwnedWriteHalf,
    head: Vec<u8>,
    length: u32,
) -> std::io::Result<()> {
    let mut message = head;
    let start = message.len();
    message.resize(start + length as usize - 4, 0);
    from.read_exact(&mut message[start..]).await?;
    to.write_all(&message).await
}

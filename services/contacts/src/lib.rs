//! Contacts, accounts and the links between them.
//!
//! [`run`] is the whole service. [`service`], [`segments`], [`Events`] and [`Inbound`] are its faces, gRPC and events, for tests and for whoever
//! composes them otherwise.

mod app;
mod consumers;
mod domain;
mod grpc;
mod settings;
mod storage;

pub use app::{resync, resync_gone};
pub use consumers::inbound::{INBOUND_QUEUE, Inbound};
pub use consumers::{Events, QUEUE};
pub use settings::Publishers;

use usher_database::Database;
use usher_parts::{Parts, StartErrors};
use usher_proto::contacts::v1::contacts_server::{Contacts, ContactsServer};
use usher_proto::contacts::v1::segments_server::{Segments, SegmentsServer};
use usher_service::grpc::Server;
use usher_service::transport::MAX_MESSAGE_BYTES;
use usher_service::{Lifecycle, Listener, Settings, StartError};
use usher_types::SharedClock;

/// Runs the service until the life's soft stop: relay and consumers in the background, gRPC on the listener.
///
/// # Errors
/// [`StartError`] for wrong settings, and where broker or transport end it.
pub async fn run(
    settings: Settings,
    parts: Parts,
    listener: Listener,
    lifecycle: Lifecycle,
) -> Result<(), StartError> {
    parts.need_database(&lifecycle);
    parts.follow_revocations(&lifecycle);
    let publishers = Publishers::of(&settings)?;
    let subscriptions = vec![
        consumers::subscription(parts.clock.clone()),
        consumers::inbound::subscription(parts.clock.clone(), publishers),
    ];
    let (broker, database, stop) = (parts.broker.clone(), parts.database.clone(), lifecycle.stopping());
    lifecycle.spawn_service("messages of contacts", async move {
        let ended = usher_messaging::run(broker, database, "contacts", subscriptions, stop).await;
        ended.map_err(StartErrors::start_error)
    });
    Server::new("contacts")
        .service(parts.dead_letters())
        .verifier(parts.verifier)
        .service(segments(parts.database.clone(), parts.clock.clone()))
        .service(service(parts.database, parts.clock))
        .serve(listener, &lifecycle)
        .await
}

/// The gRPC service over a database.
pub fn service(database: Database, clock: SharedClock) -> ContactsServer<impl Contacts> {
    ContactsServer::new(grpc::ContactsService::new(app::App::new(database, clock)))
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES)
}

/// The gRPC service of segments over a database.
pub fn segments(database: Database, clock: SharedClock) -> SegmentsServer<impl Segments> {
    SegmentsServer::new(grpc::SegmentsService::new(app::App::new(database, clock)))
}

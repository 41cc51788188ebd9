//! E-mail: messages are rows first, sent by SMTP, and what became of them is published (N1).
//!
//! Letters come in over the queue `notifications.deliver` ([`consumers`]), stand in the table `message` ([`storage`]), and are
//! sent by the [`sender`] over a [`transport`].

pub mod app;
pub mod consumers;
mod discreet;
pub mod domain;
pub mod grpc;
pub mod render;
pub mod sender;
pub mod settings;
pub mod storage;
pub mod transport;

use std::sync::Arc;

use usher_database::Dialect;
use usher_messaging::Subscription;
use usher_parts::{Parts, StartErrors};
use usher_proto::notifications::v1::notifications_server::NotificationsServer;
use usher_service::grpc::Server;
use usher_service::{Lifecycle, Listener, Settings, StartError};

use app::{Mover, Retention};
use consumers::{DELIVER, DeliverHandler, URGENT, UrgentHandler};
use sender::{Renderer, Sender};
use settings::MailSettings;

/// Runs the service until the life's stop: answers calls on `listener`, consumes its queues, sends mail.
///
/// # Errors
/// [`StartError::Settings`] for wrong settings; otherwise what broke while it ran.
pub async fn run(
    settings: Settings,
    parts: Parts,
    listener: Listener,
    lifecycle: Lifecycle,
) -> Result<(), StartError> {
    let mail = MailSettings::of(&settings)?;
    if let Some(reason) = mail.transport.hopeless().await {
        return Err(StartError::settings(format!("USHER_SMTP_URL: {reason}")));
    }
    let public_url = settings.common.public_url();
    parts.need_database(&lifecycle);
    parts.follow_revocations(&lifecycle);
    let renderer = Renderer::new(mail.from.clone(), public_url.clone(), parts.keys.seal()?);
    let sender = Sender::new(
        parts.database.clone(),
        parts.clock.clone(),
        renderer,
        mail.transport,
        mail.pace,
    );
    if parts.database.dialect() == Dialect::Sqlite {
        // The data folder is locked: whoever had claimed something is dead.
        let taken = sender.take_over().await;
        taken.map_err(|error| StartError::failed("the database", &error))?;
    }
    let mover = Mover::new(parts.database.clone(), sender.clone());
    let subscriptions = subscriptions(&parts, &mail.from, &sender, &mover);
    spawn_messaging(&parts, &lifecycle, subscriptions);
    spawn_sender(sender, &lifecycle);
    spawn_mover(mover.clone(), &lifecycle);
    let retention = Retention::new(parts.database.clone(), parts.clock.clone(), mail.keep);
    lifecycle.spawn("old messages", retention.run(lifecycle.stopping()));
    let measured = app::measure(parts.database.clone(), parts.clock.clone(), lifecycle.stopping());
    lifecycle.spawn("gauges of mail", measured);
    let api = grpc::Api::new(parts.database.clone(), parts.clock.clone(), public_url, mover);
    Server::new(app::SERVICE)
        .service(parts.dead_letters())
        .verifier(parts.verifier)
        .service(NotificationsServer::new(api))
        .serve(listener, &lifecycle)
        .await
}

/// The queues of this service and what works on them.
#[must_use]
pub fn subscriptions(
    parts: &Parts,
    from: &render::Sender,
    sender: &Sender,
    mover: &Mover,
) -> Vec<Subscription> {
    let deliver = DeliverHandler::new(parts.clock.clone(), from.clone(), sender.clone());
    let urgent = UrgentHandler::new(parts.clock.clone(), mover.clone());
    vec![
        Subscription::new(DELIVER, &[], Arc::new(deliver)),
        Subscription::new(URGENT, &[], Arc::new(urgent)),
    ]
}

fn spawn_messaging(parts: &Parts, lifecycle: &Lifecycle, subscriptions: Vec<Subscription>) {
    let (broker, database) = (parts.broker.clone(), parts.database.clone());
    let stop = lifecycle.stopping();
    lifecycle.spawn_service("messaging", async move {
        usher_messaging::run(broker, database, app::SERVICE, subscriptions, stop)
            .await
            .map_err(StartErrors::start_error)
    });
}

fn spawn_mover(mover: Mover, lifecycle: &Lifecycle) {
    let stop = lifecycle.stopping();
    lifecycle.spawn("held letters", async move { mover.run(stop).await });
}

fn spawn_sender(sender: Sender, lifecycle: &Lifecycle) {
    let stop = lifecycle.stopping();
    lifecycle.spawn_service("sender", async move {
        let ended = sender.run(stop).await;
        ended.map_err(|error| StartError::failed("the sender", &error))
    });
}

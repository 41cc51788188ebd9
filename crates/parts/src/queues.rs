//! Who listens to what, known to every process alike.
//!
//! An event that no queue is bound to is published to nobody. So whoever starts first makes the queues of all services,
//! before it publishes anything; the others find them. A test compares this table with the services' own lists.

use std::sync::Arc;

use secrecy::ExposeSecret;
use tokio_util::sync::CancellationToken;
use usher_database::Transaction;
use usher_events::Envelope;
use usher_messaging::{Broker, Handler, HandlerError, RabbitSettings, Subscription};
use usher_service::{Attempt, Settings, StartError, wait_for};

use crate::StartErrors;

/// A queue and the types of events that are bound to it; commands reach a queue by its name.
pub type Queue = (&'static str, &'static [&'static str]);

/// All queues of all services.
pub const QUEUES: &[Queue] = &[
    (
        "contacts.events",
        &[
            "usher.invitation.*.v1",
            "usher.portal.first_signed_in.v1",
            "usher.portal.signed_in.v1",
            "usher.portal.impersonation_started.v1",
            "usher.portal.impersonation_ended.v1",
            "usher.address.state_changed.v1",
            "usher.organization.updated.v1",
        ],
    ),
    (
        "invitations.events",
        &[
            "usher.contact.created.v1",
            "usher.contact.updated.v1",
            "usher.message.*.v1",
            "usher.address.state_changed.v1",
        ],
    ),
    (
        "contacts.inbound",
        &["usher.inbound.contact.*.v1", "usher.inbound.account.*.v1"],
    ),
    ("invitations.work", &[]),
    ("notifications.deliver", &[]),
    ("notifications.urgent", &[]),
];

/// Makes all queues exist. A broker that does not answer yet is waited for.
///
/// # Errors
/// [`StartError::Settings`] for a wrong password or missing rights.
pub async fn declare_queues(broker: &Broker, stop: &CancellationToken) -> Result<(), StartError> {
    let subscriptions = subscriptions();
    let declare = || async {
        let declared = broker.declare(&subscriptions).await;
        declared.map_err(|error| Attempt::of(error.is_temporary(), &error))
    };
    wait_for("the broker (USHER_AMQP_URL)", stop, declare).await
}

/// What all queues are in RabbitMQ's own format of definitions, for operators who make them themselves (`broker.topology`).
///
/// # Errors
/// [`StartError::Settings`] for a wrong URL.
pub fn topology(settings: &Settings) -> Result<String, StartError> {
    let common = &settings.common;
    let url = common
        .amqp_url
        .as_ref()
        .map_or(ANY_BROKER, |url| url.expose_secret());
    let rabbit = RabbitSettings::new(url, common.broker_prefix.as_str(), "usher");
    let definitions = rabbit
        .definitions(&subscriptions())
        .map_err(StartErrors::start_error)?;
    Ok(format!("{definitions:#}\n"))
}

/// For its virtual host, where the settings name no broker.
const ANY_BROKER: &str = "amqp://localhost/%2f";

fn subscriptions() -> Vec<Subscription> {
    let handler: Arc<dyn Handler> = Arc::new(Nobody);
    let all = QUEUES.iter();
    all.map(|(queue, bindings)| Subscription::new(*queue, bindings, handler.clone()))
        .collect()
}

/// Declaring needs a handler by its type, but calls none.
struct Nobody;

#[async_trait::async_trait]
impl Handler for Nobody {
    async fn handle(&self, _: &Transaction, _: &[Envelope]) -> Result<(), HandlerError> {
        Err(HandlerError::reject("this handler only declares"))
    }
}

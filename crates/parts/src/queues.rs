//! Who listens to what, known to every process alike.
//!
//! An event that no queue is bound to is published to nobody. So whoever starts first makes the queues of all services,
//! before it publishes anything; the others find them. A test compares this table with the services' own lists.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use usher_database::Transaction;
use usher_events::Envelope;
use usher_messaging::{Broker, Handler, HandlerError, Subscription};
use usher_service::{Attempt, StartError, wait_for};

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
    ("invitations.work", &[]),
    ("notifications.deliver", &[]),
    ("notifications.urgent", &[]),
];

/// Makes all queues exist. A broker that does not answer yet is waited for.
///
/// # Errors
/// [`StartError::Settings`] for a wrong password or missing rights.
pub async fn declare_queues(broker: &Broker, stop: &CancellationToken) -> Result<(), StartError> {
    let handler: Arc<dyn Handler> = Arc::new(Nobody);
    let subscriptions: Vec<Subscription> = QUEUES
        .iter()
        .map(|(queue, bindings)| Subscription::new(*queue, bindings, handler.clone()))
        .collect();
    let declare = || async {
        let declared = broker.declare(&subscriptions).await;
        declared.map_err(|error| Attempt::of(error.is_temporary(), &error))
    };
    wait_for("the broker (USHER_AMQP_URL)", stop, declare).await
}

/// Declaring needs a handler by its type, but calls none.
struct Nobody;

#[async_trait::async_trait]
impl Handler for Nobody {
    async fn handle(&self, _: &Transaction, _: &[Envelope]) -> Result<(), HandlerError> {
        Err(HandlerError::reject("this handler only declares"))
    }
}

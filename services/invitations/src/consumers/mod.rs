//! What this service hears: news of contacts, of mails and addresses, and wishes to invite or to get back in.

use std::sync::Arc;

use usher_database::Transaction;
use usher_events::{AddressStateChanged, ContactChanged, Envelope, Invite, MessageChanged, Recover};
use usher_messaging::{Handler, HandlerError, Subscription};

use crate::app::{App, Failure};

/// News.
pub(crate) const EVENTS: &str = "invitations.events";
/// Commands.
pub(crate) const WORK: &str = "invitations.work";

const BINDINGS: [&str; 4] = [
    "usher.contact.created.v1",
    "usher.contact.updated.v1",
    "usher.message.*.v1",
    "usher.address.state_changed.v1",
];

/// Both queues.
pub(crate) fn subscriptions(app: &App) -> Vec<Subscription> {
    vec![
        Subscription::new(EVENTS, &BINDINGS, Arc::new(News(app.clone()))),
        Subscription::new(WORK, &[], Arc::new(Wishes(app.clone()))),
    ]
}

impl From<Failure> for HandlerError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Database(error) => Self::retry(error),
            Failure::Broken(error) => Self::Retry(error),
            Failure::Status(status) => Self::retry(status),
            Failure::Overtaken => Self::retry("overtaken by another writer"),
            Failure::Refused(refusals) => {
                let codes: Vec<&str> = refusals.iter().map(|refusal| refusal.code.as_str()).collect();
                Self::reject(codes.join(", "))
            }
        }
    }
}

/// News of contacts, mails and addresses.
pub(crate) struct News(pub(crate) App);

#[async_trait::async_trait]
impl Handler for News {
    async fn handle(&self, tx: &Transaction, slice: &[Envelope]) -> Result<(), HandlerError> {
        let (mut contacts, mut mails, mut addresses) = (Vec::new(), Vec::new(), Vec::new());
        for envelope in slice {
            match envelope.kind.as_str() {
                "usher.contact.created.v1" | "usher.contact.updated.v1" => {
                    contacts.push(envelope.decode::<ContactChanged>()?.contact);
                }
                "usher.address.state_changed.v1" => {
                    addresses.push(envelope.decode::<AddressStateChanged>()?);
                }
                kind if kind.starts_with("usher.message.") => {
                    mails.push(envelope.decode::<MessageChanged>()?);
                }
                kind => tracing::debug!(kind, "not for us"),
            }
        }
        // addresses first: a contact that changed in the same slice is judged by them
        self.0.addresses_changed(tx, &addresses).await?;
        if !contacts.is_empty() {
            self.0.contacts_changed(tx, &contacts).await?;
        }
        let moved = self.0.mails_changed(tx, &mails).await?;
        let app = self.0.clone();
        tx.after_commit(move || {
            app.ending.note(moved.over);
            app.meters.sent_after(&moved.waited);
        });
        Ok(())
    }
}

/// Wishes to invite, and to get back in.
pub(crate) struct Wishes(pub(crate) App);

#[async_trait::async_trait]
impl Handler for Wishes {
    async fn handle(&self, tx: &Transaction, slice: &[Envelope]) -> Result<(), HandlerError> {
        for envelope in slice {
            match envelope.kind.as_str() {
                "usher.work.invite.v1" => self.0.invite(tx, envelope.decode::<Invite>()?).await?,
                "usher.work.recover.v1" => self.0.recover(tx, &envelope.decode::<Recover>()?).await?,
                kind => return Err(HandlerError::reject(format!("{kind} is no wish"))),
            }
        }
        Ok(())
    }
}

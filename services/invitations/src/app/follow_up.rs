//! After the commit of a small action: whoever asked sees their own work.

use std::time::Duration;

use usher_auth::Service;
use usher_events::Withdrawn;
use usher_proto::bytes_of;
use usher_proto::contacts::v1::{AwaitPortalRequest, ContactVersion};
use usher_types::{ContactId, OrganizationId};

use super::context::App;

/// How long the answer waits for the lists to follow.
const LISTS_MS: i32 = 1000;

/// What is left to do once the rows are committed.
#[derive(Debug, Default)]
pub(crate) struct AfterCommit {
    /// Contacts whose portal version moved.
    pub(crate) moved: Vec<(ContactId, i64)>,
    /// Invitations whose mail is to be stopped.
    pub(crate) withdrawn: Vec<Withdrawn>,
}

impl App {
    /// Mail that is over is stopped ahead of the queue, and the lists get a moment to follow (C16).
    pub(crate) async fn follow_up(&self, organization: OrganizationId, after: &AfterCommit) {
        let lists = async {
            let contacts = after.moved.iter().map(|(contact, version)| ContactVersion {
                contact_id: bytes_of(*contact),
                raw_version: *version,
            });
            let request = AwaitPortalRequest {
                contacts: contacts.collect(),
                within_ms: LISTS_MS,
            };
            if after.moved.is_empty() {
                return;
            }
            let Ok(bearer) = self.bearer(Service::Contacts, organization) else {
                return;
            };
            let mut request = bearer.on(request);
            request.set_timeout(Duration::from_millis(1500));
            if let Err(status) = self.contacts().await_portal(request).await {
                tracing::debug!(code = ?status.code(), "the lists follow later");
            }
        };
        tokio::join!(lists, self.cancel_messages(organization, &after.withdrawn));
    }
}

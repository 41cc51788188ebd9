//! After the commit of a small action: whoever asked sees their own work.

use std::time::Duration;

use usher_auth::Service;
use usher_proto::bytes_of;
use usher_proto::contacts::v1::{AwaitPortalRequest, ContactVersion};
use usher_types::OrganizationId;

use super::chunk::Outcome;
use super::context::App;

/// How long the answer waits for the lists to follow.
const LISTS_MS: i32 = 1000;

impl App {
    /// Mail that is over is stopped ahead of the queue, and the lists get a moment to follow (C16).
    pub(crate) async fn follow_up(&self, organization: OrganizationId, outcome: &Outcome) {
        let lists = async {
            let contacts = outcome.moved.iter().map(|(contact, version)| ContactVersion {
                contact_id: bytes_of(*contact),
                raw_version: *version,
            });
            let request = AwaitPortalRequest {
                contacts: contacts.collect(),
                within_ms: LISTS_MS,
            };
            if outcome.moved.is_empty() {
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
        tokio::join!(lists, self.cancel_messages(organization, &outcome.withdrawn));
    }
}

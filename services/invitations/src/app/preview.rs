//! Asking notifications whether the texts of one sending are in order, and telling it what is over.

use std::time::Duration;

use usher_auth::Service;
use usher_events::Withdrawn;
use usher_proto::bytes_of;
use usher_proto::notifications::v1::{CancelMessagesRequest, PreviewInvitationRequest, WithdrawnInvitation};
use usher_types::OrganizationId;

use super::Failure;
use super::context::App;
use crate::domain::organization::Organization;

/// The command in the outbox does the same, only later: nobody waits long for the call.
pub(super) const PATIENCE: Duration = Duration::from_millis(800);

impl App {
    /// Refuses placeholders that are unknown or missing in subject, body and message of one sending (N4).
    pub(crate) async fn check_texts(
        &self,
        organization: &Organization,
        [subject, body, message]: [&Option<String>; 3],
    ) -> Result<(), Failure> {
        if subject.is_none() && body.is_none() && message.is_none() {
            return Ok(());
        }
        let request = PreviewInvitationRequest {
            organization_name: organization.name.clone(),
            invited_by: None,
            locale: organization.locale.clone(),
            time_zone: organization.time_zone.clone(),
            recipient: None,
            subject: subject.clone(),
            body: body.clone(),
            message: message.clone(),
            expires_at: None,
            account_names: None,
        };
        let bearer = self.bearer(Service::Notifications, organization.id)?;
        let reply = self
            .notifications()
            .preview_invitation(bearer.on(request))
            .await?
            .into_inner();
        if reply.refusals.is_empty() {
            Ok(())
        } else {
            Err(Failure::Refused(reply.refusals))
        }
    }

    /// Reaches notifications ahead of the queue, after the commit. A failure is left to the queue.
    pub(crate) async fn cancel_messages(&self, organization: OrganizationId, withdrawn: &[Withdrawn]) {
        if withdrawn.is_empty() {
            return;
        }
        let Ok(bearer) = self.bearer(Service::Notifications, organization) else {
            return;
        };
        for part in withdrawn.chunks(1000) {
            let mut request = bearer.on(CancelMessagesRequest {
                organization_id: bytes_of(organization),
                withdrawn: part.iter().map(gone).collect(),
            });
            request.set_timeout(PATIENCE);
            if let Err(status) = self.notifications().cancel_messages(request).await {
                tracing::debug!(code = ?status.code(), "mail is taken back through the queue only");
                return;
            }
        }
    }
}

fn gone(withdrawn: &Withdrawn) -> WithdrawnInvitation {
    WithdrawnInvitation {
        invitation_id: bytes_of(withdrawn.invitation_id),
        contact_id: withdrawn.contact_id.map(bytes_of),
    }
}

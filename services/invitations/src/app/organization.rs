//! The organization's settings.

use usher_auth::Principal;
use usher_events::{Envelope, Lane, OrganizationChanged};
use usher_messaging::enqueue;
use usher_service::grpc;
use usher_types::{OrganizationId, PauseReason};

use super::context::{App, SOURCE, actor_of, organization_of};
use super::hold::announce_holds;
use super::{Failure, refuse};
use crate::domain::organization::{Change, Organization};
use crate::storage::activity::{self, Line};
use crate::storage::{batch, organization, reminder, session};

/// What is published when an organization is made or changed.
pub(crate) fn organization_changed(firm: &Organization) -> OrganizationChanged {
    OrganizationChanged {
        id: firm.id,
        version: firm.version,
        slug: firm.slug.clone(),
        name: firm.name.clone(),
        portal_enabled: firm.portal_enabled,
        company_first: firm.company_first,
        invitation_life: firm.invitation_life,
        placeholder_domains: firm.placeholder_domains.clone(),
        reply_to: firm.reply_to.clone(),
        locale: firm.locale.clone(),
        time_zone: firm.time_zone.clone(),
    }
}

impl App {
    /// The caller's own.
    pub(crate) async fn organization(&self, id: OrganizationId) -> Result<Organization, Failure> {
        let tx = self.read(id).await?;
        organization_of(&tx, id).await
    }

    /// updateOrganization.
    pub(crate) async fn update_organization(
        &self,
        principal: &Principal,
        change: Change,
    ) -> Result<Organization, Failure> {
        let id = grpc::organization(principal)?;
        let now = self.now();
        let tx = self.write(id).await?;
        let before = organization::lock(&tx, id)
            .await?
            .ok_or_else(|| Failure::broken("the organization of a token is not there"))?;
        let after = before.with(change).map_err(|refused| {
            let refusal = |refused: &crate::domain::organization::Refused| {
                refuse(refused.code, &[refused.field], refused.message)
            };
            Failure::Refused(refused.iter().map(refusal).collect())
        })?;
        if after == before {
            return Ok(before);
        }
        organization::update(&tx, &after, now).await?;
        let holds = match (before.portal_enabled, after.portal_enabled) {
            (false, true) => batch::resume_all(&tx, id, PauseReason::PortalDisabled).await?,
            (true, false) => batch::pause_all(&tx, id, PauseReason::PortalDisabled).await?,
            _ => Vec::new(),
        };
        announce_holds(&tx, &holds, now).await?;
        if budgets(&after) != budgets(&before) {
            batch::wake_waiting(&tx, id).await?;
        }
        if after.reminders != before.reminders {
            reminder::plan_anew(&tx, id, now).await?;
        }
        if before.portal_enabled && !after.portal_enabled {
            let reason = PauseReason::PortalDisabled.as_str();
            session::end_of_contacts(&tx, id, reason, now).await?;
        }
        let actor = actor_of(&tx, id, principal).await?;
        let line = Line {
            organization: id,
            actor: &actor,
            action: "organization.updated",
            contact: None,
            subject: Some(id.uuid()),
            summary: format!("Changed settings: {}", changed_fields(&before, &after).join(", ")),
        };
        activity::write(&tx, line, now).await?;
        let event = Envelope::event(SOURCE, now, &organization_changed(&after));
        enqueue(&tx, Lane::Interactive, vec![event]).await?;
        tx.commit().await?;
        self.batches.notify_one();
        Ok(after)
    }
}

/// What the waits of batches follow from (I17).
fn budgets(firm: &Organization) -> (i64, i64, i64, &str) {
    (
        firm.daily,
        firm.daily_per_member,
        firm.daily_per_recipient,
        &firm.time_zone,
    )
}

fn changed_fields(before: &Organization, after: &Organization) -> Vec<&'static str> {
    let all = [
        ("name", before.name != after.name),
        ("portalEnabled", before.portal_enabled != after.portal_enabled),
        ("companyFirst", before.company_first != after.company_first),
        ("invitationLife", before.invitation_life != after.invitation_life),
        (
            "placeholderDomains",
            before.placeholder_domains != after.placeholder_domains,
        ),
        ("replyTo", before.reply_to != after.reply_to),
        ("locale", before.locale != after.locale),
        ("timeZone", before.time_zone != after.time_zone),
        ("dailyInvitations", before.daily != after.daily),
        (
            "dailyInvitationsPerMember",
            before.daily_per_member != after.daily_per_member,
        ),
        (
            "dailyInvitationsPerRecipient",
            before.daily_per_recipient != after.daily_per_recipient,
        ),
        ("reminders", before.reminders != after.reminders),
    ];
    all.into_iter()
        .filter(|(_, changed)| *changed)
        .map(|(name, _)| name)
        .collect()
}

//! resendMemberInvitation and cancelMemberInvitation.

use usher_auth::{PermissionSet, Principal};
use usher_events::{Envelope, Lane, Withdrawn};
use usher_messaging::enqueue;
use usher_types::MemberId;

use super::{App, Desk, refused};
use crate::app::Failure;
use crate::app::member_link::{end_link, send_link};
use crate::domain::link::InvitationState;
use crate::domain::member::{InvitationStep, may_step, status};
use crate::storage::invitation::Ending;
use crate::storage::member::{self, Member};

impl App {
    /// Mails a new link with a full new life, or the first one after a cancelled invitation; older links are dead.
    ///
    /// # Errors
    /// Refusals with the codes of `MemberErrorCode`.
    pub(crate) async fn resend_member_invitation(
        &self,
        principal: &Principal,
        id: Option<MemberId>,
    ) -> Result<Member, Failure> {
        let (desk, mut member) = self.step(principal, id, InvitationStep::Resend).await?;
        desk.take_share(&mut member).await?;
        let (gone, mut messages) =
            end_link(&desk.tx, &mut member, ending(&desk, InvitationState::Superseded)).await?;
        let maker = self.maker(desk.now);
        messages.extend(send_link(&desk.tx, &maker, &desk.firm, &mut member, Some(&desk.actor)).await?);
        let summary = format!("Sent {} a new invitation", member.display_name);
        self.finish_step(
            desk,
            member,
            ("member.invitation_resent", summary),
            (gone, messages),
        )
        .await
    }

    /// Ends the invitation.
    ///
    /// # Errors
    /// Refusals with the codes of `MemberErrorCode`.
    pub(crate) async fn cancel_member_invitation(
        &self,
        principal: &Principal,
        id: Option<MemberId>,
    ) -> Result<Member, Failure> {
        let (desk, mut member) = self.step(principal, id, InvitationStep::Cancel).await?;
        let ended = end_link(&desk.tx, &mut member, ending(&desk, InvitationState::Cancelled)).await?;
        let summary = format!("Cancelled the invitation of {}", member.display_name);
        self.finish_step(desk, member, ("member.invitation_cancelled", summary), ended)
            .await
    }

    async fn step(
        &self,
        principal: &Principal,
        id: Option<MemberId>,
        step: InvitationStep,
    ) -> Result<(Desk, Member), Failure> {
        let desk = self.desk(principal).await?;
        let member = desk.subject(id).await?;
        may_step(step, member.active, status(member.standing, desk.now)).map_err(refused)?;
        // a link lets somebody in with everything that they may do
        desk.may_change(PermissionSet::NONE, member.permissions)?;
        Ok((desk, member))
    }

    async fn finish_step(
        &self,
        desk: Desk,
        mut member: Member,
        (action, summary): (&'static str, String),
        (gone, messages): (Vec<Withdrawn>, Vec<Envelope>),
    ) -> Result<Member, Failure> {
        member::update(&desk.tx, &mut member, desk.now).await?;
        desk.log(&member, action, summary).await?;
        enqueue(&desk.tx, Lane::Interactive, messages).await?;
        let organization = desk.organization();
        desk.tx.commit().await?;
        self.cancel_messages(organization, &gone).await;
        Ok(member)
    }
}

const fn ending(desk: &Desk, state: InvitationState) -> Ending {
    Ending {
        state,
        at: desk.now,
        by_batch: None,
    }
}

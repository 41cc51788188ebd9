//! setMemberActive: members are switched off, never deleted.

use usher_auth::{Permission, PermissionSet, Principal};
use usher_events::Lane;
use usher_messaging::enqueue;
use usher_types::MemberId;

use super::{App, Desk};
use crate::app::Failure;
use crate::app::member_link::end_link;
use crate::domain::link::InvitationState;
use crate::storage::invitation::Ending;
use crate::storage::member::{self, Member};

impl App {
    /// Switches a member off or on. One who is off has no session any more, an open invitation has ended, and their batches
    /// wait. Off and on are changes of everything that the member may do, so both need all of it.
    ///
    /// # Errors
    /// Refusals with the codes of `MemberErrorCode`.
    pub(crate) async fn set_member_active(
        &self,
        principal: &Principal,
        id: Option<MemberId>,
        active: bool,
    ) -> Result<Member, Failure> {
        let desk = self.desk(principal).await?;
        let mut member = desk.subject(id).await?;
        if member.active == active {
            return Ok(member);
        }
        desk.may_change(PermissionSet::NONE, member.permissions)?;
        member.active = active;
        let gone = if active {
            Vec::new()
        } else {
            switch_off(&desk, &mut member).await?
        };
        member::update(&desk.tx, &mut member, desk.now).await?;
        let (action, verb) = if active {
            ("member.activated", "on")
        } else {
            ("member.deactivated", "off")
        };
        let summary = format!("Switched {} {verb}", member.display_name);
        desk.log(&member, action, summary).await?;
        let organization = desk.organization();
        desk.tx.commit().await?;
        self.cancel_messages(organization, &gone).await;
        Ok(member)
    }
}

async fn switch_off(desk: &Desk, member: &mut Member) -> Result<Vec<usher_events::Withdrawn>, Failure> {
    if member.permissions.contains(Permission::MembersManage) {
        desk.keep_a_manager(member.id).await?;
    }
    desk.take_away(member, PermissionSet::NONE, "MEMBER_DEACTIVATED")
        .await?;
    let ending = Ending {
        state: InvitationState::Cancelled,
        at: desk.now,
        by_batch: None,
    };
    let (gone, commands) = end_link(&desk.tx, member, ending).await?;
    enqueue(&desk.tx, Lane::Interactive, commands).await?;
    Ok(gone)
}

//! The people of the firm.

use async_graphql::{Context, Object, SimpleObject};
use usher_auth::Operation;
use usher_proto::invitations::v1 as wire;

use crate::fault::Fault;
use crate::graphql::input::{InviteMemberInput, MemberInput, SetMemberActiveInput, UpdateMemberInput};
use crate::graphql::scope::{Scope, answer};
use crate::graphql::types::{Family, Member, MemberError};

/// The member as they are now, or what stands in the way.
#[derive(SimpleObject, Debug)]
pub struct MemberPayload {
    /// The member.
    member: Option<Member>,
    /// What the caller can mend.
    user_errors: Vec<MemberError>,
}

impl MemberPayload {
    fn new(reply: wire::MemberReply) -> Result<Self, Fault> {
        Ok(Self {
            member: reply.member.map(Member),
            user_errors: MemberError::all(reply.refusals)?,
        })
    }
}

#[derive(Debug, Default)]
pub(super) struct MemberMutations;

#[Object]
impl MemberMutations {
    /// Makes a member and mails a link, behind which they choose a password. Needs `members.manage`, and every permission
    /// that is granted.
    async fn invite_member(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The member.")] input: InviteMemberInput,
    ) -> Result<MemberPayload, Fault> {
        let scope = Scope::permitted(ctx, Operation::InviteMember)?;
        let request = scope.ask(input.into_wire());
        MemberPayload::new(answer(
            scope.backends.members.clone().invite_member(request).await,
        )?)
    }

    /// Changes a member's name, role or permissions. Whoever loses a permission is signed out everywhere; what is gained
    /// counts from the next token on, five minutes later at most. Needs `members.manage`, and every permission that is
    /// granted or taken; the last who manages members stays one.
    async fn update_member(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The change.")] input: UpdateMemberInput,
    ) -> Result<MemberPayload, Fault> {
        let scope = Scope::permitted(ctx, Operation::UpdateMember)?;
        let request = scope.ask(input.into_wire());
        MemberPayload::new(answer(
            scope.backends.members.clone().update_member(request).await,
        )?)
    }

    /// Switches a member off or on; members are never deleted. One who is off is signed out everywhere within a second, an
    /// open invitation has ended, and their batches wait. Needs `members.manage`, and every permission that the member has;
    /// the last who manages members stays.
    async fn set_member_active(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The member, and what they shall be.")] input: SetMemberActiveInput,
    ) -> Result<MemberPayload, Fault> {
        let scope = Scope::permitted(ctx, Operation::SetMemberActive)?;
        let request = scope.ask(input.into_wire());
        MemberPayload::new(answer(
            scope.backends.members.clone().set_member_active(request).await,
        )?)
    }

    /// Mails a new link with a full new life, or the first one after the invitation was cancelled; older links are dead.
    /// Needs `members.manage`, and every permission that the member has.
    async fn resend_member_invitation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The member.")] input: MemberInput,
    ) -> Result<MemberPayload, Fault> {
        let scope = Scope::permitted(ctx, Operation::ResendMemberInvitation)?;
        let request = scope.ask(input.into_wire());
        let mut members = scope.backends.members.clone();
        MemberPayload::new(answer(members.resend_member_invitation(request).await)?)
    }

    /// Ends a member's invitation: its link is dead, and mail that has not gone out is taken back. Needs `members.manage`,
    /// and every permission that the member has.
    async fn cancel_member_invitation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The member.")] input: MemberInput,
    ) -> Result<MemberPayload, Fault> {
        let scope = Scope::permitted(ctx, Operation::CancelMemberInvitation)?;
        let request = scope.ask(input.into_wire());
        let mut members = scope.backends.members.clone();
        MemberPayload::new(answer(members.cancel_member_invitation(request).await)?)
    }
}

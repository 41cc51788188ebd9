//! The people of the firm: invited, changed, switched off and on (I15).
//!
//! Every change starts at a [`Desk`]: changes of one organization's members come one after the other, so that two managers who
//! switch each other off at the same moment cannot leave the firm without one.

mod invitation;
mod invite;
mod list;
mod set_active;
mod update;

use chrono::{DateTime, Utc};
use usher_auth::{Denied, Permission, PermissionSet, Principal};
use usher_database::Transaction;
use usher_service::grpc;
use usher_types::{MemberId, OrganizationId};

use super::context::App;
use super::hold::announce_holds;
use super::member_link::take_share;
use super::{Failure, refuse};
use crate::domain::member::{self as rules, Refused};
use crate::domain::organization::Organization;
use crate::storage::activity::{self, Actor, Line};
use crate::storage::member::{self, Member};
use crate::storage::{batch, organization, session};

pub(crate) use invite::NewMember;
pub(crate) use update::MemberChange;

/// Where a member is changed: the transaction, the firm locked, and who acts with what they may do now. A token never adds to
/// that, and one that was asked for with less gives away no more than it has itself.
pub(super) struct Desk {
    pub(super) tx: Transaction,
    firm: Organization,
    pub(super) actor: Member,
    pub(super) now: DateTime<Utc>,
}

impl App {
    pub(super) async fn desk(&self, principal: &Principal) -> Result<Desk, Failure> {
        let id = grpc::organization(principal)?;
        let forbidden = || Failure::from(grpc::denied(Denied::Forbidden));
        let me = principal.member().ok_or_else(forbidden)?;
        let tx = self.write(id).await?;
        let firm = organization::lock(&tx, id)
            .await?
            .ok_or_else(|| Failure::broken("the organization of a token is not there"))?;
        let found = member::find(&tx, id, me).await?.filter(|actor| actor.active);
        let mut actor = found.ok_or_else(forbidden)?;
        actor.permissions = actor.permissions.common(principal.permissions);
        if !actor.permissions.contains(Permission::MembersManage) {
            return Err(forbidden());
        }
        Ok(Desk {
            tx,
            firm,
            actor,
            now: self.now(),
        })
    }
}

impl Desk {
    pub(super) const fn organization(&self) -> OrganizationId {
        self.firm.id
    }

    /// The member who is to be changed, locked.
    async fn subject(&self, id: Option<MemberId>) -> Result<Member, Failure> {
        let found = self.locked(id).await?.filter(|member| !member.service_account);
        found.ok_or_else(|| refuse("NOT_FOUND", &["id"], "there is no such member").into())
    }

    /// The service account that is to be changed, locked.
    pub(super) async fn service_account(&self, id: Option<MemberId>) -> Result<Member, Failure> {
        let found = self.locked(id).await?.filter(|member| member.service_account);
        found.ok_or_else(|| refuse("NOT_FOUND", &["id"], "there is no such service account").into())
    }

    async fn locked(&self, id: Option<MemberId>) -> Result<Option<Member>, Failure> {
        Ok(match id {
            Some(id) => member::lock(&self.tx, self.organization(), id).await?,
            None => None,
        })
    }

    pub(super) fn may_change(&self, before: PermissionSet, after: PermissionSet) -> Result<(), Failure> {
        rules::may_change(self.actor.permissions, before, after).map_err(refused)
    }

    /// Refuses where nobody but the subject manages members, who is about to cease to.
    async fn keep_a_manager(&self, subject: MemberId) -> Result<(), Failure> {
        if another_manages(&self.tx, self.organization(), subject).await? {
            return Ok(());
        }
        Err(refuse("LAST_MANAGER", &[], "somebody has to be left who manages members").into())
    }

    /// See [`take_away`].
    pub(super) async fn take_away(
        &self,
        subject: &Member,
        left: PermissionSet,
        reason: &str,
    ) -> Result<(), Failure> {
        take_away(&self.tx, subject, left, (reason, self.now)).await
    }

    /// Takes the share of a link to this member.
    ///
    /// # Errors
    /// LIMIT_REACHED where a budget of the day is used up.
    async fn take_share(&self, subject: &mut Member) -> Result<(), Failure> {
        if take_share(&self.tx, &self.firm, subject, (Some(&self.actor), self.now)).await? {
            return Ok(());
        }
        let message = "the day's invitation mails are used up; try again tomorrow";
        Err(refuse("LIMIT_REACHED", &[], message).into())
    }

    pub(super) async fn log(
        &self,
        subject: &Member,
        action: &'static str,
        summary: String,
    ) -> Result<(), Failure> {
        let actor = Actor::of_member(&self.actor);
        let line = Line {
            organization: self.organization(),
            actor: &actor,
            action,
            contact: None,
            subject: Some(subject.id.uuid()),
            summary,
        };
        Ok(activity::write(&self.tx, line, self.now).await?)
    }
}

/// Whether somebody else of the organization manages members.
pub(super) async fn another_manages(
    tx: &Transaction,
    organization: OrganizationId,
    subject: MemberId,
) -> Result<bool, Failure> {
    let all = member::permissions_of_all(tx, organization).await?;
    Ok(all
        .iter()
        .any(|(id, permissions)| *id != subject && permissions.contains(Permission::MembersManage)))
}

/// What the subject may not do any more ends: their sessions, and those in which they look through others' eyes. Their
/// batches stand still, with the letters that have not gone out, until somebody who may resumes them.
pub(super) async fn take_away(
    tx: &Transaction,
    subject: &Member,
    left: PermissionSet,
    (reason, now): (&str, DateTime<Utc>),
) -> Result<(), Failure> {
    session::end_of_member(tx, subject.organization, subject.id, reason, now).await?;
    let invites = left.contains(Permission::PortalInvite);
    if invites && left.contains(Permission::EmailBulk) {
        return Ok(());
    }
    let holds = batch::pause_of(tx, (subject.organization, subject.id), invites).await?;
    announce_holds(tx, &holds, now).await
}

pub(super) fn refused(refused: Refused) -> Failure {
    let field: &[&str] = if refused.field.is_empty() {
        &[]
    } else {
        &[refused.field]
    };
    refuse(refused.code, field, refused.message).into()
}

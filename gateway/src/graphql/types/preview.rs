//! What a bulk action would do, before it is done.

use async_graphql::{Context, Object};
use chrono::TimeDelta;
use tokio::sync::OnceCell;
use usher_auth::Operation;
use usher_proto::contacts::v1::{Contact, ContactSelection, PreviewSelectionReply};
use usher_proto::notifications::v1::{PreviewInvitationReply, PreviewInvitationRequest, Recipient};

use super::batch::previewed;
use super::{ContactConnection, IneligibleGroup, Window, count};
use crate::fault::Fault;
use crate::graphql::scope::{Scope, answer};

/// The words of one sending, where they are not the organization's template.
#[derive(Clone, Debug, Default)]
pub(crate) struct Words {
    pub(crate) subject: Option<String>,
    pub(crate) body: Option<String>,
    pub(crate) message: Option<String>,
}

/// What a bulk action would do, before it is done.
#[derive(Debug)]
pub struct InvitationPreview {
    reply: PreviewSelectionReply,
    selection: ContactSelection,
    action: String,
    words: Words,
    mail: OnceCell<Option<PreviewInvitationReply>>,
}

impl InvitationPreview {
    pub(crate) fn new(
        reply: PreviewSelectionReply,
        selection: ContactSelection,
        action: String,
        words: Words,
    ) -> Self {
        Self {
            reply,
            selection,
            action,
            words,
            mail: OnceCell::new(),
        }
    }

    /// The first eligible contact's mail, rendered once for the three fields that show it.
    async fn mail(&self, ctx: &Context<'_>) -> Result<Option<&PreviewInvitationReply>, Fault> {
        let scope = Scope::of(ctx)?;
        let mail = self.mail.get_or_try_init(|| self.render(scope)).await?;
        Ok(mail.as_ref())
    }

    async fn render(&self, scope: &Scope) -> Result<Option<PreviewInvitationReply>, Fault> {
        let Some(contact) = self
            .reply
            .first_eligible
            .as_ref()
            .filter(|_| self.action != "CANCEL")
        else {
            return Ok(None);
        };
        let request = self.mail_for(contact, scope).await?;
        let mut notifications = scope.backends.notifications.clone();
        let reply = answer(notifications.preview_invitation(scope.ask(request)).await)?;
        match reply.refusals.first() {
            Some(refusal) => Err(Fault::input(refusal.message.clone())),
            None => Ok(Some(reply)),
        }
    }

    async fn mail_for(&self, contact: &Contact, scope: &Scope) -> Result<PreviewInvitationRequest, Fault> {
        let member = scope.principal().and_then(usher_auth::Principal::member);
        let (organization, member) = futures::try_join!(scope.organization(), async {
            match member {
                Some(id) => scope.member(id).await,
                None => Ok(None),
            }
        })?;
        let organization = organization
            .ok_or_else(|| Fault::internal("the caller's organization is not there"))?
            .0;
        Ok(PreviewInvitationRequest {
            organization_name: organization.name,
            invited_by: member.map(|member| member.0.display_name),
            locale: organization.locale,
            time_zone: organization.time_zone,
            recipient: Some(Recipient {
                first_name: contact.first_name.clone(),
                last_name: contact.last_name.clone(),
                locale: self.reply.first_locale.clone(),
                time_zone: self.reply.first_time_zone.clone(),
            }),
            subject: self.words.subject.clone(),
            body: self.words.body.clone(),
            message: self.words.message.clone(),
            expires_at: Some(usher_proto::timestamp(
                scope.now + TimeDelta::seconds(organization.invitation_life),
            )),
            account_names: (!self.reply.first_accounts.is_empty())
                .then(|| self.reply.first_accounts.join("\n")),
        })
    }
}

/// What a bulk action would do, before it is done.
#[Object]
impl InvitationPreview {
    /// How many contacts the selection has.
    async fn total(&self) -> i32 {
        count(self.reply.total)
    }

    /// How many the action would reach.
    async fn eligible(&self) -> i32 {
        count(self.reply.eligible)
    }

    /// Who not and why, by reason. total = eligible + all groups.
    async fn ineligible(&self) -> Vec<IneligibleGroup> {
        let group = |row: &usher_proto::contacts::v1::IneligibleCount| {
            IneligibleGroup::of_preview(row.clone(), &self.selection, &self.action)
        };
        self.reply.ineligible.iter().map(group).collect()
    }

    /// Whom the action would reach, by last name. Needs `contacts.read`.
    async fn eligible_contacts(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "How many, from the beginning: 1 to 100. 50 where neither first nor last is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "A cursor: what comes after it.")] after: Option<String>,
        #[graphql(desc = "How many, from the end: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "A cursor: what comes before it.")] before: Option<String>,
    ) -> Result<Option<ContactConnection>, Fault> {
        let scope = Scope::permitted(ctx, Operation::ListContacts)?;
        let window = Window {
            first,
            after,
            last,
            before,
        };
        let page = window.request(ctx)?;
        let reached = previewed(scope, (&self.selection, &self.action), "", page);
        reached.await.map(Some)
    }

    /// The first eligible contact's e-mail: its subject. Null when nobody is eligible or nothing is mailed.
    async fn subject(&self, ctx: &Context<'_>) -> Result<Option<&str>, Fault> {
        Ok(self.mail(ctx).await?.map(|mail| mail.subject.as_str()))
    }

    /// The first eligible contact's e-mail as plain text; its link leads nowhere.
    async fn text(&self, ctx: &Context<'_>) -> Result<Option<&str>, Fault> {
        Ok(self.mail(ctx).await?.map(|mail| mail.text.as_str()))
    }

    /// The first eligible contact's e-mail as HTML; its link leads nowhere.
    async fn html(&self, ctx: &Context<'_>) -> Result<Option<&str>, Fault> {
        Ok(self.mail(ctx).await?.map(|mail| mail.html.as_str()))
    }
}

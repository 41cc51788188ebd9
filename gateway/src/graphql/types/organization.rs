//! The firm, and who is asking.

use async_graphql::{Context, ID, Object, Union};
use futures::future::try_join_all;
use usher_proto::invitations::v1 as wire;
use usher_types::{ContactId, OrganizationId};

use super::{Account, Contact, Member, ServiceAccount, count};
use crate::fault::{Code, Fault};
use crate::graphql::scope::{Scope, answer};
use crate::ids::{NodeId, shown};

/// The firm. Settings are fields of it, each with its default described.
#[derive(Clone, Debug)]
pub struct Organization(pub(crate) wire::Organization);

/// The firm. Settings are fields of it, each with its default described.
#[Object]
impl Organization {
    /// The firm's id.
    #[graphql(name = "id")]
    pub(crate) async fn node_id(&self) -> ID {
        shown::<OrganizationId>(&self.0.id)
    }

    /// The name that signIn takes. Never changes.
    async fn slug(&self) -> &str {
        &self.0.slug
    }

    /// The firm's name, as its mails show it.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Whether contacts can be invited, accept and sign in. On when an organization is made.
    async fn portal_enabled(&self) -> bool {
        self.0.portal_enabled
    }

    /// Whether every contact has a company and each company with contacts exactly one primary contact. Companies are accounts of the
    /// kinds COMPANY, CORPORATION, LLC and PARTNERSHIP. False unless set. Members only.
    async fn company_first(&self, ctx: &Context<'_>) -> Result<bool, Fault> {
        of_members(ctx)?;
        Ok(self.0.company_first)
    }

    /// How long an invitation's link lives, in seconds; 604800 unless set, 3600 to 2592000. Members only.
    async fn invitation_life(&self, ctx: &Context<'_>) -> Result<i32, Fault> {
        of_members(ctx)?;
        Ok(count(self.0.invitation_life))
    }

    /// Domains whose addresses may repeat and get no mail. None unless set. Members only.
    async fn placeholder_domains(&self, ctx: &Context<'_>) -> Result<&[String], Fault> {
        of_members(ctx)?;
        Ok(&self.0.placeholder_domains)
    }

    /// Invitation mails a day, reminders and new links included; a batch that needs more waits for the next day, which begins at
    /// midnight in the firm's time zone. 200000 unless set, 1 to 1000000. Members only.
    async fn daily_invitations(&self, ctx: &Context<'_>) -> Result<i32, Fault> {
        of_members(ctx)?;
        Ok(count(self.0.daily))
    }

    /// The same for what one member answers for. 200000 unless set, 1 to 1000000. Members only.
    async fn daily_invitations_per_member(&self, ctx: &Context<'_>) -> Result<i32, Fault> {
        of_members(ctx)?;
        Ok(count(self.0.daily_per_member))
    }

    /// The same for what one recipient gets; the rest of a batch does not wait for them. 20 unless set, 1 to 100. Members only.
    async fn daily_invitations_per_recipient(&self, ctx: &Context<'_>) -> Result<i32, Fault> {
        of_members(ctx)?;
        Ok(count(self.0.daily_per_recipient))
    }

    /// Of the mail: the address that answers go to, where it is not the inviter's. None unless set, and none for contacts.
    async fn reply_to(&self) -> Option<&String> {
        self.0.reply_to.as_ref()
    }

    /// When invitations that nobody has answered are reminded of; nobody is reminded unless set. Members only.
    async fn reminders(&self, ctx: &Context<'_>) -> Result<ReminderPlan, Fault> {
        of_members(ctx)?;
        let plan = self.0.reminders.clone();
        plan.map(ReminderPlan)
            .ok_or_else(|| Fault::internal("an organization came without its plan of reminders"))
    }

    /// Language of mails and pages where a contact has none. "en" unless set.
    async fn locale(&self) -> &str {
        &self.0.locale
    }

    /// Time zone in which mails and pages show moments. "UTC" unless set.
    async fn time_zone(&self) -> &str {
        &self.0.time_zone
    }
}

/// When invitations that nobody has answered are reminded of. A reminder carries a further link with the same end; any of an
/// invitation's links works until one is used.
#[derive(Clone, Debug)]
pub struct ReminderPlan(wire::ReminderPlan);

/// When invitations that nobody has answered are reminded of. A reminder carries a further link with the same end; any of an
/// invitation's links works until one is used.
#[Object]
impl ReminderPlan {
    /// Days after the invitation was sent, ascending. None unless set.
    async fn days(&self) -> &[i32] {
        &self.0.days
    }

    /// Whether also the day before the invitation's end. False unless set.
    async fn before_end(&self) -> bool {
        self.0.before_end
    }

    /// Nobody is reminded from this time of the day on, in the recipient's time zone. "20:00" unless set.
    async fn quiet_from(&self) -> String {
        time_of_day(self.0.quiet_from)
    }

    /// Nobody is reminded before this time of the day, in the recipient's time zone. "08:00" unless set; the same as `quietFrom`
    /// where there are no quiet hours.
    async fn quiet_to(&self) -> String {
        time_of_day(self.0.quiet_to)
    }

    /// Whether nobody is reminded on Saturdays and Sundays. False unless set.
    async fn quiet_weekends(&self) -> bool {
        self.0.quiet_weekends
    }
}

fn time_of_day(minutes: i32) -> String {
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

/// Refuses to a contact in the portal what the schema has no null for: an empty list would be a lie.
fn of_members(ctx: &Context<'_>) -> Result<(), Fault> {
    match Scope::of(ctx)?.portal_contact() {
        None => Ok(()),
        Some(_) => Err(usher_auth::Denied::Forbidden.into()),
    }
}

/// A contact who signed in to the portal, and the accounts they may switch between.
#[derive(Clone, Copy, Debug)]
pub struct PortalUser(pub(crate) ContactId);

/// A contact who signed in to the portal, and the accounts they may switch between.
#[Object]
impl PortalUser {
    /// The portal user's id.
    #[graphql(name = "id")]
    pub(crate) async fn node_id(&self) -> ID {
        NodeId::PortalUser(self.0).encode()
    }

    /// Who it is.
    async fn contact(&self, ctx: &Context<'_>) -> Result<Contact, Fault> {
        let found = Scope::of(ctx)?.contact(self.0).await?;
        found.ok_or_else(|| Fault::new(Code::NotFound, "this contact has gone"))
    }

    /// The member who looks through this contact's eyes; null where nobody does.
    async fn impersonated_by(&self, ctx: &Context<'_>) -> Result<Option<String>, Fault> {
        let scope = Scope::of(ctx)?;
        if scope
            .principal()
            .is_none_or(|caller| caller.acting_member.is_none())
        {
            return Ok(None);
        }
        let request = scope.ask(wire::GetImpersonatorRequest {});
        let reply = answer(scope.backends.sessions.clone().get_impersonator(request).await)?;
        Ok(reply.name)
    }

    /// Those whose link has login on.
    async fn accounts(&self, ctx: &Context<'_>) -> Result<Vec<Account>, Fault> {
        let scope = Scope::of(ctx)?;
        let links = scope.links_of_contact(self.0).await?.unwrap_or_default();
        let open = links.into_iter().filter(|link| link.has_login());
        let accounts = try_join_all(open.map(|link| link.into_account(scope))).await?;
        Ok(accounts.into_iter().flatten().collect())
    }
}

/// Who is asking.
#[derive(Union, Clone, Debug)]
pub enum Viewer {
    /// A person of the firm.
    Member(Box<Member>),
    /// A program that calls the API.
    ServiceAccount(Box<ServiceAccount>),
    /// A contact, in the portal.
    PortalUser(PortalUser),
}

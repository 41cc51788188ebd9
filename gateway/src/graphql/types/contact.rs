//! A contact.

use async_graphql::{Context, ID, Object};
use usher_auth::Operation;
use usher_proto::contacts::v1 as wire;
use usher_types::ContactId;

use super::{
    AccountContact, Activity, ActivityConnection, ContactRole, EmailState, Moment, PortalAccess, Window,
    count, from_wire, required_moment,
};
use crate::fault::Fault;
use crate::graphql::scope::{Scope, Sight, answer};
use crate::ids::shown;

/// A natural person whom the firm knows.
#[derive(Clone, Debug)]
pub struct Contact {
    pub(crate) row: wire::Contact,
    sight: Sight,
}

impl Contact {
    /// The contact as this caller sees it.
    pub(crate) fn new(row: wire::Contact, scope: &Scope) -> Self {
        let sight = scope.sight_of(&row.id);
        Self { row, sight }
    }

    pub(crate) fn id(&self) -> Option<ContactId> {
        usher_proto::id_from(&self.row.id)
    }

    /// Refuses what a contact may not see of others (I22), where the schema has no null for it.
    fn whole(&self) -> Result<(), Fault> {
        match self.sight {
            Sight::Everything | Sight::Own => Ok(()),
            Sight::Name => Err(usher_auth::Denied::Forbidden.into()),
        }
    }

    fn of_staff<'a, T>(&self, value: &'a Option<T>) -> Option<&'a T> {
        value.as_ref().filter(|_| self.sight == Sight::Everything)
    }

    fn of_own<'a, T>(&self, value: &'a Option<T>) -> Option<&'a T> {
        value.as_ref().filter(|_| self.sight != Sight::Name)
    }
}

/// A natural person whom the firm knows.
#[Object]
impl Contact {
    /// The contact's id.
    #[graphql(name = "id")]
    pub(crate) async fn node_id(&self) -> ID {
        shown::<ContactId>(&self.row.id)
    }

    /// What the contact is to the firm.
    async fn role(&self) -> Result<ContactRole, Fault> {
        self.whole()?;
        from_wire(&self.row.role)
    }

    /// First name.
    async fn first_name(&self) -> &str {
        &self.row.first_name
    }

    /// Last name.
    async fn last_name(&self) -> &str {
        &self.row.last_name
    }

    /// First and last name together.
    async fn display_name(&self) -> &str {
        &self.row.display_name
    }

    /// The address as it was typed.
    async fn email(&self) -> Option<&String> {
        self.of_own(&self.row.email)
    }

    /// What is known of the address. VALID until something says otherwise.
    async fn email_state(&self) -> Result<EmailState, Fault> {
        self.whole()?;
        from_wire(&self.row.email_state)
    }

    /// Phone number, E.164.
    async fn phone(&self) -> Option<&String> {
        self.of_own(&self.row.phone)
    }

    /// What staff noted down. Never shown to the contact.
    async fn notes(&self) -> Option<&String> {
        self.of_staff(&self.row.notes)
    }

    /// Staff's tags. Empty in a portal session.
    async fn tags(&self) -> &[String] {
        if self.sight == Sight::Everything {
            &self.row.tags
        } else {
            &[]
        }
    }

    /// The id this contact has in the system that published it.
    async fn external_id(&self) -> Option<&String> {
        self.of_staff(&self.row.external_id)
    }

    /// Whether the contact is active. An inactive one keeps history and address and has no access.
    async fn active(&self) -> Result<bool, Fault> {
        self.whole()?;
        Ok(self.row.active)
    }

    /// Made by createTestClient; left out of funnel and statistics.
    async fn test(&self) -> Result<bool, Fault> {
        self.whole()?;
        Ok(self.row.test)
    }

    /// The links to accounts. At most 100.
    async fn accounts(&self, ctx: &Context<'_>) -> Result<Vec<AccountContact>, Fault> {
        let Some(id) = self.id().filter(|_| self.sight != Sight::Name) else {
            return Ok(Vec::new());
        };
        Ok(Scope::of(ctx)?.links_of_contact(id).await?.unwrap_or_default())
    }

    /// Where the contact stands on the way in.
    async fn portal(&self) -> Option<PortalAccess<'_>> {
        let portal = self.of_own(&self.row.portal)?;
        Some(PortalAccess::new(&self.row.id, portal))
    }

    /// What happened to this contact, newest first. Needs `contacts.read`.
    async fn activity(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "How many, from the beginning: 1 to 100. 50 where neither first nor last is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "A cursor: what comes after it.")] after: Option<String>,
        #[graphql(desc = "How many, from the end: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "A cursor: what comes before it.")] before: Option<String>,
    ) -> Result<Option<ActivityConnection>, Fault> {
        let scope = Scope::permitted(ctx, Operation::ListActivity)?;
        let window = Window {
            first,
            after,
            last,
            before,
        };
        let request = scope.ask(wire::ListActivityRequest {
            contact_id: self.row.id.clone(),
            page: Some(window.request(ctx)?),
        });
        let reply = answer(scope.backends.contacts.clone().list_activity(request).await)?;
        let nodes = reply.activities.into_iter().map(Activity::new).collect();
        Ok(Some(ActivityConnection::new(nodes, reply.page)))
    }

    /// Goes up with every change; what an update may expect.
    async fn version(&self) -> Result<i32, Fault> {
        self.whole()?;
        Ok(count(self.row.version))
    }

    /// When the contact was made.
    async fn created_at(&self) -> Result<Moment, Fault> {
        self.whole()?;
        required_moment(self.row.created_at)
    }

    /// When the contact last changed.
    async fn updated_at(&self) -> Result<Moment, Fault> {
        self.whole()?;
        required_moment(self.row.updated_at)
    }
}

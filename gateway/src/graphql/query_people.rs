//! Queries about the people of the firm, and about sessions.

use async_graphql::{Context, Object};
use usher_auth::Operation;
use usher_proto::invitations::v1 as wire;

use super::input::{MemberFilter, ServiceAccountFilter};
use super::scope::{Scope, answer};
use super::types::{
    LiveSession, Member, MemberConnection, MemberRoleBundle, ServiceAccount, ServiceAccountConnection, Window,
};
use crate::fault::Fault;

#[derive(Debug, Default)]
pub(super) struct PeopleQueries;

#[Object]
impl PeopleQueries {
    /// The people of the firm, by name. Needs a member's session.
    #[expect(
        clippy::too_many_arguments,
        reason = "a list has these arguments everywhere in the schema"
    )]
    async fn members(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "How many, from the beginning: 1 to 100. 50 where neither first nor last is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "A cursor: what comes after it.")] after: Option<String>,
        #[graphql(desc = "How many, from the end: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "A cursor: what comes before it.")] before: Option<String>,
        #[graphql(desc = "Which ones.")] filter: Option<MemberFilter>,
    ) -> Result<Option<MemberConnection>, Fault> {
        let scope = Scope::permitted(ctx, Operation::GetMembers)?;
        let window = Window {
            first,
            after,
            last,
            before,
        };
        let request = scope.ask(wire::ListMembersRequest {
            page: Some(window.request(ctx)?),
            active: filter.unwrap_or_default().active,
        });
        let reply = answer(scope.backends.members.clone().list_members(request).await)?;
        let nodes = reply.members.into_iter().map(Member).collect();
        Ok(Some(MemberConnection::new(nodes, reply.page)))
    }

    /// The caller's own sessions that live, the latest used first; at most 100. Sessions of members who look through a contact's
    /// eyes are not among them. Needs a session.
    async fn sessions(&self, ctx: &Context<'_>) -> Result<Option<Vec<LiveSession>>, Fault> {
        let scope = Scope::permitted(ctx, Operation::ListSessions)?;
        let request = scope.ask(wire::ListSessionsRequest {});
        let reply = answer(scope.backends.sessions.clone().list_sessions(request).await)?;
        Ok(Some(reply.sessions.into_iter().map(LiveSession).collect()))
    }

    /// Programs that call the API with client credentials, by name. Needs `members.manage`.
    #[expect(
        clippy::too_many_arguments,
        reason = "a list has these arguments everywhere in the schema"
    )]
    async fn service_accounts(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "How many, from the beginning: 1 to 100. 50 where neither first nor last is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "A cursor: what comes after it.")] after: Option<String>,
        #[graphql(desc = "How many, from the end: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "A cursor: what comes before it.")] before: Option<String>,
        #[graphql(desc = "Which ones.")] filter: Option<ServiceAccountFilter>,
    ) -> Result<Option<ServiceAccountConnection>, Fault> {
        let scope = Scope::permitted(ctx, Operation::ListServiceAccounts)?;
        let window = Window {
            first,
            after,
            last,
            before,
        };
        let request = scope.ask(wire::ListServiceAccountsRequest {
            page: Some(window.request(ctx)?),
            active: filter.unwrap_or_default().active,
        });
        let mut accounts = scope.backends.service_accounts.clone();
        let reply = answer(accounts.list_service_accounts(request).await)?;
        let nodes = reply.service_accounts.into_iter().map(ServiceAccount).collect();
        Ok(Some(ServiceAccountConnection::new(nodes, reply.page)))
    }

    /// The roles that members can have, the most powerful first, and what each bundles. Needs a member's session.
    async fn member_roles(&self, ctx: &Context<'_>) -> Result<Vec<MemberRoleBundle>, Fault> {
        Scope::permitted(ctx, Operation::GetMembers)?;
        MemberRoleBundle::all()
    }
}

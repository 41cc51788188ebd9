//! Signing in and out, and choosing a password.

use async_graphql::{Context, Object, SimpleObject};
use usher_auth::Operation;
use usher_proto::common::v1::Refusal;
use usher_proto::invitations::v1 as wire;

use crate::fault::Fault;
use crate::graphql::input::{
    AcceptInvitationInput, BeginProviderSignInInput, EndSessionInput, FinishProviderSignInInput,
    ImpersonateContactInput, LinkInput, RefreshSessionInput, SignInInput, SignOutInput,
};
use crate::graphql::scope::{Scope, answer};
use crate::graphql::types::{CredentialError, Family, Session};

/// A session, or why not.
#[derive(SimpleObject, Debug)]
pub struct SignInPayload {
    /// The session.
    session: Option<Session>,
    /// What the caller can mend.
    user_errors: Vec<CredentialError>,
}

impl SignInPayload {
    fn new(reply: wire::SessionReply) -> Result<Self, Fault> {
        Ok(Self {
            session: reply.session.map(Session::new).transpose()?,
            user_errors: CredentialError::all(reply.refusals)?,
        })
    }
}

/// Where a browser goes to sign in at the identity provider.
#[derive(SimpleObject)]
pub struct BeginProviderSignInPayload {
    /// The provider's page.
    url: Option<String>,
    /// What the browser keeps until it comes back; `finishProviderSignIn` needs it. It stands in no address.
    secret: Option<String>,
    /// What the caller can mend.
    user_errors: Vec<CredentialError>,
}

/// Whether the session has ended.
#[derive(SimpleObject, Debug)]
pub struct SignOutPayload {
    /// What the caller can mend.
    user_errors: Vec<CredentialError>,
}

/// Whether the password was taken.
#[derive(SimpleObject, Debug)]
pub struct AcceptInvitationPayload {
    /// Whether the password was taken. It does not sign in.
    accepted: bool,
    /// What the caller can mend.
    user_errors: Vec<CredentialError>,
}

impl AcceptInvitationPayload {
    pub(super) fn new(accepted: bool, refusals: Vec<Refusal>) -> Result<Self, Fault> {
        Ok(Self {
            accepted,
            user_errors: CredentialError::all(refusals)?,
        })
    }
}

/// What became of a link.
#[derive(SimpleObject, Debug)]
pub struct LinkPayload {
    /// What the caller can mend.
    user_errors: Vec<CredentialError>,
}

impl LinkPayload {
    pub(super) fn new(refusals: Vec<Refusal>) -> Result<Self, Fault> {
        Ok(Self {
            user_errors: CredentialError::all(refusals)?,
        })
    }
}

/// Whether the session was ended.
#[derive(SimpleObject, Debug)]
pub struct EndSessionPayload {
    /// What the caller can mend.
    user_errors: Vec<CredentialError>,
}

/// How many sessions were ended.
#[derive(SimpleObject, Debug)]
pub struct EndOtherSessionsPayload {
    /// How many.
    ended: i32,
    /// What the caller can mend.
    user_errors: Vec<CredentialError>,
}

#[derive(Debug, Default)]
pub(super) struct SessionMutations;

#[Object]
impl SessionMutations {
    /// Starts a session. Public. The answer and its time are the same for an unknown address and a wrong password.
    async fn sign_in(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Address and password.")] input: SignInInput,
    ) -> Result<SignInPayload, Fault> {
        let scope = Scope::permitted(ctx, Operation::SignIn)?;
        let request = scope.ask(input.into_wire(&scope.source, scope.device.clone()));
        SignInPayload::new(answer(scope.backends.sessions.clone().sign_in(request).await)?)
    }

    /// Begins to sign a member in at their organization's identity provider, from a page of a front end of yours. Public. NOT_FOUND
    /// where the organization has none, NOT_ALLOWED for an address that the settings do not name.
    async fn begin_provider_sign_in(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization, and the page to come back to.")] input: BeginProviderSignInInput,
    ) -> Result<BeginProviderSignInPayload, Fault> {
        let scope = Scope::permitted(ctx, Operation::ProviderSignIn)?;
        let request = scope.ask(input.into_wire());
        let mut sessions = scope.backends.sessions.clone();
        let reply = answer(sessions.begin_provider_sign_in(request).await)?;
        let given = |text: String| (!text.is_empty()).then_some(text);
        Ok(BeginProviderSignInPayload {
            url: given(reply.url),
            secret: given(reply.secret),
            user_errors: CredentialError::all(reply.refusals)?,
        })
    }

    /// Starts a member's session with what the identity provider sent the browser back with. Public: needs the secret of the
    /// beginning. BAD_CREDENTIALS for a way back of another browser, or one that was taken before; NOT_ALLOWED for whom the
    /// provider's claims let do nothing.
    async fn finish_provider_sign_in(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What the browser kept, and what it came back with.")]
        input: FinishProviderSignInInput,
    ) -> Result<SignInPayload, Fault> {
        let scope = Scope::permitted(ctx, Operation::ProviderSignIn)?;
        let request = scope.ask(input.into_wire(scope.device.clone()));
        let mut sessions = scope.backends.sessions.clone();
        SignInPayload::new(answer(sessions.finish_provider_sign_in(request).await)?)
    }

    /// A new access token and a new refresh token. Public: needs the newest refresh token.
    async fn refresh_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The refresh token.")] input: RefreshSessionInput,
    ) -> Result<SignInPayload, Fault> {
        let scope = Scope::permitted(ctx, Operation::RefreshSession)?;
        let request = scope.ask(input.into_wire());
        SignInPayload::new(answer(
            scope.backends.sessions.clone().refresh_session(request).await,
        )?)
    }

    /// Ends a session. Public: needs a refresh token or an access token; a read-only session may end itself.
    async fn sign_out(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The session to end.")] input: SignOutInput,
    ) -> Result<SignOutPayload, Fault> {
        let scope = Scope::of(ctx)?;
        let request = scope.ask(input.into_wire());
        let reply = answer(scope.backends.sessions.clone().sign_out(request).await)?;
        Ok(SignOutPayload {
            user_errors: CredentialError::all(reply.refusals)?,
        })
    }

    /// Ends one of the caller's own sessions, in every service within a second. Needs a session that is not read-only.
    async fn end_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The session to end.")] input: EndSessionInput,
    ) -> Result<EndSessionPayload, Fault> {
        let scope = Scope::permitted(ctx, Operation::EndSession)?;
        let request = scope.ask(input.into_wire());
        let reply = answer(scope.backends.sessions.clone().end_session(request).await)?;
        Ok(EndSessionPayload {
            user_errors: CredentialError::all(reply.refusals)?,
        })
    }

    /// Ends all of the caller's own sessions but the one that asks. Needs a session that is not read-only.
    async fn end_other_sessions(&self, ctx: &Context<'_>) -> Result<EndOtherSessionsPayload, Fault> {
        let scope = Scope::permitted(ctx, Operation::EndSession)?;
        let request = scope.ask(wire::EndOtherSessionsRequest {});
        let reply = answer(scope.backends.sessions.clone().end_other_sessions(request).await)?;
        Ok(EndOtherSessionsPayload {
            ended: i32::try_from(reply.ended).unwrap_or(i32::MAX),
            user_errors: Vec::new(),
        })
    }

    /// A read-only session that sees the portal as this contact does, for 30 minutes and without a refresh token; `signOut`
    /// ends it before. Start and end stand in the contact's activity, with the member and the reason; sign-ins and status
    /// stay untouched. NOT_ALLOWED for everybody but an active contact with login on who is ACCEPTED or ACTIVE, while the
    /// portal is on. Needs `portal.impersonate`.
    async fn impersonate_contact(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Through whose eyes, and why.")] input: ImpersonateContactInput,
    ) -> Result<SignInPayload, Fault> {
        let scope = Scope::permitted(ctx, Operation::ImpersonateContact)?;
        let request = scope.ask(input.into_wire(scope.device.clone()));
        SignInPayload::new(answer(
            scope.backends.sessions.clone().impersonate_contact(request).await,
        )?)
    }

    /// Chooses the password. Public: needs the link's token. Does not sign in.
    async fn accept_invitation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The link's token and the password.")] input: AcceptInvitationInput,
    ) -> Result<AcceptInvitationPayload, Fault> {
        let scope = Scope::permitted(ctx, Operation::AcceptInvitation)?;
        let request = scope.ask(input.into_wire());
        let reply = answer(
            scope
                .backends
                .invitations
                .clone()
                .accept_invitation(request)
                .await,
        )?;
        AcceptInvitationPayload::new(reply.accepted, reply.refusals)
    }

    /// From now on the new address signs in. Public: needs the token of the link that was mailed to it.
    async fn confirm_email_change(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The link's token.")] input: LinkInput,
    ) -> Result<LinkPayload, Fault> {
        let scope = Scope::permitted(ctx, Operation::ConfirmEmailChange)?;
        let request = scope.ask(input.into_wire());
        let mut invitations = scope.backends.invitations.clone();
        let reply = answer(invitations.confirm_email_change(request).await)?;
        LinkPayload::new(reply.refusals)
    }
}

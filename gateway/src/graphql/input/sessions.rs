//! Inputs about sessions. None of them has a `Debug` that shows a secret.

use async_graphql::{ID, InputObject};
use usher_proto::invitations::v1 as wire;
use usher_types::{ContactId, SessionId};

use crate::graphql::types::{SignInAs, to_wire};
use crate::ids::Kind;

/// Address and password.
#[derive(InputObject, Clone)]
pub struct SignInInput {
    /// The address.
    email: String,
    /// The password.
    password: String,
    /// The organization's slug; needed only where the deployment serves more than one.
    organization: Option<String>,
    /// Left out: the member with that address where there is one, else the contact.
    #[graphql(name = "as")]
    sign_in_as: Option<SignInAs>,
}

impl SignInInput {
    /// As it travels, with the address that the request came from, and the device.
    pub(crate) fn into_wire(self, source: &str, device: Option<String>) -> wire::SignInRequest {
        wire::SignInRequest {
            email: self.email,
            password: self.password,
            organization: self.organization,
            r#as: self.sign_in_as.map(to_wire),
            source: source.to_owned(),
            device,
        }
    }
}

/// Where members are to sign in, and where they come back to.
#[derive(InputObject, Clone, Debug)]
pub struct BeginProviderSignInInput {
    /// The organization's slug; needed only where several have an identity provider.
    organization: Option<String>,
    /// The page of yours that the provider sends the browser back to. The settings name it, and the provider knows it.
    redirect_uri: String,
}

impl BeginProviderSignInInput {
    /// As it travels.
    pub(crate) fn into_wire(self) -> wire::BeginProviderSignInRequest {
        wire::BeginProviderSignInRequest {
            organization: self.organization,
            redirect_uri: self.redirect_uri,
        }
    }
}

/// What a browser came back with from the identity provider.
#[derive(InputObject, Clone)]
pub struct FinishProviderSignInInput {
    /// As at the beginning.
    organization: Option<String>,
    /// As at the beginning.
    redirect_uri: String,
    /// What the beginning gave.
    secret: String,
    /// Of the address that it came back to.
    state: String,
    /// Of the address that it came back to.
    code: String,
    /// `iss` of the address that it came back to, where it is there.
    issuer: Option<String>,
}

impl FinishProviderSignInInput {
    /// As it travels, with the device.
    pub(crate) fn into_wire(self, device: Option<String>) -> wire::FinishProviderSignInRequest {
        wire::FinishProviderSignInRequest {
            organization: self.organization,
            redirect_uri: self.redirect_uri,
            secret: self.secret,
            state: self.state,
            code: self.code,
            issuer: self.issuer,
            device,
        }
    }
}

/// A refresh token.
#[derive(InputObject, Clone)]
pub struct RefreshSessionInput {
    /// The newest one; an older one ends the session.
    refresh_token: String,
}

impl RefreshSessionInput {
    /// As it travels.
    pub(crate) fn into_wire(self) -> wire::RefreshSessionRequest {
        wire::RefreshSessionRequest {
            refresh_token: self.refresh_token,
        }
    }
}

/// The session to end.
#[derive(InputObject, Clone)]
pub struct SignOutInput {
    /// Left out: the session of the access token itself (an impersonation ends so, too).
    refresh_token: Option<String>,
}

impl SignOutInput {
    /// As it travels.
    pub(crate) fn into_wire(self) -> wire::SignOutRequest {
        wire::SignOutRequest {
            refresh_token: self.refresh_token,
        }
    }
}

/// One of the caller's sessions.
#[derive(InputObject, Clone, Debug)]
pub struct EndSessionInput {
    /// The session, as `sessions` lists it.
    id: ID,
}

impl EndSessionInput {
    /// As it travels.
    pub(crate) fn into_wire(self) -> wire::EndSessionRequest {
        wire::EndSessionRequest {
            id: SessionId::wire(&self.id),
        }
    }
}

/// Through whose eyes, and why.
#[derive(InputObject, Clone, Debug)]
pub struct ImpersonateContactInput {
    /// The contact.
    contact_id: ID,
    /// Why, in one line of at most 500 characters; it stands in the activity log.
    reason: String,
}

impl ImpersonateContactInput {
    /// As it travels.
    pub(crate) fn into_wire(self, device: Option<String>) -> wire::ImpersonateContactRequest {
        wire::ImpersonateContactRequest {
            contact_id: ContactId::wire(&self.contact_id),
            reason: self.reason,
            device,
        }
    }
}

/// The token of a link.
#[derive(InputObject, Clone)]
pub struct LinkInput {
    /// The token in the link that was mailed.
    token: String,
}

impl LinkInput {
    /// As it travels.
    pub(crate) fn into_wire(self) -> wire::LinkRequest {
        wire::LinkRequest { token: self.token }
    }

    /// As it travels where a new link is asked for, with the address that the request came from.
    pub(crate) fn into_renewal(self, source: &str) -> wire::NewLinkRequest {
        wire::NewLinkRequest {
            token: self.token,
            source: source.to_owned(),
        }
    }
}

//! Access and refresh tokens of a session.

use chrono::{DateTime, Utc};
use usher_auth::{PermissionSet, Principal, Subject};
use usher_database::Transaction;

use super::Failure;
use super::context::App;
use crate::domain::session::{Kind, access_end};
use crate::storage::session::{self, Session};

/// The purpose of a refresh token.
pub(super) const PURPOSE: &str = "refresh";

/// What signing in and refreshing give.
pub(crate) struct NewSession {
    pub(crate) access_token: String,
    /// None for an impersonation.
    pub(crate) refresh_token: Option<String>,
    /// Of the access token.
    pub(crate) expires_at: DateTime<Utc>,
    /// It may look and not change (I14).
    pub(crate) read_only: bool,
}

impl App {
    /// Makes a pair of tokens; the refresh token's hash is written.
    pub(super) async fn give_tokens(
        &self,
        tx: &Transaction,
        session: &Session,
        permissions: PermissionSet,
        now: DateTime<Utc>,
    ) -> Result<NewSession, Failure> {
        let refresh = self.tokens.token();
        session::insert_token(tx, session, refresh.hash(PURPOSE), now).await?;
        let principal = Self::holder(session, permissions, now);
        let access_token = self
            .signer
            .current(now)?
            .sign(&principal, now)
            .map_err(Failure::broken)?;
        Ok(NewSession {
            access_token,
            refresh_token: Some(refresh.reveal()),
            expires_at: principal.expires_at,
            read_only: false,
        })
    }

    /// Whom an access token of this session made now is for.
    pub(super) fn holder(session: &Session, permissions: PermissionSet, now: DateTime<Utc>) -> Principal {
        Principal {
            organization: Some(session.organization),
            subject: match session.kind {
                Kind::Member => Subject::Member(session.subject.into()),
                Kind::Contact => Subject::Contact(session.subject.into()),
                Kind::ServiceAccount => Subject::ServiceAccount(session.subject.into()),
            },
            session: Some(session.id),
            permissions,
            read_only: false,
            acting_member: None,
            expires_at: access_end(session.kind, session.times.created_at, now),
        }
    }
}

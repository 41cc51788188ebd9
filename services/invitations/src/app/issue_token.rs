//! Access tokens for client credentials (RFC 6749 §4.4).

use chrono::{DateTime, Utc};
use usher_auth::PermissionSet;
use usher_database::Transaction;
use usher_types::SessionId;

use super::context::App;
use super::{Failure, refuse};
use crate::domain::client_secret::{PURPOSE, read, within_scope};
use crate::domain::session::Kind;
use crate::storage::activity::{self, Actor, Line};
use crate::storage::client_secret::{self, ClientSecret};
use crate::storage::member::{self, Member};
use crate::storage::session::{self, Session};

/// What a program gets.
pub(crate) struct Issued {
    pub(crate) access_token: String,
    /// Seconds.
    pub(crate) expires_in: i64,
    pub(crate) permissions: PermissionSet,
}

impl App {
    /// An access token for an id and a secret; with a scope it says no more than that.
    ///
    /// # Errors
    /// INVALID_CLIENT, whatever was wrong with id or secret; INVALID_SCOPE for what the account may not do.
    pub(crate) async fn issue_token(
        &self,
        client_id: &str,
        secret: &str,
        scope: &[String],
    ) -> Result<Issued, Failure> {
        let hash = read(secret).ok_or_else(invalid_client)?.hash(PURPOSE);
        let tx = self.read_any().await?;
        let found = client_secret::owner(&tx, hash).await?;
        drop(tx);
        let (organization, id) = found.ok_or_else(invalid_client)?;
        if client_id.parse() != Ok(id) {
            return Err(invalid_client());
        }
        let now = self.now();
        let tx = self.write(organization).await?;
        // locks the account: whoever switches it off or rotates meanwhile finds the session that is used here
        if !member::signed_in(&tx, organization, id, now).await? {
            return Err(invalid_client());
        }
        let secret = client_secret::used(&tx, organization, hash, now).await?;
        let secret = secret.ok_or_else(invalid_client)?;
        let account = member::find(&tx, organization, id).await?;
        let account = account.ok_or_else(invalid_client)?;
        let permissions = within_scope(account.permissions, scope).ok_or_else(invalid_scope)?;
        let session = session_of(&tx, &account, &secret, now).await?;
        let mut holder = Self::holder(&session, permissions, now);
        if let Some(end) = secret.expires_at {
            holder.expires_at = holder.expires_at.min(end);
        }
        let access_token = self
            .signer
            .current(now)?
            .sign(&holder, now)
            .map_err(Failure::broken)?;
        tx.commit().await?;
        Ok(Issued {
            access_token,
            expires_in: holder.expires_at.timestamp() - now.timestamp(),
            permissions,
        })
    }
}

/// The session of a secret, which all its tokens belong to, and by whose end they end; a new one a day.
async fn session_of(
    tx: &Transaction,
    account: &Member,
    secret: &ClientSecret,
    now: DateTime<Utc>,
) -> Result<Session, Failure> {
    let whose = (account.organization, account.id);
    if let Some(mut session) = session::of_secret(tx, whose, secret.id, now).await? {
        session.times.last_used_at = now;
        session::note_refresh(tx, &session).await?;
        return Ok(session);
    }
    let subject = (account.organization, Kind::ServiceAccount, account.id.uuid());
    let session = Session {
        secret: Some(secret.id),
        ..Session::new(SessionId::new(now), subject, now)
    };
    session::insert(tx, &session).await?;
    let line = Line {
        organization: account.organization,
        actor: &Actor::of_member(account),
        action: "signed_in",
        contact: None,
        subject: Some(account.id.uuid()),
        summary: format!("Signed in with the secret that ends in {}", secret.hint),
    };
    activity::write(tx, line, now).await?;
    Ok(session)
}

fn invalid_client() -> Failure {
    let message = "this client and secret do not belong together, or are not good any more";
    refuse("INVALID_CLIENT", &[], message).into()
}

fn invalid_scope() -> Failure {
    let message = "this client does not have one of these permissions";
    refuse("INVALID_SCOPE", &["scope"], message).into()
}

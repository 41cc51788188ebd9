//! refreshSession: rotating tokens with reuse detection (I11).

use usher_auth::PermissionSet;
use usher_database::{Scope, SystemReason, Transaction};
use usher_types::{ContactId, MemberId, RawToken};

use super::context::App;
use super::tokens::PURPOSE;
use super::{Failure, NewSession, refuse};
use crate::domain::session::{Kind, Refresh, judge};
use crate::storage::session::{self, Session};
use crate::storage::{access, member, organization};

impl App {
    /// Exchanges a refresh token for a new pair.
    ///
    /// # Errors
    /// SESSION_ENDED; a token that was exchanged before ends its session for everybody who has one of its tokens.
    pub(crate) async fn refresh(&self, token: &str) -> Result<NewSession, Failure> {
        let hash = RawToken::parse(token).ok_or_else(ended)?.hash(PURPOSE);
        let now = self.now();
        let tx = self
            .database
            .write(Scope::System(SystemReason::Authenticate))
            .await?;
        let (mut session, generation) = session::lock_by_token(&tx, hash).await?.ok_or_else(ended)?;
        match judge(session.kind, session.times, session.rotation, generation, now) {
            Refresh::Granted => session.rotation = session.rotation.next(now),
            Refresh::Parallel => {}
            Refresh::Ended => return Err(ended()),
            Refresh::Reused => {
                session::end(&tx, session.organization, session.id, "REUSED", now).await?;
                tx.commit().await?;
                return Err(ended());
            }
        }
        let permissions = permissions(&tx, &session).await?.ok_or_else(ended)?;
        session.times.last_used_at = now;
        session::note_refresh(&tx, &session).await?;
        let tokens = self.give_tokens(&tx, &session, permissions, now).await?;
        tx.commit().await?;
        Ok(tokens)
    }
}

/// What the person may do now; none where access has stopped.
async fn permissions(tx: &Transaction, session: &Session) -> Result<Option<PermissionSet>, Failure> {
    match session.kind {
        Kind::Member => {
            let id = MemberId::from(session.subject);
            let member = member::find(tx, session.organization, id).await?;
            Ok(member
                .filter(|member| member.active)
                .map(|member| member.permissions))
        }
        Kind::Contact => {
            let firm = organization::find(tx, session.organization).await?;
            let row = access::find(tx, session.organization, ContactId::from(session.subject)).await?;
            let open =
                firm.is_some_and(|firm| firm.portal_enabled) && row.is_some_and(|row| row.person.may_enter());
            Ok(open.then_some(PermissionSet::NONE))
        }
        // it has no refresh tokens: its secret gets it the next access token
        Kind::ServiceAccount => Ok(None),
    }
}

fn ended() -> Failure {
    refuse("SESSION_ENDED", &["refreshToken"], "sign in again").into()
}

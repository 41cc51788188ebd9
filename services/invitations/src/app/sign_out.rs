//! signOut.

use usher_auth::Principal;
use usher_database::{Scope, SystemReason};
use usher_types::RawToken;

use super::context::App;
use super::tokens::PURPOSE;
use super::{Failure, refuse};
use crate::storage::session;

impl App {
    /// Ends the session of the refresh token, or that of the access token. Whoever is signed out already has nothing to mend.
    ///
    /// # Errors
    /// SESSION_ENDED where neither token says which session.
    pub(crate) async fn sign_out(
        &self,
        principal: Option<&Principal>,
        refresh_token: Option<&str>,
    ) -> Result<(), Failure> {
        let now = self.now();
        let tx = self
            .database
            .write(Scope::System(SystemReason::Authenticate))
            .await?;
        let session = match refresh_token {
            Some(token) => match RawToken::parse(token) {
                Some(token) => session::lock_by_token(&tx, token.hash(PURPOSE))
                    .await?
                    .map(|(session, _)| (session.organization, session.id)),
                None => None,
            },
            None => principal.and_then(|principal| principal.organization.zip(principal.session)),
        };
        let Some((organization, session)) = session else {
            return Err(refuse("SESSION_ENDED", &["refreshToken"], "there is no such session").into());
        };
        session::end(&tx, organization, session, "SIGNED_OUT", now).await?;
        Ok(tx.commit().await?)
    }
}

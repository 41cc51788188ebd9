//! Somebody's own sessions: listed, and ended from elsewhere (I11).

use usher_auth::{Principal, Subject};
use usher_service::grpc;
use usher_types::{OrganizationId, SessionId};
use uuid::Uuid;

use super::context::App;
use super::{Failure, refuse};
use crate::domain::session::Kind;
use crate::storage::session::{self, Session};

/// Whose sessions the caller's are.
fn own(principal: &Principal) -> Result<(OrganizationId, Kind, Uuid), Failure> {
    let organization = grpc::organization(principal)?;
    match principal.subject {
        Subject::Member(id) => Ok((organization, Kind::Member, id.uuid())),
        Subject::Contact(id) => Ok((organization, Kind::Contact, id.uuid())),
        Subject::ServiceAccount(_) | Subject::Service(_) => {
            Err(Failure::broken("only people have sessions to look at"))
        }
    }
}

impl App {
    /// The caller's sessions that live, the latest used first.
    pub(crate) async fn sessions(&self, principal: &Principal) -> Result<Vec<Session>, Failure> {
        let own = own(principal)?;
        let tx = self.read(own.0).await?;
        Ok(session::alive_of(&tx, own, self.now()).await?)
    }

    /// Ends one of the caller's sessions; it may be the one that asks.
    ///
    /// # Errors
    /// SESSION_ENDED where the caller has none of this id.
    pub(crate) async fn end_session(
        &self,
        principal: &Principal,
        id: Option<SessionId>,
    ) -> Result<(), Failure> {
        let (organization, _, subject) = own(principal)?;
        let none = || Failure::from(refuse("SESSION_ENDED", &["id"], "you have no such session"));
        let id = id.ok_or_else(none)?;
        let tx = self.write(organization).await?;
        if !session::end_own(&tx, (organization, subject), id, self.now()).await? {
            return Err(none());
        }
        Ok(tx.commit().await?)
    }

    /// Ends all of the caller's sessions but the one that asks; their number is returned.
    pub(crate) async fn end_other_sessions(&self, principal: &Principal) -> Result<u64, Failure> {
        let (organization, _, subject) = own(principal)?;
        let kept = principal
            .session
            .ok_or_else(|| Failure::broken("a person's token names its session"))?;
        let tx = self.write(organization).await?;
        let ended = session::end_others(&tx, (organization, subject), kept, self.now()).await?;
        tx.commit().await?;
        Ok(ended)
    }
}

//! sendInvitations, resendInvitations, cancelInvitations (I2, I3, I4).
//!
//! A key that is known answers with its batch ([`known`]); else everything that can be refused is found out ([`plan`]), and
//! the batch is written ([`write`]).

mod known;
mod plan;
mod write;

use chrono::{DateTime, Utc};
use prost::Message;
use sha2::{Digest, Sha256};
use usher_auth::Principal;
use usher_proto::bytes_of;
use usher_proto::contacts::v1::contact_selection::Of;
use usher_proto::contacts::v1::{ContactIds, ContactSelection};
use usher_service::grpc;
use usher_types::{ContactId, InvitationAction};
use uuid::Uuid;

use super::context::App;
use super::{BatchView, Failure};

pub(crate) use plan::check_portal;
pub(crate) use write::new_batch;

/// Up to so many contacts are worked on before the answer; more are left to the worker.
const AT_ONCE: usize = 100;
/// Two batches over the same people can lock each other out.
const TRIES: usize = 5;

/// The input of one of the three mutations.
#[derive(Clone, Debug)]
pub(crate) struct StartBatch {
    pub(crate) action: InvitationAction,
    pub(crate) selection: ContactSelection,
    pub(crate) message: Option<String>,
    pub(crate) subject: Option<String>,
    pub(crate) body: Option<String>,
    pub(crate) expect_eligible: Option<i64>,
    pub(crate) key: Option<String>,
    /// Later than now: the batch waits until then.
    pub(crate) send_at: Option<DateTime<Utc>>,
}

impl StartBatch {
    /// Invites these contacts, without words of its own.
    pub(crate) fn to(contacts: impl IntoIterator<Item = ContactId>) -> Self {
        let ids = contacts.into_iter().map(bytes_of).collect();
        Self {
            action: InvitationAction::Send,
            selection: ContactSelection {
                of: Some(Of::Ids(ContactIds { ids })),
            },
            message: None,
            subject: None,
            body: None,
            expect_eligible: None,
            key: None,
            send_at: None,
        }
    }

    /// What the same key must come with again. The wire's form has no freedom of its own.
    pub(crate) fn hash(&self) -> Vec<u8> {
        let mut hash = Sha256::new();
        let texts = [&self.message, &self.subject, &self.body];
        let expected = self.expect_eligible.map(|number| number.to_string());
        for text in texts.into_iter().chain([&expected]) {
            let text = text
                .as_ref()
                .map_or("-".to_owned(), |text| format!("{}:{text}", text.len()));
            hash.update(text.as_bytes());
        }
        if let Some(at) = self.send_at {
            hash.update(at.to_rfc3339());
        }
        hash.update(self.action.as_str().as_bytes());
        hash.update(self.selection.encode_to_vec());
        hash.finalize().to_vec()
    }
}

impl App {
    /// Accepts a batch, whatever its size; a small one is worked on before the answer.
    ///
    /// # Errors
    /// Refusals with the codes of `InvitationErrorCode`; PERMISSION_DENIED without `email.bulk` for a bulk selection.
    pub(crate) async fn start_batch(
        &self,
        principal: &Principal,
        start: StartBatch,
    ) -> Result<BatchView, Failure> {
        let organization = grpc::organization(principal)?;
        let owner = principal.member().map(Into::into).unwrap_or_default();
        let hash = start.hash();
        if let Some(known) = self.known_batch(organization, owner, &start, &hash).await? {
            self.follow_known(organization, &start).await?;
            return Ok(known);
        }
        match self.start_new(principal, &start, owner, &hash).await {
            // somebody else was faster with this key, maybe so fast that nobody was left to invite
            Err(failure) => match self.known_batch(organization, owner, &start, &hash).await? {
                Some(known) => {
                    self.follow_known(organization, &start).await?;
                    Ok(known)
                }
                None => Err(failure),
            },
            started => started,
        }
    }

    async fn start_new(
        &self,
        principal: &Principal,
        start: &StartBatch,
        owner: Uuid,
        hash: &[u8],
    ) -> Result<BatchView, Failure> {
        let plan = self
            .plan(principal, grpc::organization(principal)?, start)
            .await?;
        for _ in 1..TRIES {
            match self.write_batch(&plan, start, owner, hash).await {
                Err(failure) if failure.is_conflict() => {}
                other => return other,
            }
        }
        self.write_batch(&plan, start, owner, hash).await
    }
}

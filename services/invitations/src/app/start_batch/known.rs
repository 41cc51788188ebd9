//! The same idempotency key sends nothing twice (I4).

use usher_proto::contacts::v1::contact_selection::Of;
use usher_proto::id_from;
use usher_types::{ContactId, OrganizationId};

use super::StartBatch;
use crate::app::batch_view::view;
use crate::app::follow_up::AfterCommit;
use crate::app::{App, BatchView, Failure, refuse};
use crate::storage::access;
use crate::storage::idempotency::{self, Key};

const LONGEST_KEY: usize = 255;

impl App {
    /// The lists get a moment to follow also where somebody else did the work, as the `Invite` command of a new contact does.
    pub(super) async fn follow_known(
        &self,
        organization: OrganizationId,
        start: &StartBatch,
    ) -> Result<(), Failure> {
        let Some(Of::Ids(ids)) = &start.selection.of else {
            return Ok(());
        };
        let [only] = ids.ids.as_slice() else {
            return Ok(());
        };
        let Some(contact) = id_from::<ContactId>(only) else {
            return Ok(());
        };
        let tx = self.read(organization).await?;
        let moved = access::find(&tx, organization, contact).await?;
        drop(tx);
        let after = AfterCommit {
            moved: moved.iter().map(|row| (contact, row.version.raw())).collect(),
            ..AfterCommit::default()
        };
        self.follow_up(organization, &after).await;
        Ok(())
    }

    /// The batch that this key already stands for.
    pub(super) async fn known_batch(
        &self,
        organization: OrganizationId,
        owner: uuid::Uuid,
        start: &StartBatch,
        hash: &[u8],
    ) -> Result<Option<BatchView>, Failure> {
        let Some(text) = start.key.as_deref() else {
            return Ok(None);
        };
        if text.is_empty() || text.len() > LONGEST_KEY || text.contains('\0') {
            let message = "a key has 1 to 255 bytes, none of them zero";
            return Err(refuse("INVALID", &["idempotencyKey"], message).into());
        }
        let key = Key {
            organization,
            owner,
            text,
        };
        let tx = self.read(organization).await?;
        match idempotency::find(&tx, &key, self.now()).await? {
            None => Ok(None),
            Some((known, _)) if known != hash => Err(refuse(
                "CONFLICT",
                &["idempotencyKey"],
                "this key was used with another input",
            )
            .into()),
            Some((_, id)) => Ok(view(&tx, organization, id).await?),
        }
    }
}

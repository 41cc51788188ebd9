//! The end of a batch: everybody was looked at and no mail waits any more.

use usher_database::{Scope, SystemReason};
use usher_types::{BatchId, BatchState};

use super::Failure;
use super::context::App;
use crate::storage::batch;

impl App {
    /// Marks these batches DONE where they are. Whoever handles the last mail comes here after that is committed; the row's
    /// lock lets the second of two see what the first has done.
    pub(crate) async fn finish_batches(&self, ids: impl IntoIterator<Item = BatchId>) -> Result<(), Failure> {
        for id in ids {
            let tx = self.database.write(Scope::System(SystemReason::Consume)).await?;
            let Some(found) = batch::lock(&tx, id).await? else {
                continue;
            };
            let running = found.state == BatchState::Running && found.walked && found.finished_at.is_none();
            if running && !batch::has_open_mail(&tx, id).await? {
                batch::finish(&tx, id, BatchState::Done, self.now()).await?;
                tx.commit().await?;
            }
        }
        Ok(())
    }
}

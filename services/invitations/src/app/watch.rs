//! The batch each time its figures move: one reader, shared by all who watch it.

use std::time::Duration;

use tokio::sync::watch;
use usher_types::{BatchId, OrganizationId};

use super::batch_view::view;
use super::context::App;
use super::{BatchView, Failure};

/// At most twice a second.
const PAUSE: Duration = Duration::from_millis(500);

impl App {
    /// What the batch looks like now and from now on; none where there is no such batch. The reader ends when the batch is
    /// over or nobody listens.
    pub(crate) async fn watch_batch(
        &self,
        organization: OrganizationId,
        id: BatchId,
    ) -> Result<Option<watch::Receiver<Option<BatchView>>>, Failure> {
        let tx = self.read(organization).await?;
        let Some(now) = view(&tx, organization, id).await? else {
            return Ok(None);
        };
        drop(tx);
        let mut watched = self.watched();
        // a reader whose sender is gone has ended, and would never tell anything again
        if let Some(receiver) = watched.get(&id)
            && receiver.has_changed().is_ok()
        {
            return Ok(Some(receiver.clone()));
        }
        let (sender, receiver) = watch::channel(Some(now));
        watched.insert(id, receiver.clone());
        drop(watched);
        let app = self.clone();
        tokio::spawn(async move {
            app.read_while_watched(organization, id, &sender).await;
            // dropped under the lock, so that nobody joins a reader that is about to end
            let mut watched = app.watched();
            drop(sender);
            watched.retain(|_, receiver| receiver.has_changed().is_ok());
        });
        Ok(Some(receiver))
    }

    async fn read_while_watched(
        &self,
        organization: OrganizationId,
        id: BatchId,
        sender: &watch::Sender<Option<BatchView>>,
    ) {
        // one receiver stands in the list
        while sender.receiver_count() > 1 {
            if sender.borrow().as_ref().is_some_and(BatchView::is_over) {
                return;
            }
            tokio::time::sleep(PAUSE).await;
            let read = async {
                let tx = self.read(organization).await?;
                view(&tx, organization, id).await
            };
            match read.await {
                Ok(Some(next)) => {
                    sender.send_if_modified(|last| {
                        let differs = last.as_ref().is_none_or(|last| last.differs(&next));
                        if differs {
                            *last = Some(next);
                        }
                        differs
                    });
                }
                Ok(None) => return,
                Err(error) => tracing::debug!(%error, "a watched batch cannot be read now"),
            }
        }
    }
}

//! `usher.work.cancel_messages.v1`: invitations have ended.

use usher_database::Transaction;
use usher_events::{CancelMessages, Envelope};
use usher_messaging::{Handler, HandlerError};
use usher_types::SharedClock;

use crate::app;

/// Cancels letters.
#[derive(Debug)]
pub struct CancelHandler {
    clock: SharedClock,
}

impl CancelHandler {
    /// Cancels letters.
    #[must_use]
    pub const fn new(clock: SharedClock) -> Self {
        Self { clock }
    }
}

#[async_trait::async_trait]
impl Handler for CancelHandler {
    async fn handle(&self, tx: &Transaction, slice: &[Envelope]) -> Result<(), HandlerError> {
        let mut ended = Vec::new();
        for envelope in slice {
            let command: CancelMessages = envelope.decode()?;
            let organization = command.organization_id;
            ended.extend(command.withdrawn.into_iter().map(|one| (organization, one)));
        }
        app::cancel(tx, &ended, self.clock.now()).await?;
        Ok(())
    }
}

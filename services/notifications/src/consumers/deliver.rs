//! `usher.work.deliver.v1`: letters to be sent.

use usher_database::Transaction;
use usher_events::{Deliver, Envelope};
use usher_messaging::{Handler, HandlerError};
use usher_types::SharedClock;

use crate::app;
use crate::render::Sender as From;
use crate::sender::Sender;

/// Stores letters and wakes the sender.
#[derive(Debug)]
pub struct DeliverHandler {
    clock: SharedClock,
    from: From,
    sender: Sender,
}

impl DeliverHandler {
    /// `from` makes Message-IDs; `sender` is woken after each slice.
    #[must_use]
    pub const fn new(clock: SharedClock, from: From, sender: Sender) -> Self {
        Self { clock, from, sender }
    }
}

#[async_trait::async_trait]
impl Handler for DeliverHandler {
    async fn handle(&self, tx: &Transaction, slice: &[Envelope]) -> Result<(), HandlerError> {
        let deliveries = slice
            .iter()
            .map(|envelope| Ok((envelope.decode::<Deliver>()?, envelope.traceparent.clone())))
            .collect::<Result<Vec<_>, HandlerError>>()?;
        app::accept(tx, &self.from, &deliveries, self.clock.now()).await?;
        let sender = self.sender.clone();
        tx.after_commit(move || sender.wake());
        Ok(())
    }
}

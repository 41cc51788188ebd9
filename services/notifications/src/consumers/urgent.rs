//! What reaches us ahead of letters that still wait: invitations have ended, sendings are held or let go,
//! addresses get no more mail.

use usher_database::Transaction;
use usher_events::{CancelMessages, Envelope, HoldMailing, Suppress};
use usher_messaging::{Handler, HandlerError};
use usher_types::SharedClock;

use crate::app::{self, Mover};
use crate::storage::{self, Hold};

/// Cancels and holds letters.
#[derive(Debug)]
pub struct UrgentHandler {
    clock: SharedClock,
    mover: Mover,
}

impl UrgentHandler {
    /// `mover` is woken after each slice.
    #[must_use]
    pub const fn new(clock: SharedClock, mover: Mover) -> Self {
        Self { clock, mover }
    }
}

#[async_trait::async_trait]
impl Handler for UrgentHandler {
    async fn handle(&self, tx: &Transaction, slice: &[Envelope]) -> Result<(), HandlerError> {
        let (mut ended, mut holds) = (Vec::new(), Vec::new());
        for envelope in slice {
            if envelope.kind == HoldMailing::KIND {
                holds.push(hold(&envelope.decode()?));
                continue;
            }
            if envelope.kind == Suppress::KIND {
                app::suppress(tx, &envelope.decode()?, self.clock.now()).await?;
                continue;
            }
            let command: CancelMessages = envelope.decode()?;
            let organization = command.organization_id;
            ended.extend(command.withdrawn.into_iter().map(|one| (organization, one)));
        }
        // whoever stores letters takes the lock of holds before rows, too
        if !holds.is_empty() {
            storage::set_holds(tx, &holds, self.clock.now()).await?;
        }
        app::cancel(tx, &ended, self.clock.now()).await?;
        let mover = self.mover.clone();
        tx.after_commit(move || mover.wake());
        Ok(())
    }
}

const fn hold(command: &HoldMailing) -> Hold {
    Hold {
        organization: command.organization_id,
        mailing: command.mailing_id,
        held: command.held,
        version: command.version,
    }
}

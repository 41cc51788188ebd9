//! A batch that stands still holds the letters, too, that notifications already has (I4).

use chrono::{DateTime, Utc};
use usher_auth::Service;
use usher_database::Transaction;
use usher_events::{Envelope, HoldMailing, Lane};
use usher_messaging::enqueue;
use usher_proto::bytes_of;
use usher_proto::notifications::v1::HoldMailingRequest;

use super::Failure;
use super::account_access::notices_of;
use super::context::{App, SOURCE};
use super::preview::PATIENCE;

/// Tells notifications of sendings that are held or let go, with the transaction.
pub(crate) async fn announce_holds(
    tx: &Transaction,
    holds: &[HoldMailing],
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let holds = holds.iter().flat_map(with_notices);
    let commands = holds.map(|hold| Envelope::command(SOURCE, now, &hold));
    enqueue(tx, Lane::Interactive, commands.collect()).await?;
    Ok(())
}

/// A batch's mails that tell of further accounts are a sending of their own.
fn with_notices(hold: &HoldMailing) -> [HoldMailing; 2] {
    let notices = HoldMailing {
        mailing_id: notices_of(hold.mailing_id),
        ..*hold
    };
    [*hold, notices]
}

impl App {
    /// Reaches notifications ahead of the queue, after the commit. A failure is left to the queue.
    pub(crate) async fn hold_mailing(&self, hold: &HoldMailing) {
        for hold in with_notices(hold) {
            self.hold_one(&hold).await;
        }
    }

    async fn hold_one(&self, hold: &HoldMailing) {
        let Ok(bearer) = self.bearer(Service::Notifications, hold.organization_id) else {
            return;
        };
        let mut request = bearer.on(HoldMailingRequest {
            organization_id: bytes_of(hold.organization_id),
            mailing_id: bytes_of(hold.mailing_id),
            held: hold.held,
            version: hold.version,
        });
        request.set_timeout(PATIENCE);
        if let Err(status) = self.notifications().hold_mailing(request).await {
            tracing::debug!(code = ?status.code(), "a sending is held or let go through the queue only");
        }
    }
}

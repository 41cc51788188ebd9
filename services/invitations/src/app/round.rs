//! Whom the next chunk of a batch is for: contacts of its selection, and once that is through, those who wait for their own budget
//! (I17).

use chrono::{DateTime, Utc};
use prost::Message;
use usher_database::Transaction;
use usher_proto::bytes_of;
use usher_proto::contacts::v1::contact_selection::Of;
use usher_proto::contacts::v1::{ContactIds, ContactSelection};
use usher_types::ContactId;

use super::Failure;
use super::chunk::Outcome;
use super::context::App;
use super::selection::Walked;
use crate::storage::batch::{self, Batch, Wait};

/// Contacts of one transaction.
const CHUNK: i32 = 1000;

/// Some contacts of a batch, in the order of their ids.
#[derive(Clone, Debug)]
pub(crate) struct Chunk {
    pub(crate) people: Vec<Walked>,
    /// They have waited for their own budget. One who was deleted meanwhile is here, and not among the people.
    pub(crate) waited: Vec<ContactId>,
    /// The last of them; where there is nobody, whoever was the last before.
    pub(crate) reaches: Option<ContactId>,
    /// Nobody follows in this round.
    pub(crate) last: bool,
}

impl Chunk {
    /// All there are.
    pub(crate) fn whole(mut people: Vec<Walked>) -> Self {
        people.sort_unstable_by_key(|walked| walked.contact);
        Self {
            reaches: people.last().map(|walked| walked.contact),
            people,
            waited: Vec::new(),
            last: true,
        }
    }
}

impl App {
    /// The next chunk. Never inside a transaction.
    pub(super) async fn next_chunk(&self, batch: &Batch) -> Result<Chunk, Failure> {
        if batch.round > 0 {
            return self.next_of_those_who_waited(batch).await;
        }
        let selection = ContactSelection::decode(batch.selection.as_slice()).map_err(Failure::broken)?;
        let (people, last) = self
            .walk(batch.organization, &selection, batch.last_contact, CHUNK)
            .await?;
        Ok(Chunk {
            reaches: people.last().map(|walked| walked.contact).or(batch.last_contact),
            last: last || people.is_empty(),
            people,
            waited: Vec::new(),
        })
    }

    async fn next_of_those_who_waited(&self, batch: &Batch) -> Result<Chunk, Failure> {
        let limit = usize::try_from(CHUNK).unwrap_or_default();
        let tx = self.read(batch.organization).await?;
        let waited = batch::next_waiting(&tx, batch.of(), batch.last_contact, limit).await?;
        drop(tx);
        let mut people = Vec::new();
        if !waited.is_empty() {
            let ids = waited.iter().copied().map(bytes_of).collect();
            let selection = ContactSelection {
                of: Some(Of::Ids(ContactIds { ids })),
            };
            people = self.walk(batch.organization, &selection, None, CHUNK).await?.0;
        }
        Ok(Chunk {
            reaches: waited.last().copied().or(batch.last_contact),
            last: waited.len() < limit,
            people,
            waited,
        })
    }
}

/// Where a budget has stopped a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stop {
    /// The last contact who was still looked at; none where nobody was.
    pub(crate) after: Option<ContactId>,
}

impl Outcome {
    /// Lets the batch wait where a budget has stopped it, or where people wait for their own. The rest goes on without those: they
    /// have a round of their own when everybody else was looked at.
    pub(super) async fn settle(&self, tx: &Transaction, batch: &Batch, last: bool) -> Result<(), Failure> {
        let until: DateTime<Utc> = match self.day_ends {
            Some(until) => until,
            // nothing is mailed
            None => return Ok(()),
        };
        let wait = match self.stopped {
            Some(stop) => Wait {
                after: stop.after.or(batch.last_contact),
                round: batch.round,
                until,
            },
            None if last && !batch::next_waiting(tx, batch.of(), None, 1).await?.is_empty() => Wait {
                after: None,
                round: batch.round + 1,
                until,
            },
            None => return Ok(()),
        };
        Ok(batch::wait(tx, batch.of(), wait).await?)
    }
}

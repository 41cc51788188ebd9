//! Sends what is due (ADR 0010).
//!
//! One dispatcher a lane claims due letters under a lease, in batches, round-robin by organization, and queues them here. Workers,
//! one a connection, take letters from the queue, render and send them, and give what became of them to a noter, which
//! notes the outcomes of many connections in one transaction. A worker begins to hand the next mail over only when
//! the note of the one before is committed: whatever is killed, at most one mail of each connection was taken and not
//! noted (N2).

mod dispatch;
mod noter;
mod queue;
mod renderer;
mod worker;

pub use renderer::{Renderer, full_name, plain_link};

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use sea_orm::DbErr;
use tokio::sync::Notify;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use usher_database::{Database, Scope, SystemReason};
use usher_events::Lane;
use usher_types::SharedClock;
use uuid::Uuid;

use crate::storage;
use crate::transport::MailTransport;
use queue::Queue;

/// The pause after the database did not answer.
const TROUBLE: Duration = Duration::from_secs(1);

/// How many connections, and for how long what is claimed.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Connections, each of which sends one mail after the other.
    pub connections: usize,
    /// The longest time that one mail may take.
    pub dialogue: Duration,
    /// Life of a claim; longer than a dialogue.
    pub lease: Duration,
    /// How long a claimed letter is trusted. One that has waited longer, behind a slow server, is looked at again before it is
    /// handed over, for its invitation may have ended meanwhile (I21).
    pub fresh: Duration,
    /// How often to look for due letters when nobody says that there are some.
    pub poll: Duration,
}

/// When to stop looking for letters.
#[derive(Clone, Debug)]
enum Until {
    /// Nothing is due any more.
    Empty,
    /// Somebody asks.
    Stopped(CancellationToken),
}

/// What parts of the sender share.
#[derive(Debug)]
struct Shared {
    database: Database,
    clock: SharedClock,
    renderer: Renderer,
    transport: MailTransport,
    pace: Pace,
    /// Who claims: another for every start of the process.
    owner: Uuid,
    wake: Notify,
}

/// Sends what is due. Clones share everything.
#[derive(Clone, Debug)]
pub struct Sender(Arc<Shared>);

impl Sender {
    /// A sender that has not begun.
    #[must_use]
    pub fn new(
        database: Database,
        clock: SharedClock,
        renderer: Renderer,
        transport: MailTransport,
        pace: Pace,
    ) -> Self {
        Self(Arc::new(Shared {
            database,
            clock,
            renderer,
            transport,
            pace,
            owner: Uuid::new_v4(),
            wake: Notify::new(),
        }))
    }

    /// Something may be due.
    pub fn wake(&self) {
        self.0.wake.notify_waiters();
    }

    /// Sends until `stop`; then finishes the mails that are under way and gives back the others. A database that does not answer is
    /// waited for.
    ///
    /// # Errors
    /// Where mails cannot be noted any more.
    pub async fn run(&self, stop: CancellationToken) -> Result<(), DbErr> {
        self.work(Until::Stopped(stop)).await
    }

    /// Sends what is due now and waits until all of it is noted. For tests.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn drain(&self) -> Result<(), DbErr> {
        self.work(Until::Empty).await
    }

    /// Gives back what earlier processes had claimed. Only where no other process can be alive, as with SQLite, whose folder is
    /// locked.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn take_over(&self) -> Result<(), DbErr> {
        let tx = self.0.database.write(Scope::System(SystemReason::Claim)).await?;
        storage::release_all(&tx, self.0.owner).await?;
        tx.commit().await
    }

    async fn work(&self, until: Until) -> Result<(), DbErr> {
        let Some(failing) = self.failing(&until).await? else {
            return Ok(());
        };
        let queue = Arc::new(Queue::new(self.0.pace.connections));
        let (notes, mut noters) = noter::start(&self.0, &failing);
        let mut workers = tokio::task::JoinSet::new();
        for notes in notes.iter().cycle().take(self.0.pace.connections) {
            let (shared, queue) = (Arc::clone(&self.0), Arc::clone(&queue));
            workers.spawn(worker::work(shared, queue, notes.clone()));
        }
        drop(notes);
        let lanes = Lane::ALL.map(|lane| dispatch::dispatch(&self.0, &queue, lane, &until));
        let [interactive, bulk] = lanes;
        let (interactive, bulk) = tokio::select! {
            // they end before the workers only if one panics: what cannot be noted is not sent
            Some(_) = noters.join_next() => return Err(DbErr::Custom("mails cannot be noted any more".to_owned())),
            claimed = async { tokio::join!(interactive, bulk) } => claimed,
        };
        let left = if matches!(until, Until::Empty) {
            Vec::new()
        } else {
            queue.take_all()
        };
        queue.close();
        while workers.join_next().await.is_some() {}
        while noters.join_next().await.is_some() {}
        if let Err(error) = self.give_back(&left).await {
            tracing::warn!(%error, "claimed letters could not be given back; their leases run out");
        }
        interactive.and(bulk)
    }

    /// The destinations that have failed before, as soon as the database tells; none where a stop is asked for first.
    async fn failing(&self, until: &Until) -> Result<Option<BTreeSet<String>>, DbErr> {
        loop {
            let asked = async {
                let tx = self.0.database.read(Scope::System(SystemReason::Claim)).await?;
                storage::failing_destinations(&tx).await
            };
            match (asked.await, until) {
                (Ok(failing), _) => return Ok(Some(failing)),
                (Err(error), Until::Empty) => return Err(error),
                (Err(error), Until::Stopped(stop)) => {
                    tracing::warn!(%error, "nothing is sent yet: the database does not answer");
                    tokio::select! {
                        () = stop.cancelled() => return Ok(None),
                        () = sleep(TROUBLE) => {}
                    }
                }
            }
        }
    }

    async fn give_back(&self, letters: &[storage::Queued]) -> Result<(), DbErr> {
        if letters.is_empty() {
            return Ok(());
        }
        let tx = self.0.database.write(Scope::System(SystemReason::Claim)).await?;
        storage::release(&tx, self.0.owner, letters).await?;
        tx.commit().await
    }
}

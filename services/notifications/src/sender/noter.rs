//! Notes what became of mails, those of many connections in one transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sea_orm::DbErr;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};
use usher_database::{Scope, SystemReason};
use usher_types::DeliveryState;

use super::Shared;
use crate::app::{publish_addresses, publish_noted};
use crate::storage::{self, Failing, Note};

/// The most notes of one transaction.
const MOST: usize = 500;
/// How long notes wait for those of mails that are being handed over.
const GATHER: Duration = Duration::from_millis(8);
/// The pause after the database did not answer.
const TROUBLE: Duration = Duration::from_millis(250);

type Slip = (Note, oneshot::Sender<()>);

/// Where a worker gives its notes.
#[derive(Clone, Debug)]
pub struct Notes {
    slips: mpsc::Sender<Slip>,
    on_the_wire: Arc<AtomicUsize>,
}

/// A note on its way.
#[derive(Debug)]
pub struct Noted(Option<oneshot::Receiver<()>>);

impl Noted {
    /// There is nothing to note.
    pub const fn nothing() -> Self {
        Self(None)
    }

    /// Waits until the note is committed; false where the noter is gone, and with it whoever could note a further mail.
    pub async fn committed(self) -> bool {
        match self.0 {
            Some(receiver) => receiver.await.is_ok(),
            None => true,
        }
    }
}

/// A mail that is being handed over: its note is soon to come.
#[derive(Debug)]
pub struct OnTheWire(Arc<AtomicUsize>);

impl Drop for OnTheWire {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Notes {
    /// A mail is going to be handed over, until what is returned is dropped.
    pub fn on_the_wire(&self) -> OnTheWire {
        self.on_the_wire.fetch_add(1, Ordering::AcqRel);
        OnTheWire(Arc::clone(&self.on_the_wire))
    }

    /// Gives a note to its noter.
    pub async fn give(&self, note: Note) -> Noted {
        let (done, noted) = oneshot::channel();
        // a slip that nobody takes is dropped, which tells whoever waits for its commit
        self.slips.send((note, done)).await.ok();
        Noted(Some(noted))
    }
}

/// Noters, where there are as many connections: while one commits, the connections of the other hand over.
const NOTERS: usize = 2;

/// Starts the noters, each of which ends when nobody can give it notes any more. `sick` are the destinations that have failed
/// before.
pub fn start(shared: &Arc<Shared>, sick: &BTreeSet<String>) -> (Vec<Notes>, JoinSet<()>) {
    let mut noters = JoinSet::new();
    let notes = (0..NOTERS.min(shared.pace.connections)).map(|_| {
        let (sender, slips) = mpsc::channel::<Slip>(MOST);
        let notes = Notes {
            slips: sender,
            on_the_wire: Arc::default(),
        };
        let on_the_wire = Arc::clone(&notes.on_the_wire);
        noters.spawn(take_notes(Arc::clone(shared), slips, on_the_wire, sick.clone()));
        notes
    });
    (notes.collect(), noters)
}

async fn take_notes(
    shared: Arc<Shared>,
    mut slips: mpsc::Receiver<Slip>,
    on_the_wire: Arc<AtomicUsize>,
    mut sick: BTreeSet<String>,
) {
    let mut waiting = Vec::with_capacity(MOST);
    while slips.recv_many(&mut waiting, MOST).await > 0 {
        gather(&mut slips, &mut waiting, &on_the_wire).await;
        let (notes, done): (Vec<_>, Vec<_>) = waiting.drain(..).unzip();
        // No connection goes on before its mail is noted, however long that takes.
        while let Err(error) = note(&shared, &notes, &mut sick).await {
            tracing::warn!(%error, notes = notes.len(), "what was sent could not be noted yet");
            sleep(TROUBLE).await;
        }
        for done in done {
            done.send(()).ok();
        }
    }
}

/// Takes the notes of the mails that are on the wire now along, as long as they come soon: a transaction costs about the same
/// for one note as for all connections'.
async fn gather(slips: &mut mpsc::Receiver<Slip>, waiting: &mut Vec<Slip>, on_the_wire: &AtomicUsize) {
    let end = Instant::now() + GATHER;
    while waiting.len() < MOST && on_the_wire.load(Ordering::Acquire) > 0 {
        let more = timeout_at(end, slips.recv_many(waiting, MOST));
        if !matches!(more.await, Ok(1..)) {
            break;
        }
    }
}

/// One transaction: outcomes, addresses, destinations, events.
async fn note(shared: &Shared, notes: &[Note], sick: &mut BTreeSet<String>) -> Result<(), DbErr> {
    let now = shared.clock.now();
    let tx = shared.database.write(Scope::System(SystemReason::Claim)).await?;
    let attempts = storage::note(&tx, shared.owner, notes).await?;
    let ours: Vec<(&Note, i64)> = notes
        .iter()
        .filter_map(|note| Some((note, *attempts.get(&note.letter.subject.message)?)))
        .collect();
    let bad = ours
        .iter()
        .filter(|(note, _)| note.outcome.bad_address)
        .map(|(note, _)| {
            let subject = &note.letter.subject;
            (
                (subject.organization, note.letter.canonical.clone()),
                subject.contact,
            )
        })
        .collect();
    let changed = storage::mark_bad_addresses(&tx, &bad, now).await?;
    destinations(shared, &tx, notes, sick).await?;
    publish_noted(&tx, &ours).await?;
    publish_addresses(&tx, &changed, now).await?;
    tx.commit().await?;
    for (note, attempts) in ours {
        say(note, attempts);
    }
    Ok(())
}

/// What operators look for: mails that did not go out, by message, without addresses.
fn say(note: &Note, attempts: i64) {
    if let Some(words) = &note.outcome.error {
        let message = note.letter.subject.message;
        tracing::info!(%message, state = %note.outcome.state, attempts, words, "a mail was not taken");
    }
}

/// Opens circuits of what fails and closes those of what works again.
async fn destinations(
    shared: &Shared,
    tx: &usher_database::Transaction,
    notes: &[Note],
    sick: &mut BTreeSet<String>,
) -> Result<(), DbErr> {
    let server = shared.transport.server();
    let mut failing = BTreeMap::new();
    let mut works = BTreeSet::new();
    for note in notes {
        match &note.destination {
            Some(name) if name == server => {
                failing.insert(name.clone(), Failing::Everything);
            }
            Some(name) => {
                failing.insert(name.clone(), Failing::Mail);
            }
            None if note.outcome.state == DeliveryState::Sent => {
                works.extend([server, note.letter.domain.as_str()].map(str::to_owned));
            }
            None => {}
        }
    }
    works.retain(|name| sick.contains(name) && !failing.contains_key(name));
    storage::punish(tx, &failing, shared.clock.now()).await?;
    storage::forgive(tx, &works).await?;
    sick.retain(|name| !works.contains(name));
    sick.extend(failing.into_keys());
    Ok(())
}

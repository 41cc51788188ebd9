//! Notes what became of mails, those of all connections in one transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use sea_orm::DbErr;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::sleep;
use usher_database::{Scope, SystemReason};
use usher_types::DeliveryState;

use super::Shared;
use crate::app::{publish_addresses, publish_noted};
use crate::storage::{self, Failing, Note};

/// The most notes of one transaction.
const MOST: usize = 500;
/// The pause after the database did not answer.
const TROUBLE: Duration = Duration::from_millis(250);

/// Transactions at a time: while one is on its way to the disk, the next one collects. More would make them smaller.
const NOTERS: usize = 2;

type Slip = (Note, oneshot::Sender<()>);
/// Destinations that have failed and not worked since.
type Sick = Arc<std::sync::Mutex<BTreeSet<String>>>;

/// Where workers give their notes.
#[derive(Clone, Debug)]
pub struct Notes(mpsc::Sender<Slip>);

/// A note on its way.
#[derive(Debug)]
pub struct Noted(Option<oneshot::Receiver<()>>);

impl Noted {
    /// There is nothing to note.
    pub const fn nothing() -> Self {
        Self(None)
    }

    /// Waits until the note is committed.
    pub async fn committed(self) {
        if let Some(receiver) = self.0 {
            // The noter answers every slip; it is gone only when the process ends.
            receiver.await.ok();
        }
    }
}

impl Notes {
    /// Gives a note to the noter.
    pub async fn give(&self, note: Note) -> Noted {
        let (done, noted) = oneshot::channel();
        match self.0.send((note, done)).await {
            Ok(()) => Noted(Some(noted)),
            Err(_) => Noted::nothing(),
        }
    }
}

/// Starts the noters, which end when nobody can give them notes any more. `sick` are the destinations that have failed before.
pub fn start(shared: &Arc<Shared>, sick: BTreeSet<String>) -> (Notes, JoinSet<()>) {
    let (sender, slips) = mpsc::channel::<Slip>(MOST);
    let slips = Arc::new(Mutex::new(slips));
    let sick = Arc::new(std::sync::Mutex::new(sick));
    let mut noters = JoinSet::new();
    for _ in 0..NOTERS {
        noters.spawn(take_notes(
            Arc::clone(shared),
            Arc::clone(&slips),
            Arc::clone(&sick),
        ));
    }
    (Notes(sender), noters)
}

async fn take_notes(shared: Arc<Shared>, slips: Arc<Mutex<mpsc::Receiver<Slip>>>, sick: Sick) {
    let mut waiting = Vec::with_capacity(MOST);
    while slips.lock().await.recv_many(&mut waiting, MOST).await > 0 {
        let (notes, done): (Vec<_>, Vec<_>) = waiting.drain(..).unzip();
        // No connection goes on before its mail is noted, however long that takes.
        while let Err(error) = note(&shared, &notes, &sick).await {
            tracing::warn!(%error, notes = notes.len(), "what was sent could not be noted yet");
            sleep(TROUBLE).await;
        }
        for done in done {
            done.send(()).ok();
        }
    }
}

/// One transaction: outcomes, addresses, destinations, events.
async fn note(shared: &Shared, notes: &[Note], sick: &Sick) -> Result<(), DbErr> {
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
    sick: &Sick,
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
    {
        let sick = sick.lock().unwrap_or_else(PoisonError::into_inner);
        works.retain(|name| sick.contains(name) && !failing.contains_key(name));
    }
    storage::punish(tx, &failing, shared.clock.now()).await?;
    storage::forgive(tx, &works).await?;
    let mut sick = sick.lock().unwrap_or_else(PoisonError::into_inner);
    sick.retain(|name| !works.contains(name));
    sick.extend(failing.into_keys());
    Ok(())
}

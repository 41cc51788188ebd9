//! Claimed letters on their way to the workers: interactive before bulk.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;
use usher_events::Lane;

use super::renderer::Known;
use crate::storage::Queued;

/// A claimed letter, and until when it may be handed over.
#[derive(Debug)]
pub struct Claimed {
    pub letter: Queued,
    /// What it says; none where that is not stored.
    pub mailing: Option<Arc<Known>>,
    pub lease_until: Instant,
}

#[derive(Debug, Default)]
struct Lanes {
    interactive: VecDeque<Claimed>,
    bulk: VecDeque<Claimed>,
    closed: bool,
}

impl Lanes {
    fn of(&mut self, lane: Lane) -> &mut VecDeque<Claimed> {
        match lane {
            Lane::Interactive => &mut self.interactive,
            Lane::Bulk => &mut self.bulk,
        }
    }
}

#[derive(Debug)]
pub struct Queue {
    lanes: Mutex<Lanes>,
    filled: Notify,
    emptied: Notify,
    connections: usize,
}

impl Queue {
    pub fn new(connections: usize) -> Self {
        Self {
            lanes: Mutex::default(),
            filled: Notify::new(),
            emptied: Notify::new(),
            connections,
        }
    }

    /// Adds letters.
    pub fn push(&self, lane: Lane, letters: impl IntoIterator<Item = Claimed>) {
        self.lock().of(lane).extend(letters);
        self.filled.notify_waiters();
    }

    /// Waits until the lane runs low.
    pub async fn runs_low(&self, lane: Lane) {
        loop {
            let emptied = self.emptied.notified();
            tokio::pin!(emptied);
            // Registered before looking, so that nothing is missed in between.
            emptied.as_mut().enable();
            if self.lock().of(lane).len() <= self.low() {
                return;
            }
            emptied.await;
        }
    }

    /// The next letter; none when the queue is closed and empty.
    pub async fn next(&self) -> Option<Claimed> {
        loop {
            let filled = self.filled.notified();
            tokio::pin!(filled);
            filled.as_mut().enable();
            {
                let mut lanes = self.lock();
                let next = lanes.interactive.pop_front().or_else(|| lanes.bulk.pop_front());
                if next.is_some() {
                    self.look_whether_low(&lanes);
                    return next;
                }
                if lanes.closed {
                    return None;
                }
            }
            filled.await;
        }
    }

    /// A further letter of a mass, if there are enough for all connections and nobody waits for one of the others: it is going to
    /// stand behind the mail that its connection has in hand.
    pub fn another(&self) -> Option<Claimed> {
        let mut lanes = self.lock();
        if !lanes.interactive.is_empty() || lanes.bulk.len() < self.connections {
            return None;
        }
        let another = lanes.bulk.pop_front();
        self.look_whether_low(&lanes);
        another
    }

    /// Letters of a lane below which more are claimed.
    const fn low(&self) -> usize {
        self.connections * 4
    }

    fn look_whether_low(&self, lanes: &Lanes) {
        if lanes.interactive.len() == self.low() || lanes.bulk.len() == self.low() {
            self.emptied.notify_waiters();
        }
    }

    /// Takes everything out.
    pub fn take_all(&self) -> Vec<Queued> {
        let mut lanes = self.lock();
        let Lanes {
            interactive, bulk, ..
        } = &mut *lanes;
        interactive
            .drain(..)
            .chain(bulk.drain(..))
            .map(|claimed| claimed.letter)
            .collect()
    }

    /// Nothing comes any more.
    pub fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_waiters();
    }

    fn lock(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

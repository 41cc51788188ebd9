//! A handler that does what the test says and remembers what lasted.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task,
};
use usher_database::Transaction;
use usher_events::Envelope;
use usher_messaging::{Handler, HandlerError};

use super::stage::PATIENCE;

type Behaviour = Box<dyn FnMut(&[Envelope]) -> Result<(), HandlerError> + Send>;

pub struct Recorder {
    behaviour: Mutex<Behaviour>,
    /// What each consumer, which is a task of its own, has tried last: lanes commit beside each other.
    tried: Mutex<HashMap<Option<task::Id>, Vec<Envelope>>>,
    sender: UnboundedSender<Envelope>,
}

/// What was committed, in its order.
pub struct Record(UnboundedReceiver<Envelope>);

impl Record {
    /// The next `count` messages.
    pub async fn next(&mut self, count: usize) -> Vec<Envelope> {
        let mut messages = Vec::new();
        while messages.len() < count {
            let next = tokio::time::timeout(PATIENCE, self.0.recv()).await;
            messages.push(next.expect("a message in time").expect("the handler lives"));
        }
        messages
    }

    /// What else is there.
    pub fn rest(&mut self) -> Vec<Envelope> {
        std::iter::from_fn(|| self.0.try_recv().ok()).collect()
    }
}

pub fn recorder(
    behaviour: impl FnMut(&[Envelope]) -> Result<(), HandlerError> + Send + 'static,
) -> (Arc<Recorder>, Record) {
    let (sender, receiver) = unbounded_channel();
    let recorder = Recorder {
        behaviour: Mutex::new(Box::new(behaviour)),
        tried: Mutex::default(),
        sender,
    };
    (Arc::new(recorder), Record(receiver))
}

#[async_trait::async_trait]
impl Handler for Recorder {
    async fn handle(&self, _tx: &Transaction, slice: &[Envelope]) -> Result<(), HandlerError> {
        let done = self
            .behaviour
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)(slice);
        self.tried.lock().unwrap().insert(task::try_id(), slice.to_vec());
        done
    }

    async fn committed(&self) {
        let committed = self.tried.lock().unwrap().remove(&task::try_id());
        for envelope in committed.unwrap_or_default() {
            let _ = self.sender.send(envelope);
        }
    }
}

/// A handler that never comes back, as if its process hung.
pub struct Stuck(pub UnboundedSender<usize>);

#[async_trait::async_trait]
impl Handler for Stuck {
    async fn handle(&self, _tx: &Transaction, slice: &[Envelope]) -> Result<(), HandlerError> {
        let _ = self.0.send(slice.len());
        std::future::pending().await
    }
}

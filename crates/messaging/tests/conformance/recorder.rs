//! A handler that does what the test says and remembers what lasted.

use std::sync::{Arc, Mutex};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use usher_database::Transaction;
use usher_events::Envelope;
use usher_messaging::{Handler, HandlerError};

use super::stage::PATIENCE;

type Behaviour = Box<dyn FnMut(&[Envelope]) -> Result<(), HandlerError> + Send>;

pub struct Recorder {
    behaviour: Mutex<Behaviour>,
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
        sender,
    };
    (Arc::new(recorder), Record(receiver))
}

#[async_trait::async_trait]
impl Handler for Recorder {
    async fn handle(&self, tx: &Transaction, slice: &[Envelope]) -> Result<(), HandlerError> {
        let done = self
            .behaviour
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)(slice);
        let (sender, slice) = (self.sender.clone(), slice.to_vec());
        tx.after_commit(move || {
            for envelope in slice {
                let _ = sender.send(envelope);
            }
        });
        done
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

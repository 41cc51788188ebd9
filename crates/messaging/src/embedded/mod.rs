//! The broker inside the process: a SQLite file with a row for each message and queue it was routed to.
//!
//! A message is confirmed when its rows are committed. A consumer takes rows in their order and counts the taking, so that
//! a message that kills the process is known by its count; an ack deletes the row. One process uses the file at a time,
//! so who has taken what is only known in memory, and forgotten with the consumer.

mod pattern;
mod store;

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

pub(crate) use pattern::matches;
use tokio::{
    sync::{Notify, OwnedMutexGuard},
    time::timeout,
};

use self::store::{Row, Store};
use crate::{
    BrokerError, json,
    transport::{Deliveries, Delivery, Exchange, Outgoing, Queue, Transport, Unreadable},
};

/// The safety net under the wake-ups.
const POLL: Duration = Duration::from_secs(5);

/// The in-process broker.
#[derive(Debug)]
pub(crate) struct Embedded {
    store: Store,
    /// Patterns by queue. Queues of services that are not running still collect their messages.
    bindings: Mutex<Arc<BTreeMap<String, Vec<String>>>>,
    lines: Mutex<HashMap<String, Arc<Line>>>,
}

/// One queue's life in memory.
#[derive(Debug, Default)]
struct Line {
    wake: Notify,
    active: Arc<tokio::sync::Mutex<()>>,
}

impl Embedded {
    pub(crate) async fn open(path: &Path) -> Result<Self, BrokerError> {
        let store = Store::open(path).await?;
        let bindings = Mutex::new(Arc::new(store.bindings().await?));
        Ok(Self {
            store,
            bindings,
            lines: Mutex::default(),
        })
    }

    fn line(&self, queue: &str) -> Arc<Line> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(lines.entry(queue.to_owned()).or_default())
    }

    fn bindings(&self) -> Arc<BTreeMap<String, Vec<String>>> {
        Arc::clone(&self.bindings.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The queues that a message goes to.
fn route<'a>(bindings: &'a BTreeMap<String, Vec<String>>, message: &Outgoing) -> Vec<&'a str> {
    let key = message.routing_key();
    let bound = bindings.iter().filter(|(queue, patterns)| {
        if message.is_command() {
            **queue == key
        } else {
            patterns.iter().any(|pattern| matches(pattern, &key))
        }
    });
    bound.map(|(queue, _)| queue.as_str()).collect()
}

#[async_trait::async_trait]
impl Transport for Embedded {
    fn system(&self) -> &'static str {
        "usher"
    }

    fn exchange(&self, exchange: Exchange) -> String {
        match exchange {
            Exchange::Events | Exchange::Packs => "usher.events",
            Exchange::Work => "usher.work",
        }
        .to_owned()
    }

    async fn greet(&self) -> Result<(), BrokerError> {
        Ok(())
    }

    async fn declare(&self, queues: &[Queue]) -> Result<(), BrokerError> {
        self.store.declare(queues).await?;
        let bindings = Arc::new(self.store.bindings().await?);
        *self.bindings.lock().unwrap_or_else(PoisonError::into_inner) = bindings;
        Ok(())
    }

    async fn publish(&self, messages: &[Outgoing]) -> Result<Vec<bool>, BrokerError> {
        let bindings = self.bindings();
        let mut rows = Vec::with_capacity(messages.len());
        let mut outcomes = Vec::with_capacity(messages.len());
        for message in messages {
            let queues = route(&bindings, message);
            outcomes.push(!queues.is_empty() || !message.is_command());
            if !queues.is_empty() {
                for single in message.singles()? {
                    let text = json::write(&single)?;
                    rows.extend(queues.iter().map(|queue| (*queue, text.clone())));
                }
            }
        }
        if !rows.is_empty() {
            self.store.insert(&rows).await?;
            rows.dedup_by(|next, previous| next.0 == previous.0);
            rows.iter()
                .for_each(|(queue, _)| self.line(queue).wake.notify_one());
        }
        Ok(outcomes)
    }

    async fn consume(&self, queue: &Queue) -> Result<Box<dyn Deliveries>, BrokerError> {
        let name = queue.name();
        let line = self.line(&name);
        let active = Arc::clone(&line.active).lock_owned().await;
        Ok(Box::new(Taking {
            store: self.store.clone(),
            queue: name,
            line,
            last: 0,
            cancelled: false,
            _active: active,
        }))
    }
}

/// The queue's one active consumer. It has taken every row up to `last`.
struct Taking {
    store: Store,
    queue: String,
    line: Arc<Line>,
    last: i64,
    cancelled: bool,
    _active: OwnedMutexGuard<()>,
}

#[async_trait::async_trait]
impl Deliveries for Taking {
    async fn take(&mut self, limit: usize) -> Result<Vec<Delivery>, BrokerError> {
        if self.cancelled {
            return Ok(Vec::new());
        }
        let rows = self.store.take(&self.queue, self.last, limit).await?;
        self.last = rows.last().map_or(self.last, |row| row.position);
        Ok(rows.into_iter().map(delivery).collect())
    }

    async fn wait(&mut self) -> Result<(), BrokerError> {
        let _ = timeout(POLL, self.line.wake.notified()).await;
        Ok(())
    }

    async fn cancel(&mut self) -> Result<(), BrokerError> {
        self.cancelled = true;
        Ok(())
    }

    async fn ack(&mut self, tags: &[u64]) -> Result<(), BrokerError> {
        let positions = tags.iter().filter_map(|tag| i64::try_from(*tag).ok());
        Ok(self.store.delete(positions).await?)
    }
}

fn delivery(row: Row) -> Delivery {
    let content = serde_json::from_str(&row.message);
    Delivery {
        tag: u64::try_from(row.position).unwrap_or_default(),
        returned: u32::try_from(row.taken - 1).unwrap_or_default(),
        pack: None,
        content: content.map_err(|error| Unreadable::new(row.message.as_bytes(), error.to_string())),
    }
}

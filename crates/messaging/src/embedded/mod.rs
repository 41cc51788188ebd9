//! The broker inside the process: a SQLite file.

mod pattern;

use std::path::Path;

pub(crate) use pattern::matches;
use usher_database::Database;

use crate::{
    BrokerError,
    transport::{Deliveries, Outgoing, Queue, Transport},
};

/// The in-process broker.
#[derive(Debug)]
pub(crate) struct Embedded {
    #[expect(dead_code, reason = "the store follows")]
    store: Database,
}

impl Embedded {
    pub(crate) async fn open(path: &Path) -> Result<Self, BrokerError> {
        Ok(Self {
            store: Database::open_file(path, 4).await?,
        })
    }
}

#[async_trait::async_trait]
impl Transport for Embedded {
    async fn declare(&self, _queues: &[Queue]) -> Result<(), BrokerError> {
        Ok(())
    }

    async fn publish(&self, messages: &[Outgoing]) -> Result<Vec<bool>, BrokerError> {
        Ok(messages.iter().map(|_| false).collect())
    }

    async fn consume(&self, _queue: &Queue) -> Result<Box<dyn Deliveries>, BrokerError> {
        Err(BrokerError::Unavailable("not built yet".to_owned()))
    }
}

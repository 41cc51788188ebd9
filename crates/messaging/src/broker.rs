//! The broker's handle and its errors.

use std::{path::Path, sync::Arc};

use usher_database::ConnectError;

use crate::{RabbitSettings, Subscription, embedded::Embedded, rabbit::Rabbit, transport::Transport};

/// Where messages go and come from; cloning shares it.
#[derive(Clone, Debug)]
pub struct Broker {
    pub(crate) transport: Arc<dyn Transport>,
}

/// Why the broker does not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// Settings, password or permissions are wrong; waiting does not help: exit 78 (R5).
    #[error("{0}")]
    Settings(String),
    /// It does not answer, or not any more; tried again (R5).
    #[error("the broker does not answer: {0}")]
    Unavailable(String),
    /// Somebody else makes exchanges and queues, and has not made all of them yet; tried again (R5).
    #[error("{0}")]
    Missing(String),
}

impl BrokerError {
    /// Whether trying again later makes sense.
    #[must_use]
    pub const fn is_temporary(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Missing(_))
    }
}

impl From<ConnectError> for BrokerError {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Settings(reason) => Self::Settings(reason),
            ConnectError::Unavailable(reason) => Self::Unavailable(reason),
        }
    }
}

impl From<sea_orm::DbErr> for BrokerError {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl Broker {
    /// The in-process broker on its own SQLite file. One process at a time may use the file; the caller locks the data
    /// folder.
    ///
    /// # Errors
    /// Where the file cannot be opened or made.
    pub async fn embedded(path: impl AsRef<Path>) -> Result<Self, BrokerError> {
        Ok(Self {
            transport: Arc::new(Embedded::open(path.as_ref()).await?),
        })
    }

    /// RabbitMQ 3.10 or later. Connects when it is first needed; [`crate::run`] waits for a broker that does not answer.
    ///
    /// # Errors
    /// Where the URL cannot be read.
    pub fn rabbit(settings: &RabbitSettings) -> Result<Self, BrokerError> {
        Ok(Self {
            transport: Arc::new(Rabbit::new(settings)?),
        })
    }

    /// Connects once and changes nothing: whether the broker is there and takes user, password and virtual host.
    ///
    /// # Errors
    /// Where it does not answer or refuses.
    pub async fn greet(&self) -> Result<(), BrokerError> {
        self.transport.greet().await
    }

    /// Makes the queues of all these subscriptions exist. [`crate::run`] does so for its own; a process that runs several
    /// services calls this first for all of them, so that no event is published before everyone who wants it has a
    /// queue.
    ///
    /// # Errors
    /// Where the broker does not answer or refuses.
    pub async fn declare(&self, subscriptions: &[Subscription]) -> Result<(), BrokerError> {
        self.transport.declare(&crate::run::queues(subscriptions)).await
    }
}

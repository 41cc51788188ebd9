//! What a service does with messages.

use std::error::Error;

use sea_orm::DbErr;
use usher_database::Transaction;
use usher_events::{Envelope, PayloadError};
use usher_types::OrganizationId;

/// Works on messages of one queue.
#[async_trait::async_trait]
pub trait Handler: Send + Sync {
    /// Applies a slice of up to 200 messages, in the order they came, none of which was handled before. `tx` is in system
    /// scope and is committed by the caller together with the note that these messages are done; on an error nothing of
    /// it lasts, and the messages are tried one by one. Lanes are worked on beside each other, so what belongs to a slice and is
    /// to be done once it lasts goes with its transaction ([`Transaction::after_commit`]), not into the handler.
    ///
    /// # Errors
    /// [`HandlerError::Retry`] for what may pass, [`HandlerError::Reject`] for what never will.
    async fn handle(&self, tx: &Transaction, slice: &[Envelope]) -> Result<(), HandlerError>;

    /// Whose a message is that becomes a dead letter: who sees it, and has it erased with them. What the message says of itself
    /// does for messages of our own; `tx` is in system scope.
    ///
    /// # Errors
    /// Where the database does not answer.
    async fn owner(&self, _tx: &Transaction, message: &Envelope) -> Result<Option<OrganizationId>, DbErr> {
        Ok(message.organization)
    }
}

/// Why a slice failed. The author chooses at each `?`: database errors become `Retry`, unfitting payloads `Reject`.
#[derive(Debug, thiserror::Error)]
pub enum HandlerError {
    /// Try again later; after five failures the message is a dead letter.
    #[error("{0}")]
    Retry(#[source] Box<dyn Error + Send + Sync>),
    /// This message can never be handled: a dead letter at once. The reason is shown to operators, so no addresses.
    #[error("{0}")]
    Reject(String),
}

impl HandlerError {
    /// A failure that may pass.
    pub fn retry(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Retry(source.into())
    }

    /// A message that can never be handled.
    pub fn reject(reason: impl Into<String>) -> Self {
        Self::Reject(reason.into())
    }
}

impl From<DbErr> for HandlerError {
    fn from(error: DbErr) -> Self {
        Self::Retry(error.into())
    }
}

impl From<PayloadError> for HandlerError {
    fn from(error: PayloadError) -> Self {
        Self::Reject(error.to_string())
    }
}

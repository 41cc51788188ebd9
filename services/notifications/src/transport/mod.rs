//! Where mails go: to a server, into a folder (N10), or into memory.

mod capture;
mod dialogue;
mod gathered;
mod memory;
mod smtp;
mod tls;
mod url;

pub use capture::Capture;
pub use memory::Memory;
pub use smtp::Smtp;
pub use url::{Encryption, SmtpUrl, WrongSmtpUrl};

use chrono::{DateTime, Utc};
use lettre::address::Address;
use tokio::time::{Instant, timeout_at};
use usher_types::MessageId;

use crate::discreet::discreet;
use crate::domain::reply::{Stage, Trouble};

/// Where mails go.
#[derive(Clone, Debug)]
pub enum MailTransport {
    /// To the configured server.
    Smtp(Smtp),
    /// Into a folder, for development only.
    Capture(Capture),
    /// Into memory, for tests.
    Memory(Memory),
}

/// A mail server that would take mails now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Greeted {
    /// Whether the connection was encrypted.
    pub encrypted: bool,
    /// Whether it took user and password; false where none are given.
    pub signed_in: bool,
}

/// One mail and its envelope.
pub struct Parcel {
    /// Envelope sender.
    pub from: Address,
    /// Envelope recipient.
    pub to: Address,
    /// Headers and body.
    pub bytes: Vec<u8>,
    /// Which message.
    pub message: MessageId,
    /// The same for every repeat.
    pub first_attempt_at: DateTime<Utc>,
}

discreet!(Parcel, |parcel| message: parcel.message, bytes: parcel.bytes.len());

impl MailTransport {
    /// The destination whose circuit opens when nothing can be sent at all.
    #[must_use]
    pub fn server(&self) -> &str {
        match self {
            Self::Smtp(smtp) => smtp.server(),
            Self::Capture(_) => "capture",
            Self::Memory(_) => "memory",
        }
    }

    /// The host and port that mails are handed to; none where they stay in this process.
    #[must_use]
    pub fn address(&self) -> Option<(&str, u16)> {
        match self {
            Self::Smtp(smtp) => Some(smtp.address()),
            Self::Capture(_) | Self::Memory(_) => None,
        }
    }

    /// Why starting is pointless, as far as the server shows it in time (R5).
    pub async fn hopeless(&self) -> Option<String> {
        match self {
            Self::Smtp(smtp) => smtp.hopeless().await,
            Self::Capture(_) | Self::Memory(_) => None,
        }
    }

    /// Goes as far as a mail server lets somebody who is about to send: greeting, encryption, sign-in. None where mail goes to none.
    ///
    /// # Errors
    /// What the server said, or what is wrong with the way to it.
    pub async fn greet(&self) -> Result<Option<Greeted>, String> {
        match self {
            Self::Smtp(smtp) => smtp.greet().await.map(Some),
            Self::Capture(_) | Self::Memory(_) => Ok(None),
        }
    }

    /// A line to send mails over, one after the other. Nothing is opened yet.
    #[must_use]
    pub fn line(&self) -> Line {
        match self {
            Self::Smtp(smtp) => Line::Smtp(smtp.line()),
            Self::Capture(capture) => Line::Capture(capture.clone()),
            Self::Memory(memory) => Line::Memory(memory.clone()),
        }
    }
}

/// One connection, opened when it is first needed and kept.
#[derive(Debug)]
pub enum Line {
    /// To a server.
    Smtp(Box<smtp::SmtpLine>),
    /// Into a folder.
    Capture(Capture),
    /// Into memory.
    Memory(Memory),
}

impl Line {
    /// Names sender and recipient to the server, connecting first where needed, until it waits for the mail's text. It has not
    /// taken anything yet.
    ///
    /// # Errors
    /// [`Trouble`]; the line can be used again.
    pub async fn announce(&mut self, parcel: &Parcel) -> Result<(), Trouble> {
        match self {
            Self::Smtp(line) => line.announce(parcel).await,
            Self::Capture(_) | Self::Memory(_) => Ok(()),
        }
    }

    /// Hands the announced mail over, with its final dot. After an answer in time the server has it or not. `next` is the mail
    /// that is announced next, if that is known: where the server takes several commands at once, it is named in the same
    /// breath.
    ///
    /// # Errors
    /// [`Trouble`]; the line can be used again. After [`Trouble::Lost`] the server may have taken the mail.
    pub async fn hand_over(&mut self, parcel: &Parcel, next: Option<&Parcel>) -> Result<(), Trouble> {
        match self {
            Self::Smtp(line) => line.hand_over(parcel, next).await,
            Self::Capture(capture) => capture.keep(parcel).await,
            Self::Memory(memory) => {
                memory.keep(parcel);
                Ok(())
            }
        }
    }

    /// Takes a mail back that was announced, or named as the next.
    pub fn withdraw(&mut self) {
        if let Self::Smtp(line) = self {
            line.withdraw();
        }
    }

    /// Says goodbye.
    pub async fn close(&mut self) {
        if let Self::Smtp(line) = self {
            line.close().await;
        }
    }
}

/// The work, or that it took too long.
async fn in_time<T>(
    deadline: Instant,
    stage: Stage,
    work: impl Future<Output = Result<T, Trouble>>,
) -> Result<T, Trouble> {
    timeout_at(deadline, work).await.unwrap_or_else(|_| {
        Err(Trouble::Lost {
            stage,
            text: "the mail server did not answer in time".to_owned(),
        })
    })
}

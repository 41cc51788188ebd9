//! What is said over a connection, and what the server says to it.

use std::error::Error as _;
use std::time::Duration;

use lettre::transport::smtp::Error;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{Extension, MailBodyParameter, MailParameter};
use tokio::time::{Instant, timeout};
use usher_types::MessageId;

use super::{Parcel, in_time};
use crate::domain::reply::{Stage, Trouble};

/// Servers close connections that are silent for long; after this time we ask before we use one.
const TRUSTED_IDLE: Duration = Duration::from_secs(5);
/// How long a sign of life or a goodbye may take.
pub(super) const SHORTLY: Duration = Duration::from_secs(2);

/// A connection that stands.
pub(super) struct Connection {
    pub(super) smtp: AsyncSmtpConnection,
    /// The server takes several commands at once.
    pub(super) pipelining: bool,
    /// The mail that was named along with the text of the one before; the answers are still to be read.
    pub(super) named: Option<MessageId>,
    /// When the server last answered.
    pub(super) used: Instant,
}

/// A text of which no line begins with a dot, with the final one: as it is on the wire. lettre looks for such dots byte by byte.
pub(super) struct Plain<'a>(&'a str);

impl<'a> Plain<'a> {
    pub(super) fn of(bytes: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let stuffed = text.starts_with('.') || text.contains("\n.");
        (!stuffed).then_some(Self(text))
    }
}

impl std::fmt::Display for Plain<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.0)?;
        formatter.write_str("\r\n.\r\n")
    }
}

/// The commands that name sender and recipient of a mail and ask for its text.
pub(super) struct Naming {
    mail: Mail,
    rcpt: Rcpt,
}

impl Naming {
    pub(super) fn of(parcel: &Parcel, connection: &AsyncSmtpConnection) -> Result<Self, Trouble> {
        Ok(Self {
            mail: Mail::new(Some(parcel.from.clone()), parameters(connection, parcel)?),
            rcpt: Rcpt::new(parcel.to.clone(), Vec::new()),
        })
    }
}

impl std::fmt::Display for Naming {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}{}{Data}", self.mail, self.rcpt)
    }
}

/// What a server says to MAIL, RCPT and DATA.
pub(super) enum Answered {
    /// It waits for the text, or for other commands where it refused one of these.
    Said(Result<(), Trouble>),
    /// It waits for the text although it has refused sender or recipient (RFC 2920, section 3.1).
    ForNobody(Trouble),
}

impl Connection {
    /// Whether the server has not hung up.
    pub(super) async fn stands(&mut self) -> bool {
        self.used.elapsed() < TRUSTED_IDLE
            || matches!(timeout(SHORTLY, self.smtp.test_connected()).await, Ok(true))
    }

    pub(super) async fn say_in_turn(&mut self, naming: Naming, deadline: Instant) -> Answered {
        let said = async {
            command(&mut self.smtp, deadline, Stage::Sender, naming.mail).await?;
            command(&mut self.smtp, deadline, Stage::Recipient, naming.rcpt).await?;
            command(&mut self.smtp, deadline, Stage::Data, Data).await
        };
        Answered::Said(said.await)
    }

    /// All three go out together, and all three are answered, whatever the first answer is.
    pub(super) async fn say_at_once(&mut self, naming: &Naming, deadline: Instant) -> Answered {
        let mail = command(&mut self.smtp, deadline, Stage::Sender, naming).await;
        self.answers_after(mail, deadline).await
    }

    /// The answers to all three, which went out before.
    pub(super) async fn answers(&mut self, deadline: Instant) -> Answered {
        let mail = self.answer(Stage::Sender, deadline).await;
        self.answers_after(mail, deadline).await
    }

    /// The answers that are left after that to MAIL.
    async fn answers_after(&mut self, mail: Result<(), Trouble>, deadline: Instant) -> Answered {
        let mut said = mail;
        for stage in [Stage::Recipient, Stage::Data] {
            if matches!(&said, Err(trouble) if trouble.ends_connection()) {
                break;
            }
            said = match (said, self.answer(stage, deadline).await) {
                (Err(refused), Ok(())) if stage == Stage::Data => return Answered::ForNobody(refused),
                (said, answer) => said.and(answer),
            };
        }
        Answered::Said(said)
    }

    async fn answer(&mut self, stage: Stage, deadline: Instant) -> Result<(), Trouble> {
        in_time(deadline, stage, async {
            let answer = self.smtp.read_response().await;
            answer.map(drop).map_err(|error| trouble(stage, &error))
        })
        .await
    }
}

pub(super) async fn command(
    connection: &mut AsyncSmtpConnection,
    deadline: Instant,
    stage: Stage,
    command: impl std::fmt::Display,
) -> Result<(), Trouble> {
    in_time(deadline, stage, async {
        let answer = connection.command(command).await;
        answer.map(drop).map_err(|error| trouble(stage, &error))
    })
    .await
}

/// SMTPUTF8 and 8BITMIME only where the server offers them (N5).
fn parameters(connection: &AsyncSmtpConnection, parcel: &Parcel) -> Result<Vec<MailParameter>, Trouble> {
    let offers = |extension| connection.server_info().supports_feature(extension);
    let mut parameters = Vec::new();
    if !AsRef::<str>::as_ref(&parcel.to).is_ascii() {
        if !offers(Extension::SmtpUtfEight) {
            return Err(Trouble::Unsendable(
                "the mail server does not take addresses with letters outside of ASCII (SMTPUTF8)".to_owned(),
            ));
        }
        parameters.push(MailParameter::SmtpUtfEight);
    }
    if !parcel.bytes.is_ascii() && offers(Extension::EightBitMime) {
        parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    Ok(parameters)
}

pub(super) fn lost(stage: Stage, text: &str) -> Trouble {
    Trouble::Lost {
        stage,
        text: text.to_owned(),
    }
}

/// The trouble of a server whose certificate is not one that we trust; none of any other error.
pub(super) fn untrusted(error: &(dyn std::error::Error + 'static)) -> Option<Trouble> {
    let reason = usher_tls::distrust(error)?;
    Some(Trouble::Untrusted(format!(
        "the mail server cannot be trusted: {reason}"
    )))
}

pub(super) fn trouble(stage: Stage, error: &Error) -> Trouble {
    let words = error.source().map(ToString::to_string);
    match error.status() {
        Some(code) => Trouble::Reply {
            stage,
            code: u16::from(code),
            text: words.unwrap_or_default(),
        },
        None if error.is_client() => Trouble::Lost {
            stage,
            text: words.unwrap_or_else(|| error.to_string()),
        },
        None => Trouble::Lost {
            stage,
            text: format!(
                "the connection was lost: {}",
                words.unwrap_or_else(|| error.to_string())
            ),
        },
    }
}

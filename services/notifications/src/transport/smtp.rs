//! SMTP over connections of our own, kept from mail to mail: one or two exchanges a mail where the server takes several commands
//! at once (PIPELINING, RFC 2920), else four.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::DEFAULT_MECHANISMS;
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream, TlsParameters};
use lettre::transport::smtp::commands::{Data, Ehlo, Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use usher_types::MessageId;

use super::gathered::Gathered;
use super::tls::Encrypted;
use super::{Encryption, Parcel, SmtpUrl, in_time};
use crate::domain::reply::{Stage, Trouble};

/// Servers close connections that are silent for long; after this time we ask before we use one.
const TRUSTED_IDLE: Duration = Duration::from_secs(5);
/// How long goodbyes may take: nothing depends on them.
const GOODBYE: Duration = Duration::from_secs(2);
/// How long a start waits for a server to say something about our password.
const GREETING: Duration = Duration::from_secs(3);

/// A mail server.
#[derive(Clone, Debug)]
pub struct Smtp(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    url: SmtpUrl,
    server: String,
    hello: ClientId,
    dialogue: Duration,
}

impl Smtp {
    /// `dialogue` is the longest time that one mail may take, connecting included.
    #[must_use]
    pub fn new(url: SmtpUrl, dialogue: Duration) -> Self {
        Self(Arc::new(Inner {
            server: format!("server {}:{}", url.host, url.port),
            hello: ClientId::default(),
            url,
            dialogue,
        }))
    }

    pub(super) fn server(&self) -> &str {
        &self.0.server
    }

    /// Whether the server says that user or password are wrong (RFC 4954); no answer in time is no such answer.
    pub(super) async fn refuses_password(&self) -> bool {
        if self.0.url.credentials.is_none() {
            return false;
        }
        match timeout(GREETING, self.connect()).await {
            Ok(Ok(mut connection)) => {
                timeout(GOODBYE, connection.smtp.quit()).await.ok();
                false
            }
            Ok(Err(Trouble::Reply { code: 535, .. })) => true,
            Ok(Err(trouble)) => {
                tracing::warn!(words = trouble.words(), "the mail server takes nothing yet");
                false
            }
            Err(_) => {
                tracing::warn!("the mail server does not answer yet");
                false
            }
        }
    }

    pub(super) fn line(&self) -> Box<SmtpLine> {
        Box::new(SmtpLine {
            smtp: self.clone(),
            connection: None,
        })
    }

    async fn connect(&self) -> Result<Connection, Trouble> {
        let url = &self.0.url;
        let stream = TcpStream::connect((url.host.as_str(), url.port))
            .await
            .map_err(|error| lost(Stage::Connect, &format!("no connection: {error}")))?;
        // What we write is whole, and Nagle's algorithm would hold its end back for 40 ms.
        stream
            .set_nodelay(true)
            .map_err(|error| lost(Stage::Connect, &error.to_string()))?;
        let stream: Box<dyn AsyncTokioStream> = match url.encryption {
            Encryption::Wrapped => Box::new(
                Encrypted::over(stream, &url.host)
                    .await
                    .map_err(|error| lost(Stage::Connect, &format!("no TLS: {error}")))?,
            ),
            _ => Box::new(stream),
        };
        let stream = Box::new(Gathered::over(stream));
        let mut connection = AsyncSmtpConnection::connect_with_transport(stream, &self.0.hello)
            .await
            .map_err(|error| trouble(Stage::Connect, &error))?;
        self.encrypt(&mut connection).await?;
        // lettre forgets what it does not use of the server's offers, so they are asked for once more.
        let offers = connection
            .command(Ehlo::new(self.0.hello.clone()))
            .await
            .map_err(|error| trouble(Stage::Connect, &error))?;
        let pipelining = offers
            .message()
            .any(|offer| offer.trim().eq_ignore_ascii_case("PIPELINING"));
        if let Some(credentials) = &url.credentials {
            connection
                .auth(DEFAULT_MECHANISMS, credentials)
                .await
                .map_err(|error| trouble(Stage::Connect, &error))?;
        }
        Ok(Connection {
            smtp: connection,
            pipelining,
            named: None,
            used: Instant::now(),
        })
    }

    async fn encrypt(&self, connection: &mut AsyncSmtpConnection) -> Result<(), Trouble> {
        let wanted = match self.0.url.encryption {
            Encryption::Wrapped | Encryption::None => false,
            Encryption::Required => true,
            Encryption::Opportunistic => connection.can_starttls(),
        };
        if !wanted {
            return Ok(());
        }
        let parameters = TlsParameters::new(self.0.url.host.clone());
        let parameters = parameters.map_err(|error| trouble(Stage::Connect, &error))?;
        connection
            .starttls(parameters, &self.0.hello)
            .await
            .map_err(|error| trouble(Stage::Connect, &error))
    }
}

/// A connection that stands.
struct Connection {
    smtp: AsyncSmtpConnection,
    /// The server takes several commands at once.
    pipelining: bool,
    /// The mail that was named along with the text of the one before; the answers are still to be read.
    named: Option<MessageId>,
    /// When the server last answered.
    used: Instant,
}

/// One line to the server, with its connection once there is one.
pub struct SmtpLine {
    smtp: Smtp,
    connection: Option<Connection>,
}

impl std::fmt::Debug for SmtpLine {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("SmtpLine")
            .field("open", &self.connection.is_some())
            .finish_non_exhaustive()
    }
}

impl SmtpLine {
    pub(super) async fn announce(&mut self, parcel: &Parcel) -> Result<(), Trouble> {
        let deadline = Instant::now() + self.smtp.0.dialogue;
        let kept = self.connection.is_some();
        match self.name(parcel, deadline).await {
            // Servers hang up on connections that are old or have carried enough; nothing is wrong with a new one.
            Err(trouble) if kept && trouble.ends_connection() && Instant::now() < deadline => {
                self.name(parcel, deadline).await
            }
            named => named,
        }
    }

    async fn name(&mut self, parcel: &Parcel, deadline: Instant) -> Result<(), Trouble> {
        let mut connection = self.open(parcel.message, deadline).await?;
        let answered = if connection.named.take().is_some() {
            connection.answers(deadline).await
        } else {
            let naming = match Naming::of(parcel, &connection.smtp) {
                Ok(naming) => naming,
                Err(unsendable) => {
                    self.connection = Some(connection);
                    return Err(unsendable);
                }
            };
            if connection.pipelining {
                connection.say_at_once(&naming, deadline).await
            } else {
                connection.say_in_turn(naming, deadline).await
            }
        };
        match answered {
            // A server that waits for the text of a mail for nobody understands nothing else.
            Answered::ForNobody(trouble) => Err(trouble),
            Answered::Said(said) => self.keep(connection, deadline, said).await,
        }
    }

    pub(super) async fn hand_over(&mut self, parcel: &Parcel, next: Option<&Parcel>) -> Result<(), Trouble> {
        let deadline = Instant::now() + self.smtp.0.dialogue;
        let Some(mut connection) = self.connection.take() else {
            return Err(lost(Stage::Data, "the connection was closed"));
        };
        let sent = in_time(deadline, Stage::Content, async {
            let answer = match Plain::of(&parcel.bytes) {
                Some(plain) => {
                    // A mail's text may be the first in a group of commands (RFC 2920, section 3.1).
                    let next = next
                        .filter(|_| connection.pipelining)
                        .and_then(|next| Some((next.message, Naming::of(next, &connection.smtp).ok()?)));
                    connection.named = next.as_ref().map(|(message, _)| *message);
                    let next = next.map(|(_, next)| next.to_string()).unwrap_or_default();
                    connection.smtp.command(format!("{plain}{next}")).await
                }
                None => connection.smtp.message(&parcel.bytes).await,
            };
            answer.map(drop).map_err(|error| trouble(Stage::Content, &error))
        });
        let sent = sent.await;
        self.keep(connection, deadline, sent).await
    }

    /// Whatever else we said would be the mail's text: only hanging up before the final dot takes it back.
    pub(super) fn withdraw(&mut self) {
        self.connection = None;
    }

    pub(super) async fn close(&mut self) {
        if let Some(mut connection) = self.connection.take() {
            timeout(GOODBYE, connection.smtp.quit()).await.ok();
        }
    }

    /// The kept connection if it still stands, else a new one. Where another mail than this is named, a new one too: this one's
    /// text would go into the other's mailbox.
    async fn open(&mut self, message: MessageId, deadline: Instant) -> Result<Connection, Trouble> {
        if let Some(mut connection) = self.connection.take()
            && match connection.named {
                Some(named) => named == message,
                None => connection.stands().await,
            }
        {
            return Ok(connection);
        }
        in_time(deadline, Stage::Connect, self.smtp.connect()).await
    }

    /// Keeps the connection for what comes next where it can be.
    async fn keep(
        &mut self,
        mut connection: Connection,
        deadline: Instant,
        sent: Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        connection.used = Instant::now();
        match &sent {
            Ok(()) => self.connection = Some(connection),
            Err(trouble) if trouble.ends_connection() => {}
            // The next transaction has begun.
            Err(_) if connection.named.is_some() => self.connection = Some(connection),
            // The transaction ends before the next one begins.
            Err(_) => {
                let reset = command(&mut connection.smtp, deadline, Stage::Sender, Rset);
                if reset.await.is_ok() {
                    self.connection = Some(connection);
                }
            }
        }
        sent
    }
}

/// A text of which no line begins with a dot, with the final one: as it is on the wire. lettre looks for such dots byte by byte.
struct Plain<'a>(&'a str);

impl<'a> Plain<'a> {
    fn of(bytes: &'a [u8]) -> Option<Self> {
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
struct Naming {
    mail: Mail,
    rcpt: Rcpt,
}

impl Naming {
    fn of(parcel: &Parcel, connection: &AsyncSmtpConnection) -> Result<Self, Trouble> {
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
enum Answered {
    /// It waits for the text, or for other commands where it refused one of these.
    Said(Result<(), Trouble>),
    /// It waits for the text although it has refused sender or recipient (RFC 2920, section 3.1).
    ForNobody(Trouble),
}

impl Connection {
    /// Whether the server has not hung up.
    async fn stands(&mut self) -> bool {
        self.used.elapsed() < TRUSTED_IDLE
            || matches!(timeout(GOODBYE, self.smtp.test_connected()).await, Ok(true))
    }

    async fn say_in_turn(&mut self, naming: Naming, deadline: Instant) -> Answered {
        let said = async {
            command(&mut self.smtp, deadline, Stage::Sender, naming.mail).await?;
            command(&mut self.smtp, deadline, Stage::Recipient, naming.rcpt).await?;
            command(&mut self.smtp, deadline, Stage::Data, Data).await
        };
        Answered::Said(said.await)
    }

    /// All three go out together, and all three are answered, whatever the first answer is.
    async fn say_at_once(&mut self, naming: &Naming, deadline: Instant) -> Answered {
        let mail = command(&mut self.smtp, deadline, Stage::Sender, naming).await;
        self.answers_after(mail, deadline).await
    }

    /// The answers to all three, which went out before.
    async fn answers(&mut self, deadline: Instant) -> Answered {
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

async fn command(
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

fn lost(stage: Stage, text: &str) -> Trouble {
    Trouble::Lost {
        stage,
        text: text.to_owned(),
    }
}

fn trouble(stage: Stage, error: &Error) -> Trouble {
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

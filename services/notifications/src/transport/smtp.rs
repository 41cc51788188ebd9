//! SMTP over connections of our own, kept from mail to mail: one or two exchanges a mail where the server takes several commands
//! at once (PIPELINING, RFC 2920), else four.

use std::sync::Arc;
use std::time::Duration;

use lettre::transport::smtp::authentication::DEFAULT_MECHANISMS;
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Ehlo, Rset};
use lettre::transport::smtp::extension::ClientId;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use usher_tls::Authorities;
use usher_types::MessageId;

use super::dialogue::{Answered, Connection, Naming, Plain, SHORTLY, command, lost, trouble, untrusted};
use super::gathered::Gathered;
use super::tls::Encrypted;
use super::{Encryption, Greeted, Parcel, SmtpUrl, in_time};
use crate::domain::reply::{Stage, Trouble};

/// How long a start waits for a server to say something about our password.
const GREETING: Duration = Duration::from_secs(3);
/// How long somebody who only asks waits for a connection.
const PATIENCE: Duration = Duration::from_secs(15);

/// A mail server.
#[derive(Clone, Debug)]
pub struct Smtp(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    url: SmtpUrl,
    server: String,
    hello: ClientId,
    dialogue: Duration,
    authorities: Option<Authorities>,
}

impl Smtp {
    /// `dialogue` is the longest time that one mail may take, connecting included. With authorities of its own the connection has to be
    /// encrypted, and one of them, or a public one, vouches for the server.
    #[must_use]
    pub fn new(url: SmtpUrl, dialogue: Duration, authorities: Option<Authorities>) -> Self {
        let mut url = url;
        if authorities.is_some() && url.encryption == Encryption::Opportunistic {
            url.encryption = Encryption::Required;
        }
        Self(Arc::new(Inner {
            authorities,
            server: format!("server {}:{}", url.host, url.port),
            hello: ClientId::default(),
            url,
            dialogue,
        }))
    }

    pub(super) fn address(&self) -> (&str, u16) {
        (&self.0.url.host, self.0.url.port)
    }

    pub(super) fn server(&self) -> &str {
        &self.0.server
    }

    /// Why trying again is pointless, as far as the server shows it in time: it refuses user or password (RFC 4954), or we do not trust
    /// it. Where neither is asked for, nobody is bothered.
    pub(super) async fn hopeless(&self) -> Option<String> {
        let url = &self.0.url;
        let verified = matches!(url.encryption, Encryption::Wrapped | Encryption::Required);
        if url.credentials.is_none() && !verified {
            return None;
        }
        match timeout(GREETING, self.connect()).await {
            Ok(Ok(mut connection)) => {
                timeout(SHORTLY, connection.smtp.quit()).await.ok();
                None
            }
            Ok(Err(Trouble::Reply { code: 535, .. })) => {
                Some("the mail server refuses this user or password".to_owned())
            }
            Ok(Err(trouble @ Trouble::Untrusted(_))) => Some(trouble.words()),
            Ok(Err(trouble)) => {
                tracing::warn!(words = trouble.words(), "the mail server takes nothing yet");
                None
            }
            Err(_) => {
                tracing::warn!("the mail server does not answer yet");
                None
            }
        }
    }

    /// Connects as for a mail, and says goodbye.
    pub(super) async fn greet(&self) -> Result<Greeted, String> {
        let connected = timeout(PATIENCE, self.connect()).await;
        let connected = connected.map_err(|_| "it does not answer in time".to_owned())?;
        let mut connection = connected.map_err(|trouble| trouble.words())?;
        let encrypted = connection.smtp.is_encrypted();
        timeout(SHORTLY, connection.smtp.quit()).await.ok();
        Ok(Greeted {
            encrypted: encrypted || self.0.url.encryption == Encryption::Wrapped,
            signed_in: self.0.url.credentials.is_some(),
        })
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
                Encrypted::over(stream, &url.host, self.0.authorities.as_ref())
                    .await
                    .map_err(|error| {
                        untrusted(&error).unwrap_or_else(|| lost(Stage::Connect, &format!("no TLS: {error}")))
                    })?,
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
        let parameters = self
            .parameters()
            .map_err(|error| trouble(Stage::Connect, &error))?;
        let encrypted = connection.starttls(parameters, &self.0.hello).await;
        encrypted.map_err(|error| untrusted(&error).unwrap_or_else(|| trouble(Stage::Connect, &error)))
    }

    /// How STARTTLS trusts: the public authorities and ours.
    fn parameters(&self) -> Result<TlsParameters, lettre::transport::smtp::Error> {
        let mut builder = TlsParameters::builder(self.0.url.host.clone());
        if let Some(authorities) = &self.0.authorities {
            builder = builder.add_root_certificate(Certificate::from_pem(authorities.pem().as_bytes())?);
        }
        builder.build()
    }
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
            timeout(SHORTLY, connection.smtp.quit()).await.ok();
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

//! SMTP over connections of our own, kept from mail to mail, with TCP_NODELAY.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::DEFAULT_MECHANISMS;
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::tls::Encrypted;
use super::{Encryption, Parcel, SmtpUrl, in_time};
use crate::domain::reply::{Stage, Trouble};

/// Servers close connections that are silent for long; after this time we ask before we use one.
const TRUSTED_IDLE: Duration = Duration::from_secs(5);
/// How long goodbyes may take: nothing depends on them.
const GOODBYE: Duration = Duration::from_secs(2);

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

    pub(super) fn line(&self) -> Box<SmtpLine> {
        Box::new(SmtpLine {
            smtp: self.clone(),
            connection: None,
        })
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, Trouble> {
        let url = &self.0.url;
        let stream = TcpStream::connect((url.host.as_str(), url.port))
            .await
            .map_err(|error| lost(Stage::Connect, &format!("no connection: {error}")))?;
        // lettre writes a mail and its final dot apart, which Nagle's algorithm would hold back for 40 ms.
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
        let mut connection = AsyncSmtpConnection::connect_with_transport(stream, &self.0.hello)
            .await
            .map_err(|error| trouble(Stage::Connect, &error))?;
        self.encrypt(&mut connection).await?;
        if let Some(credentials) = &url.credentials {
            connection
                .auth(DEFAULT_MECHANISMS, credentials)
                .await
                .map_err(|error| trouble(Stage::Connect, &error))?;
        }
        Ok(connection)
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

/// One connection to the server.
pub struct SmtpLine {
    smtp: Smtp,
    connection: Option<(AsyncSmtpConnection, Instant)>,
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
        let mut connection = self.open(deadline).await?;
        let parameters = match parameters(&connection, parcel) {
            Ok(parameters) => parameters,
            Err(unsendable) => {
                self.connection = Some((connection, Instant::now()));
                return Err(unsendable);
            }
        };
        let mail = Mail::new(Some(parcel.from.clone()), parameters);
        let rcpt = Rcpt::new(parcel.to.clone(), Vec::new());
        let sent = match command(&mut connection, deadline, Stage::Sender, mail).await {
            Ok(()) => command(&mut connection, deadline, Stage::Recipient, rcpt).await,
            refused => refused,
        };
        self.keep(connection, deadline, sent).await
    }

    pub(super) async fn hand_over(&mut self, parcel: &Parcel) -> Result<(), Trouble> {
        let deadline = Instant::now() + self.smtp.0.dialogue;
        let Some((mut connection, _)) = self.connection.take() else {
            return Err(lost(Stage::Data, "the connection was closed"));
        };
        let sent = match command(&mut connection, deadline, Stage::Data, Data).await {
            Ok(()) => {
                in_time(deadline, Stage::Content, async {
                    let answer = connection.message(&parcel.bytes).await;
                    answer.map(drop).map_err(|error| trouble(Stage::Content, &error))
                })
                .await
            }
            refused => refused,
        };
        self.keep(connection, deadline, sent).await
    }

    pub(super) async fn withdraw(&mut self) {
        if let Some((mut connection, _)) = self.connection.take() {
            let reset = timeout(GOODBYE, connection.command(Rset)).await;
            if matches!(reset, Ok(Ok(_))) {
                self.connection = Some((connection, Instant::now()));
            }
        }
    }

    pub(super) async fn close(&mut self) {
        if let Some((mut connection, _)) = self.connection.take() {
            timeout(GOODBYE, connection.quit()).await.ok();
        }
    }

    /// The kept connection if it still stands, else a new one.
    async fn open(&mut self, deadline: Instant) -> Result<AsyncSmtpConnection, Trouble> {
        if let Some((mut connection, used)) = self.connection.take()
            && (used.elapsed() < TRUSTED_IDLE
                || matches!(timeout(GOODBYE, connection.test_connected()).await, Ok(true)))
        {
            return Ok(connection);
        }
        in_time(deadline, Stage::Connect, self.smtp.connect()).await
    }

    /// Keeps the connection for the next mail where it can be.
    async fn keep(
        &mut self,
        mut connection: AsyncSmtpConnection,
        deadline: Instant,
        sent: Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        match &sent {
            Ok(()) => self.connection = Some((connection, Instant::now())),
            Err(trouble) if trouble.ends_connection() => {}
            // The transaction ends before the next one begins.
            Err(_) => {
                if command(&mut connection, deadline, Stage::Sender, Rset)
                    .await
                    .is_ok()
                {
                    self.connection = Some((connection, Instant::now()));
                }
            }
        }
        sent
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

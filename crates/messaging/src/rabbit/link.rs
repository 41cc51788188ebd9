//! One connection, made anew whenever it is found dead.
//!
//! The client's own recovery stays off: when it gives up, waiting futures never return, and not every outage ended in a
//! connection. So everything that waits for the broker has a limit, and what fails is dropped and built again.

use std::{fmt, time::Duration};

use lapin::{
    Channel, Connection, ConnectionProperties, ErrorKind, runtime::default_runtime, tcp::OwnedTLSConfig,
    uri::AMQPUri,
};
use tokio::{sync::Mutex, time::timeout};

use crate::BrokerError;

/// For a connection, a declaration, or a window of confirms.
const PATIENCE: Duration = Duration::from_secs(15);

pub(super) struct Link {
    uri: AMQPUri,
    tls: OwnedTLSConfig,
    name: String,
    connection: Mutex<Option<Connection>>,
}

impl Link {
    pub(super) fn new((uri, tls): (AMQPUri, OwnedTLSConfig), name: String) -> Self {
        Self {
            uri,
            tls,
            name,
            connection: Mutex::default(),
        }
    }

    /// A new channel, on a new connection where the old one is dead.
    pub(super) async fn channel(&self) -> Result<Channel, BrokerError> {
        let mut current = self.connection.lock().await;
        if let Some(connection) = current
            .as_ref()
            .filter(|connection| connection.status().connected())
        {
            match within("channel", async { Ok(connection.create_channel().await?) }).await {
                Ok(channel) => return Ok(channel),
                Err(error) => tracing::debug!(%error, name = self.name, "connection is dead"),
            }
        }
        *current = None;
        let connection = within("connect", self.connect()).await?;
        let channel = within("channel", async { Ok(connection.create_channel().await?) }).await?;
        *current = Some(connection);
        Ok(channel)
    }

    async fn connect(&self) -> Result<Connection, BrokerError> {
        let properties = ConnectionProperties::default().with_connection_name(self.name.as_str().into());
        let (uri, tls, runtime) = (self.uri.clone(), self.tls.clone(), default_runtime()?);
        let connection = Connection::connect_uri_with_config(uri, properties, tls, runtime).await?;
        tracing::debug!(name = self.name, "connected to the broker");
        Ok(connection)
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Link")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Gives up after a while: futures of a dead connection may never return.
pub(super) async fn within<T>(
    what: &str,
    work: impl Future<Output = Result<T, BrokerError>>,
) -> Result<T, BrokerError> {
    let done = timeout(PATIENCE, work).await;
    done.unwrap_or_else(|_| Err(BrokerError::Unavailable(format!("{what} took too long"))))
}

/// Reply codes that no waiting mends.
const ACCESS_REFUSED: u16 = 403;
const PRECONDITION_FAILED: u16 = 406;
const NOT_ALLOWED: u16 = 530;

impl From<lapin::Error> for BrokerError {
    fn from(error: lapin::Error) -> Self {
        if let ErrorKind::ProtocolError(protocol) = error.kind()
            && matches!(
                protocol.get_id(),
                ACCESS_REFUSED | PRECONDITION_FAILED | NOT_ALLOWED
            )
        {
            let hint = match protocol.get_id() {
                PRECONDITION_FAILED => {
                    ": it stands there otherwise than `usher topology` prints it; delete it once it is empty"
                }
                _ => "",
            };
            return Self::Settings(format!("the broker refuses: {}{hint}", protocol.get_message()));
        }
        match usher_tls::distrust(&error) {
            Some(reason) => Self::Settings(format!("the broker cannot be trusted: {reason}")),
            None => Self::Unavailable(error.to_string()),
        }
    }
}

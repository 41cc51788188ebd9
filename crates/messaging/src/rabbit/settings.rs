//! Where RabbitMQ is.

use lapin::{
    tcp::OwnedTLSConfig,
    uri::{AMQPScheme, AMQPUri},
};
use secrecy::{ExposeSecret, SecretString};
use usher_tls::Authorities;

use crate::BrokerError;

/// The largest frame. The client writes through two buffers of 32 frames for each connection, so RabbitMQ's own 128 KiB
/// would hold 8 MB of memory a connection; larger messages take several frames.
const FRAME_BYTES: u32 = 16 * 1024;
/// Seconds between heartbeats; a connection without a sign of life for two of them is dead.
const HEARTBEAT: u16 = 10;

/// `USHER_AMQP_URL` and `USHER_BROKER_PREFIX`.
#[derive(Clone, Debug)]
pub struct RabbitSettings {
    url: SecretString,
    pub(super) prefix: String,
    pub(super) name: String,
    pub(super) declares: bool,
    authorities: Option<Authorities>,
}

impl RabbitSettings {
    /// `url` is `amqp://user:password@host:5672/vhost` or `amqps://…`; `prefix` goes before the names of exchanges and
    /// queues, so that several installations share a broker; `name` is shown in the broker's list of connections.
    pub fn new(url: impl Into<String>, prefix: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            url: SecretString::from(url.into()),
            prefix: prefix.into(),
            name: name.into(),
            declares: true,
            authorities: None,
        }
    }

    /// The same with a broker that one of these authorities, or a public one, vouches for.
    #[must_use]
    pub fn trusting(self, authorities: Option<Authorities>) -> Self {
        Self { authorities, ..self }
    }

    /// The same with queues and exchanges that somebody else makes: they are waited for, and the user needs no right to configure
    /// anything.
    #[must_use]
    pub fn expecting_topology(self) -> Self {
        Self {
            declares: false,
            ..self
        }
    }

    /// Whom the client trusts besides the public authorities.
    pub(super) fn tls(&self) -> OwnedTLSConfig {
        OwnedTLSConfig {
            identity: None,
            cert_chain: self
                .authorities
                .as_ref()
                .map(|authorities| authorities.pem().to_owned()),
        }
    }

    pub(super) fn uri(&self) -> Result<AMQPUri, BrokerError> {
        // The parser's error could quote the URL and with it the password.
        let uri = self.url.expose_secret().parse::<AMQPUri>();
        let mut uri = uri.map_err(|_| BrokerError::Settings("the AMQP URL cannot be read".to_owned()))?;
        if self.authorities.is_some() && uri.scheme == AMQPScheme::AMQP {
            return Err(BrokerError::Settings(
                "[tls] has an amqp_ca, but the AMQP URL does not begin with amqps://".to_owned(),
            ));
        }
        // RabbitMQ's operator writes the address of its default host so, and the empty one that it names does not exist
        if uri.vhost.is_empty() {
            "/".clone_into(&mut uri.vhost);
        }
        uri.query.heartbeat.get_or_insert(HEARTBEAT);
        uri.query.frame_max.get_or_insert(FRAME_BYTES);
        Ok(uri)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r5_an_address_without_a_virtual_host_means_the_default_one() {
        for (path, vhost) in [("", "/"), ("/", "/"), ("/%2f", "/"), ("/usher", "usher")] {
            let settings =
                RabbitSettings::new(format!("amqp://guest:guest@127.0.0.1:5672{path}"), "", "test");
            assert_eq!(settings.uri().unwrap().vhost, vhost, "{path}");
        }
    }
}

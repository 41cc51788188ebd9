//! The flat keys, whose names are fixed and which several crates read.

use std::net::SocketAddr;
use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer};
use url::Url;

use crate::StartError;

/// What the installation is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// A person's machine: GraphiQL, keys made on the spot, readable logs.
    Development,
    /// The real thing: keys must be given, JSON logs, no GraphiQL.
    Production,
}

/// The flat keys of the settings. Each stands with its meaning in `usher.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Common {
    /// What the installation is for.
    pub mode: Mode,
    /// Where the gateway listens for HTTP.
    pub listen: SocketAddr,
    /// Given public address; use [`Common::public_url`].
    #[serde(deserialize_with = "given")]
    public_url: Option<Url>,
    /// Folder for SQLite files, the in-process broker, captured mail and development keys.
    pub data_dir: PathBuf,
    /// Slug of the first organization.
    pub organization_slug: String,
    /// Name of the first organization.
    pub organization_name: String,
    /// Address of its administrator; none: development makes no organization at the first start, production does not start.
    #[serde(deserialize_with = "given")]
    pub admin_email: Option<String>,
    /// Password of the first administrator; none: development makes one up and prints it once, production invites by mail.
    #[serde(deserialize_with = "secret")]
    pub admin_password: Option<SecretString>,
    /// PostgreSQL or SQLite; none: SQLite files in `data_dir`.
    #[serde(deserialize_with = "secret")]
    pub database_url: Option<SecretString>,
    /// RabbitMQ; none: the in-process broker.
    #[serde(deserialize_with = "secret")]
    pub amqp_url: Option<SecretString>,
    /// The mail server; none: mail is captured in `data_dir/mail`.
    #[serde(deserialize_with = "secret")]
    pub smtp_url: Option<SecretString>,
    /// Where `contacts` is found when it is a process of its own; commas between several.
    pub contacts_url: String,
    /// Where `invitations` is found when it is a process of its own.
    pub invitations_url: String,
    /// Where `notifications` is found when it is a process of its own.
    pub notifications_url: String,
    /// Where `contacts` listens for gRPC when it is a process of its own.
    pub contacts_listen: SocketAddr,
    /// Where `invitations` listens for gRPC when it is a process of its own.
    pub invitations_listen: SocketAddr,
    /// Where `notifications` listens for gRPC when it is a process of its own.
    pub notifications_listen: SocketAddr,
    /// Where each process answers probes and whoever reads metrics; none: nowhere.
    #[serde(deserialize_with = "given")]
    pub(crate) private_listen: Option<SocketAddr>,
    /// Put before the name of every exchange and queue.
    pub broker_prefix: String,
    #[serde(deserialize_with = "secret")]
    pub(crate) seal_keys: Option<SecretString>,
    #[serde(deserialize_with = "secret")]
    pub(crate) field_keys: Option<SecretString>,
    #[serde(deserialize_with = "secret")]
    pub(crate) service_keys: Option<SecretString>,
    #[serde(deserialize_with = "secret")]
    pub(crate) signing_keys: Option<SecretString>,
}

impl Common {
    /// Whether this is an installation for development.
    pub fn is_development(&self) -> bool {
        self.mode == Mode::Development
    }

    /// The address under which people reach the gateway, without a slash at its end.
    pub fn public_url(&self) -> String {
        let url = self
            .public_url
            .as_ref()
            .map_or_else(|| local_url(self.listen), Url::to_string);
        url.trim_end_matches('/').to_owned()
    }

    /// The database: the given one, else SQLite files in the data folder (`sqlite://DIR`).
    pub fn database(&self) -> SecretString {
        self.database_url
            .clone()
            .unwrap_or_else(|| format!("sqlite://{}", self.data_dir.display()).into())
    }

    /// Whether this process keeps anything of its own in the data folder, which it must then lock.
    pub fn uses_data_dir(&self) -> bool {
        self.database_url
            .as_ref()
            .is_none_or(|url| url.expose_secret().starts_with("sqlite:"))
            || self.amqp_url.is_none()
    }

    /// What a single value cannot say: rules between and about keys.
    pub(super) fn check(&self) -> Result<(), StartError> {
        if let Some(url) = &self.public_url
            && (!matches!(url.scheme(), "http" | "https") || url.query().is_some())
        {
            return Err(StartError::settings(
                "public_url: must be an http or https address without a query",
            ));
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if self.broker_prefix.len() > 100 || !self.broker_prefix.chars().all(allowed) {
            return Err(StartError::settings(
                "broker_prefix: at most 100 letters, digits, dots, dashes and underscores",
            ));
        }
        Ok(())
    }
}

/// The address a person on this machine can open; "all interfaces" is no address for a browser.
fn local_url(listen: SocketAddr) -> String {
    if listen.ip().is_unspecified() {
        format!("http://localhost:{}", listen.port())
    } else {
        format!("http://{listen}")
    }
}

/// An empty string means "not given".
fn given<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    let text = String::deserialize(deserializer)?;
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(serde::de::Error::custom)
}

/// As [`given`], for what must not show in an error.
fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SecretString>, D::Error> {
    let text = String::deserialize(deserializer)?;
    Ok((!text.is_empty()).then(|| SecretString::from(text)))
}

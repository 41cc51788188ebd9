//! Where the database is.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use usher_tls::Authorities;

use crate::{ConnectError, connect::RELAY_CONNECTIONS};

/// Connections that answer requests and consume messages.
const CONNECTIONS: u32 = 8;

/// `USHER_DATABASE_URL` and the size of the pool.
///
/// - `sqlite://DIR/`: a folder with one file a service, `DIR/{service}.db`; relative (`sqlite://data`) or absolute
///   (`sqlite:///var/lib/usher`).
/// - `postgres://user:password@host/database?sslmode=…`: one database, a schema a service.
#[derive(Clone, Debug)]
pub struct DatabaseSettings {
    url: SecretString,
    connections: u32,
    authorities: Option<Authorities>,
}

/// What a URL points at, for one service.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    /// A SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL database.
    Postgres(Box<PgConnectOptions>),
}

impl DatabaseSettings {
    /// Settings with the pool's usual size: 8 connections, and 2 more for the relay.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: SecretString::from(url.into()),
            connections: CONNECTIONS,
            authorities: None,
        }
    }

    /// The same with another number of connections, at least 1.
    #[must_use]
    pub fn with_connections(self, connections: u32) -> Self {
        Self {
            connections: connections.max(1),
            ..self
        }
    }

    /// The same with a server that one of these authorities, or a public one, vouches for.
    #[must_use]
    pub fn trusting(self, authorities: Option<Authorities>) -> Self {
        Self { authorities, ..self }
    }

    /// The URL, which may hold a password: not for logs.
    #[must_use]
    pub fn url(&self) -> &str {
        self.url.expose_secret()
    }

    /// How many connections answer requests.
    #[must_use]
    pub const fn connections(&self) -> u32 {
        self.connections
    }

    /// How many connections a process of one service holds at most, those of its relay included.
    #[must_use]
    pub const fn most_connections(&self) -> u32 {
        self.connections + RELAY_CONNECTIONS
    }

    /// The service's SQLite file; none for PostgreSQL.
    ///
    /// # Errors
    /// Where the URL is neither.
    pub fn file(&self, service: &str) -> Result<Option<PathBuf>, ConnectError> {
        Ok(match self.target(service)? {
            Target::Sqlite(path) => Some(path),
            Target::Postgres(_) => None,
        })
    }

    /// Whether the server has to show a certificate that an authority of ours has signed.
    #[must_use]
    pub fn is_verified(&self) -> bool {
        let verified = |options: &PgConnectOptions| {
            matches!(
                options.get_ssl_mode(),
                PgSslMode::VerifyCa | PgSslMode::VerifyFull
            )
        };
        matches!(self.target("any"), Ok(Target::Postgres(options)) if verified(&options))
    }

    /// Whether nobody between here and there could listen: a file, a socket or the loopback.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match self.target("any") {
            Ok(Target::Postgres(options)) => {
                let host = options.get_host();
                let loopback = host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
                options.get_socket().is_some() || host.starts_with('/') || host == "localhost" || loopback
            }
            Ok(Target::Sqlite(_)) => true,
            Err(_) => false,
        }
    }

    pub(crate) fn target(&self, service: &str) -> Result<Target, ConnectError> {
        let url = self.url();
        if let Some(folder) = url.strip_prefix("sqlite://") {
            if folder.is_empty() || folder.contains('?') {
                return Err(ConnectError::Settings(
                    "a SQLite URL names a folder: sqlite://DIR/".to_owned(),
                ));
            }
            return Ok(Target::Sqlite(Path::new(folder).join(format!("{service}.db"))));
        }
        if !(url.starts_with("postgres://") || url.starts_with("postgresql://")) {
            return Err(ConnectError::Settings(
                "the database URL starts with sqlite:// or postgres://".to_owned(),
            ));
        }
        // The parser's error could quote the URL and with it the password.
        let options = url
            .parse::<PgConnectOptions>()
            .map_err(|_| ConnectError::Settings("the PostgreSQL URL cannot be read".to_owned()))?;
        Ok(Target::Postgres(Box::new(self.verified(options)?)))
    }
}

impl DatabaseSettings {
    /// With authorities of its own the server is verified, by its name too unless the URL says otherwise.
    fn verified(&self, options: PgConnectOptions) -> Result<PgConnectOptions, ConnectError> {
        let Some(authorities) = &self.authorities else {
            return Ok(options);
        };
        let mode = match options.get_ssl_mode() {
            PgSslMode::Disable | PgSslMode::Allow => {
                return Err(ConnectError::Settings(
                    "[tls] has a database_ca, but sslmode in the URL says not to encrypt".to_owned(),
                ));
            }
            PgSslMode::VerifyCa => PgSslMode::VerifyCa,
            _ => PgSslMode::VerifyFull,
        };
        let pem = authorities.pem().as_bytes().to_vec();
        Ok(options.ssl_root_cert_from_pem(pem).ssl_mode(mode))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(url: &str) -> String {
        match DatabaseSettings::new(url).target("contacts") {
            Err(ConnectError::Settings(reason)) => reason,
            other => panic!("expected a refusal, got {other:?}"),
        }
    }

    #[test]
    fn r5_a_sqlite_url_names_a_folder_with_a_file_for_each_service() {
        let target = DatabaseSettings::new("sqlite:///var/lib/usher")
            .target("contacts")
            .unwrap();
        assert!(matches!(target, Target::Sqlite(path) if path == Path::new("/var/lib/usher/contacts.db")));
        let target = DatabaseSettings::new("sqlite://data/")
            .target("invitations")
            .unwrap();
        assert!(matches!(target, Target::Sqlite(path) if path == Path::new("data/invitations.db")));
    }

    #[test]
    fn r5_a_refused_url_is_not_quoted() {
        assert_eq!(
            refused("mysql://root:secret@db/x"),
            "the database URL starts with sqlite:// or postgres://"
        );
        assert_eq!(
            refused("postgres://root:secret@db:port/x"),
            "the PostgreSQL URL cannot be read"
        );
        assert_eq!(refused("sqlite://"), "a SQLite URL names a folder: sqlite://DIR/");
    }

    #[test]
    fn r5_with_an_authority_the_server_is_verified_whatever_the_url_leaves_open() {
        let pem = rcgen::generate_simple_self_signed(["authority.example".to_owned()])
            .unwrap()
            .cert
            .pem();
        let settings = |mode: &str| {
            let authorities = Authorities::parse(&pem).unwrap();
            DatabaseSettings::new(format!("postgres://db/usher{mode}")).trusting(Some(authorities))
        };
        for mode in ["", "?sslmode=prefer", "?sslmode=require", "?sslmode=verify-full"] {
            let target = settings(mode).target("contacts").unwrap();
            let full = |options: &PgConnectOptions| matches!(options.get_ssl_mode(), PgSslMode::VerifyFull);
            assert!(
                matches!(target, Target::Postgres(options) if full(&options)),
                "{mode}"
            );
        }
        let target = settings("?sslmode=verify-ca").target("contacts").unwrap();
        let chain = |options: &PgConnectOptions| matches!(options.get_ssl_mode(), PgSslMode::VerifyCa);
        assert!(matches!(target, Target::Postgres(options) if chain(&options)));
        let refused = settings("?sslmode=disable").target("contacts").unwrap_err();
        assert_eq!(
            refused.to_string(),
            "[tls] has a database_ca, but sslmode in the URL says not to encrypt"
        );
    }

    #[test]
    fn a_password_stays_out_of_debug_output() {
        assert!(!format!("{:?}", DatabaseSettings::new("postgres://u:secret@db/x")).contains("secret"));
    }
}

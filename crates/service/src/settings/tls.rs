//! The table `[tls]`: whom we trust besides the public authorities.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use usher_tls::Authorities;

use crate::{Settings, StartError};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    database_ca: PathBuf,
    amqp_ca: PathBuf,
    smtp_ca: PathBuf,
    oidc_ca: PathBuf,
    otlp_ca: PathBuf,
}

/// The authorities of each part, as their files hold them now; none where the public ones are enough.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// Of the database.
    pub database: Option<Authorities>,
    /// Of the broker.
    pub amqp: Option<Authorities>,
    /// Of the mail server.
    pub smtp: Option<Authorities>,
    /// Of identity providers.
    pub oidc: Option<Authorities>,
    /// Of whoever collects traces, metrics and logs.
    pub otlp: Option<Authorities>,
}

impl Trust {
    /// Reads the files.
    ///
    /// # Errors
    /// [`StartError::Settings`] where one cannot be read or holds no certificates.
    pub fn of(settings: &Settings) -> Result<Self, StartError> {
        let table: Table = settings.section("tls")?;
        Ok(Self {
            database: read("database_ca", &table.database_ca)?,
            amqp: read("amqp_ca", &table.amqp_ca)?,
            smtp: read("smtp_ca", &table.smtp_ca)?,
            oidc: read("oidc_ca", &table.oidc_ca)?,
            otlp: read("otlp_ca", &table.otlp_ca)?,
        })
    }
}

fn read(name: &str, path: &Path) -> Result<Option<Authorities>, StartError> {
    if path.as_os_str().is_empty() {
        return Ok(None);
    }
    let wrong = |reason: &dyn std::fmt::Display| {
        StartError::settings(format!("[tls]: {name}: {}: {reason}", path.display()))
    };
    let pem = std::fs::read_to_string(path).map_err(|error| wrong(&error))?;
    Authorities::parse(&pem).map(Some).map_err(|error| wrong(&error))
}

//! Where Usher is and who signs in: the same variables that `usher` itself reads.

use std::env;
use std::path::PathBuf;

use crate::error::DemoError;

/// What the demo was started with.
pub struct Settings {
    /// The GraphQL endpoint.
    pub url: String,
    /// The administrator's address.
    pub email: String,
    /// The administrator's password.
    pub password: String,
    /// The organization's slug, where the deployment has more than one.
    pub organization: Option<String>,
    /// The export to load.
    pub file: String,
    /// The sample's domain for people without an address, which the organization lists as one (C3).
    pub placeholder: Option<&'static str>,
    /// Where a captured mail would lie.
    pub mail_folder: PathBuf,
}

/// The committed sample, found from wherever cargo was called.
pub const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/demo/contacts.csv");

impl Settings {
    /// Reads environment and command line.
    ///
    /// # Errors
    /// Without a password.
    pub fn read() -> Result<Self, DemoError> {
        let listen = variable("USHER_LISTEN").unwrap_or_else(|| "127.0.0.1:8080".to_owned());
        let data = variable("USHER_DATA_DIR").unwrap_or_else(|| "./data".to_owned());
        let given = env::args().nth(1).filter(|file| !file.is_empty());
        Ok(Self {
            url: format!("http://{listen}/graphql"),
            email: variable("USHER_ADMIN_EMAIL").unwrap_or_else(|| "admin@usher.localhost".to_owned()),
            password: variable("USHER_ADMIN_PASSWORD").ok_or(DemoError::NoPassword)?,
            organization: variable("USHER_ORGANIZATION"),
            placeholder: given.is_none().then_some("noemail.example"),
            file: given.unwrap_or_else(|| SAMPLE.to_owned()),
            mail_folder: PathBuf::from(data).join("mail"),
        })
    }
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

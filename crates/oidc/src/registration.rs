//! What we are at a provider.

use secrecy::SecretString;
use url::{Host, Url};

/// Why a registration cannot be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrongRegistration {
    /// No address without query and fragment.
    #[error("issuer is an https address without a query, as the provider writes it")]
    Issuer,
    /// Somebody on the way could read and change everything.
    #[error("issuer is an https address; http is for providers on this machine alone")]
    Plain,
    /// Nothing to show.
    #[error("client_id and client_secret are what the provider gave to this installation")]
    Client,
    /// Without it there is no ID token.
    #[error("scopes are names with spaces between them, openid among them")]
    Scopes,
}

/// The client that the provider knows.
#[derive(Clone, Debug)]
pub struct Registration {
    pub(crate) issuer: String,
    pub(crate) client_id: String,
    pub(crate) client_secret: SecretString,
    pub(crate) scopes: String,
}

impl Registration {
    /// Checks what can be checked without asking the provider.
    ///
    /// # Errors
    /// [`WrongRegistration`] for the first thing that cannot be right.
    pub fn new(
        issuer: &str,
        client_id: &str,
        client_secret: SecretString,
        scopes: &str,
    ) -> Result<Self, WrongRegistration> {
        use secrecy::ExposeSecret;
        let url = Url::parse(issuer).map_err(|_| WrongRegistration::Issuer)?;
        if !matches!(url.scheme(), "http" | "https") || url.query().is_some() || url.fragment().is_some() {
            return Err(WrongRegistration::Issuer);
        }
        if !is_guarded(&url) {
            return Err(WrongRegistration::Plain);
        }
        if client_id.is_empty() || client_secret.expose_secret().is_empty() {
            return Err(WrongRegistration::Client);
        }
        let scopes: Vec<&str> = scopes.split_ascii_whitespace().collect();
        if !scopes.contains(&"openid") {
            return Err(WrongRegistration::Scopes);
        }
        Ok(Self {
            issuer: issuer.to_owned(),
            client_id: client_id.to_owned(),
            client_secret,
            scopes: scopes.join(" "),
        })
    }

    /// The issuer, as the provider writes it.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }
}

/// Whether nobody on the way can read what is said there: TLS, or this machine.
#[must_use]
pub fn is_guarded(url: &Url) -> bool {
    match (url.scheme(), url.host()) {
        ("https", Some(_)) => true,
        ("http", Some(Host::Domain(name))) => name == "localhost",
        ("http", Some(Host::Ipv4(address))) => address.is_loopback(),
        ("http", Some(Host::Ipv6(address))) => address.is_loopback(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(issuer: &str, client_id: &str, secret: &str, scopes: &str) -> Option<WrongRegistration> {
        Registration::new(issuer, client_id, secret.into(), scopes).err()
    }

    #[test]
    fn r5_a_registration_that_cannot_be_right_is_refused() {
        let fine = "https://login.firm.example/realms/firm";
        for issuer in [
            fine,
            "http://localhost:8080",
            "http://127.0.0.1:9",
            "http://[::1]/x",
        ] {
            assert_eq!(wrong(issuer, "usher", "s", "openid"), None, "{issuer}");
        }
        for issuer in [
            "",
            "login.firm.example",
            "ftp://x",
            "https://x/?a=b",
            "https://x/#a",
        ] {
            assert_eq!(
                wrong(issuer, "usher", "s", "openid"),
                Some(WrongRegistration::Issuer),
                "{issuer}"
            );
        }
        for issuer in ["http://login.firm.example", "http://192.0.2.1"] {
            assert_eq!(
                wrong(issuer, "usher", "s", "openid"),
                Some(WrongRegistration::Plain)
            );
        }
        assert_eq!(wrong(fine, "", "s", "openid"), Some(WrongRegistration::Client));
        assert_eq!(
            wrong(fine, "usher", "", "openid"),
            Some(WrongRegistration::Client)
        );
        assert_eq!(
            wrong(fine, "usher", "s", "email profile"),
            Some(WrongRegistration::Scopes)
        );
    }

    #[test]
    fn r5_the_secret_is_in_no_debug_output() {
        let registration =
            Registration::new("https://x.example", "usher", "hush-hush".into(), "openid").unwrap();
        assert!(!format!("{registration:?}").contains("hush"));
    }
}

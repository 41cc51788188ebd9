//! `USHER_SMTP_URL`.

use lettre::transport::smtp::authentication::Credentials;
use url::Url;

/// How the connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// TLS from the first byte: `smtps://`.
    Wrapped,
    /// STARTTLS, or no mail: `?tls=required`.
    Required,
    /// STARTTLS where the server offers it; the default of `smtp://`.
    Opportunistic,
    /// Never: `?tls=none`, for a server on the same machine.
    None,
}

/// A mail server and how to speak to it.
#[derive(Clone)]
pub struct SmtpUrl {
    /// Name or address.
    pub host: String,
    /// 25 for `smtp://`, 465 for `smtps://` where none is given.
    pub port: u16,
    /// How the connection is encrypted.
    pub encryption: Encryption,
    /// User and password, where given.
    pub credentials: Option<Credentials>,
}

/// The text is no such URL; the reason never quotes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WrongSmtpUrl(&'static str);

impl std::fmt::Debug for SmtpUrl {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("SmtpUrl")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("encryption", &self.encryption)
            .finish_non_exhaustive()
    }
}

impl SmtpUrl {
    /// Reads `smtp://user:password@host:port?tls=required`.
    ///
    /// # Errors
    /// [`WrongSmtpUrl`] with what is wrong. A password never goes over an unencrypted connection unless `tls=none` says so.
    pub fn parse(text: &str) -> Result<Self, WrongSmtpUrl> {
        let url = Url::parse(text).map_err(|_| WrongSmtpUrl("cannot be read as a URL"))?;
        let host = url.host_str().filter(|host| !host.is_empty());
        let host = host.ok_or(WrongSmtpUrl("names no host"))?.to_owned();
        let mut encryption = match url.scheme() {
            "smtp" => Encryption::Opportunistic,
            "smtps" => Encryption::Wrapped,
            _ => return Err(WrongSmtpUrl("begins with smtp:// or smtps://")),
        };
        for (key, value) in url.query_pairs() {
            encryption = match (key.as_ref(), value.as_ref(), encryption) {
                ("tls", "required", Encryption::Wrapped) => Encryption::Wrapped,
                ("tls", "required", _) => Encryption::Required,
                ("tls", "opportunistic", Encryption::Opportunistic) => Encryption::Opportunistic,
                ("tls", "none", Encryption::Opportunistic) => Encryption::None,
                _ => {
                    return Err(WrongSmtpUrl(
                        "takes tls=required, tls=opportunistic or tls=none after the question mark",
                    ));
                }
            };
        }
        let credentials = credentials(&url)?;
        if credentials.is_some() && encryption == Encryption::Opportunistic {
            encryption = Encryption::Required;
        }
        let port = url.port().unwrap_or(match encryption {
            Encryption::Wrapped => 465,
            _ => 25,
        });
        Ok(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port,
            encryption,
            credentials,
        })
    }
}

fn credentials(url: &Url) -> Result<Option<Credentials>, WrongSmtpUrl> {
    let Some(password) = url.password() else {
        return match url.username() {
            "" => Ok(None),
            _ => Err(WrongSmtpUrl("names a user without a password")),
        };
    };
    let decode =
        |text: &str| percent_decode(text).ok_or(WrongSmtpUrl("has a user or password that cannot be read"));
    Ok(Some(Credentials::new(decode(url.username())?, decode(password)?)))
}

/// `%40` for `@` and so on, as URLs write what would end their parts.
fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let high = char::from(rest.next()?).to_digit(16)?;
            let low = char::from(rest.next()?).to_digit(16)?;
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r5_smtp_urls() {
        use Encryption::{None, Opportunistic, Required, Wrapped};
        let table = [
            ("smtp://mail.example", "mail.example", 25, Opportunistic, false),
            ("smtp://127.0.0.1:2525", "127.0.0.1", 2525, Opportunistic, false),
            ("smtp://[::1]:2525", "::1", 2525, Opportunistic, false),
            ("smtps://mail.example", "mail.example", 465, Wrapped, false),
            ("smtp://u:p@mail.example:587", "mail.example", 587, Required, true),
            (
                "smtp://mail.example?tls=required",
                "mail.example",
                25,
                Required,
                false,
            ),
            ("smtp://u:p@localhost:25?tls=none", "localhost", 25, None, true),
            ("smtps://u:p%40s@mail.example", "mail.example", 465, Wrapped, true),
        ];
        for (text, host, port, encryption, credentials) in table {
            let url = SmtpUrl::parse(text).unwrap();
            assert_eq!(
                (
                    url.host.as_str(),
                    url.port,
                    url.encryption,
                    url.credentials.is_some()
                ),
                (host, port, encryption, credentials),
                "{text}"
            );
        }
        let url = SmtpUrl::parse("smtps://a%40b:p%25%C3%BC@mail.example").unwrap();
        assert_eq!(
            url.credentials,
            Some(Credentials::new("a@b".to_owned(), "p%ü".to_owned()))
        );
    }

    #[test]
    fn r5_a_wrong_smtp_url_is_refused_without_being_quoted() {
        for text in [
            "mail.example",
            "http://mail.example",
            "smtp://",
            "smtp://secret@mail.example",
            "smtp://u:%zz@mail.example",
            "smtp://mail.example?tls=maybe",
            "smtps://mail.example?tls=none",
        ] {
            let reason = SmtpUrl::parse(text).unwrap_err().to_string();
            assert!(
                !reason.contains("secret") && !reason.contains("mail.example"),
                "{text}"
            );
        }
        let url = SmtpUrl::parse("smtp://u:secret@mail.example").unwrap();
        assert!(!format!("{url:?}").contains("secret"));
    }
}

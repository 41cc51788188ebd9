//! The table `[mail]` of the settings, and where mails go.

use std::time::Duration;

use chrono::TimeDelta;
use secrecy::ExposeSecret;
use serde::Deserialize;
use usher_service::{Settings, StartError, Trust};

use crate::render::Sender as From;
use crate::sender::Pace;
use crate::transport::{Capture, Encryption, MailTransport, Smtp, SmtpUrl};

/// See [`Pace::fresh`]: a letter of an ended invitation may go out for so long, then not any more.
const FRESH: Duration = Duration::from_millis(500);

/// The default sender, which nobody outside of this machine could answer.
const DEVELOPMENT_DOMAIN: &str = "@usher.localhost";
/// A letter may be tried for 30 days, and its command be delivered again for 30 more.
const LEAST_DAYS: i64 = 60;
/// A century.
const MOST_DAYS: i64 = 36_500;
/// The folder of captured mails in the data folder.
const CAPTURE_FOLDER: &str = "mail";

/// How mail is sent.
#[derive(Debug)]
pub struct MailSettings {
    /// Whom mails come from.
    pub from: From,
    /// How fast.
    pub pace: Pace,
    /// Where to.
    pub transport: MailTransport,
    /// For how long messages are kept.
    pub keep: TimeDelta,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    from: String,
    connections: usize,
    dialogue_seconds: u64,
    lease_seconds: u64,
    poll_seconds: u64,
    keep_days: i64,
}

impl MailSettings {
    /// Reads the table and `smtp_url`.
    ///
    /// # Errors
    /// [`StartError::Settings`] with one line. Production without a mail server or with the default sender is refused (N10).
    pub fn of(settings: &Settings) -> Result<Self, StartError> {
        let table: Table = settings.section("mail")?;
        if !(1..=256).contains(&table.connections) {
            return Err(StartError::settings("[mail]: connections is 1 to 256"));
        }
        if table.dialogue_seconds == 0 || table.poll_seconds == 0 {
            return Err(StartError::settings("[mail]: times are at least one second"));
        }
        if table.lease_seconds <= table.dialogue_seconds {
            return Err(StartError::settings(
                "[mail]: lease_seconds must be more than dialogue_seconds",
            ));
        }
        if !(LEAST_DAYS..=MOST_DAYS).contains(&table.keep_days) {
            return Err(StartError::settings(format!(
                "[mail]: keep_days is {LEAST_DAYS} to {MOST_DAYS}"
            )));
        }
        let from = From::new(&table.from)
            .map_err(|reason| StartError::settings(format!("[mail]: from: {reason}")))?;
        let dialogue = Duration::from_secs(table.dialogue_seconds);
        let pace = Pace {
            connections: table.connections,
            dialogue,
            lease: Duration::from_secs(table.lease_seconds),
            fresh: FRESH,
            poll: Duration::from_secs(table.poll_seconds),
        };
        let development = settings.common.is_development();
        if !development && table.from.ends_with(DEVELOPMENT_DOMAIN) {
            return Err(StartError::settings(
                "USHER_MAIL__FROM is not given; production needs an address of its own",
            ));
        }
        Ok(Self {
            from,
            pace,
            transport: transport(settings, development, dialogue)?,
            keep: TimeDelta::days(table.keep_days),
        })
    }
}

fn transport(
    settings: &Settings,
    development: bool,
    dialogue: Duration,
) -> Result<MailTransport, StartError> {
    match &settings.common.smtp_url {
        Some(url) => {
            let url = SmtpUrl::parse(url.expose_secret())
                .map_err(|reason| StartError::settings(format!("USHER_SMTP_URL: {reason}")))?;
            let authorities = Trust::of(settings)?.smtp;
            if authorities.is_some() && url.encryption == Encryption::None {
                return Err(StartError::settings(
                    "[tls] has an smtp_ca, but USHER_SMTP_URL says tls=none",
                ));
            }
            Ok(MailTransport::Smtp(Smtp::new(url, dialogue, authorities)))
        }
        None if development => {
            let folder = settings.common.data_dir.join(CAPTURE_FOLDER);
            Ok(MailTransport::Capture(Capture::new(folder)))
        }
        None => Err(StartError::settings(
            "USHER_SMTP_URL is not given; production sends mail and does not capture it",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<MailSettings, String> {
        let settings = Settings::with(pairs.iter().copied()).unwrap();
        MailSettings::of(&settings).map_err(|error| error.to_string())
    }

    #[test]
    fn n10_mail_is_captured_in_development_and_never_in_production() {
        let captured = read(&[("data_dir", "/tmp/x")]).unwrap().transport;
        assert!(matches!(captured, MailTransport::Capture(folder) if folder.folder().ends_with("x/mail")));
        let production = [("mode", "production"), ("mail.from", "portal@firm.example")];
        assert_eq!(
            read(&production).unwrap_err(),
            "USHER_SMTP_URL is not given; production sends mail and does not capture it"
        );
        let [mode, from] = production;
        let smtp = read(&[mode, from, ("smtp_url", "smtps://mail.firm.example")]).unwrap();
        assert!(matches!(smtp.transport, MailTransport::Smtp(_)));
    }

    #[test]
    fn r5_wrong_settings_are_refused_in_one_line() {
        let table: [(&[(&str, &str)], &str); 6] = [
            (&[("mail.keep_days", "59")], "[mail]: keep_days is 60 to 36500"),
            (
                &[("mail.from", "nobody")],
                "[mail]: from: the address is not one that mail can be sent to",
            ),
            (&[("mail.connections", "0")], "[mail]: connections is 1 to 256"),
            (
                &[("mail.lease_seconds", "120")],
                "[mail]: lease_seconds must be more than dialogue_seconds",
            ),
            (
                &[("smtp_url", "http://secret@x")],
                "USHER_SMTP_URL: begins with smtp:// or smtps://",
            ),
            (
                &[("mode", "production")],
                "USHER_MAIL__FROM is not given; production needs an address of its own",
            ),
        ];
        for (pairs, reason) in table {
            assert_eq!(read(pairs).unwrap_err(), reason);
        }
    }
}

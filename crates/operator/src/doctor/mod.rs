//! `usher doctor`: whether all that an installation needs is there and set up. It changes nothing and sends nothing.

mod database;
mod names;
mod records;
mod report;

use usher_contacts::Publishers;
use usher_gateway::check_settings;
use usher_notifications::settings::MailSettings;
use usher_parts::{database_settings, rabbit};
use usher_service::{Keys, Peers, Process, Settings, StartError};

use crate::cli::DoctorArguments;
use report::{Finding, Report};

/// Looks at everything and prints a line a check.
///
/// # Errors
/// [`StartError::Failed`] with how many checks failed.
pub async fn run(process: Process, arguments: DoctorArguments) -> Result<(), StartError> {
    let settings = &process.settings;
    let mut report = Report::default();
    let mail = MailSettings::of(settings);
    report.add("settings", &general(settings, mail.as_ref().err()));
    report.add("keys", &keys(settings));
    database::look(settings, arguments.replicas, &mut report).await;
    report.add("broker", &broker(settings).await);
    if let Ok(mail) = &mail {
        report.add("mail server", &mail_server(mail).await);
        names::look(mail.from.domain(), &arguments, &mut report).await;
    }
    match report.summary() {
        None => Ok(()),
        Some(summary) => Err(StartError::Failed(summary)),
    }
}

/// The first of the tables that would end a start, else which installation this is.
fn general(settings: &Settings, mail: Option<&StartError>) -> Finding {
    let tables = [
        check_settings(settings).err(),
        usher_invitations::check_settings(settings).err(),
        Peers::of(settings).err(),
        database_settings(settings).err(),
        Publishers::of(settings).err(),
    ];
    if let Some(wrong) = mail.or(tables.iter().flatten().next()) {
        return Finding::failure(wrong.to_string());
    }
    let url = settings.common.public_url();
    match (settings.common.is_development(), url.starts_with("https://")) {
        (true, _) => Finding::good(format!("development, {url}")),
        (false, true) => Finding::good(format!("production, {url}")),
        (false, false) => Finding::warning(format!(
            "links in mails begin with {url}, which is not encrypted: set USHER_PUBLIC_URL to an https address"
        )),
    }
}

fn keys(settings: &Settings) -> Finding {
    let rings = |keys: &Keys| -> Result<(), StartError> {
        for ring in [keys.service(), keys.seal(), keys.field(), keys.signing()] {
            ring?;
        }
        Ok(())
    };
    match Keys::look(&settings.common) {
        Ok(None) => Finding::good("made in the data folder at the first start, as this is development"),
        Ok(Some(keys)) => match rings(&keys) {
            Ok(()) => Finding::good("service, seal, field and signing keys can be read"),
            Err(error) => Finding::failure(error.to_string()),
        },
        Err(error) => Finding::failure(error.to_string()),
    }
}

async fn broker(settings: &Settings) -> Finding {
    match rabbit(settings, "usher-doctor") {
        Ok(None) => Finding::good("in this process, a file in the data folder"),
        Ok(Some(broker)) => match broker.greet().await {
            Ok(()) => Finding::good("RabbitMQ takes user, password and virtual host"),
            Err(error) => Finding::failure(format!("{error}: look at USHER_AMQP_URL and at the broker")),
        },
        Err(error) => Finding::failure(error.to_string()),
    }
}

async fn mail_server(mail: &MailSettings) -> Finding {
    let server = mail.transport.server();
    match mail.transport.greet().await {
        Ok(None) => Finding::good("none; mails are files in the data folder, as this is development"),
        Ok(Some(greeted)) => {
            let signed_in = if greeted.signed_in {
                "takes user and password"
            } else {
                "asks for no password"
            };
            if greeted.encrypted {
                Finding::good(format!("{server} is encrypted and {signed_in}"))
            } else {
                Finding::warning(format!(
                    "{server} {signed_in}, but mails go to it unencrypted: where it is not on this machine, \
                     add ?tls=required to USHER_SMTP_URL"
                ))
            }
        }
        Err(reason) => Finding::failure(format!(
            "{server}: {reason}: look at USHER_SMTP_URL and at the server"
        )),
    }
}

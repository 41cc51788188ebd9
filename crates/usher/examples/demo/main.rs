//! The journey on real input: an address book as Google Contacts exports it goes in through the public API, everyone who
//! can be is invited, and a table says what became of each row.
//!
//! `make demo` against a running `make run` or `make run-distributed`; `make demo FILE=my.csv` with an export of one's own.
//! It is a client like any other: GraphQL over HTTP, no look behind the API. Exit code 1 when something fails or the
//! figures do not add up.

mod book;
mod captured;
mod client;
mod error;
mod failures;
mod import;
mod invite;
mod known;
mod organization;
mod report;
mod settings;

use std::process::ExitCode;
use std::time::Instant;

use crate::client::Client;
use crate::error::DemoError;
use crate::report::Report;
use crate::settings::Settings;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(report) => report.conclude(),
        Err(error) => {
            eprintln!("demo: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<Report, DemoError> {
    let settings = Settings::read()?;
    let mut captured = captured::Captured::look(&settings.mail_folder);
    let client = Client::sign_in(&settings).await?;
    if let Some(domain) = settings.placeholder {
        organization::list_placeholder(&client, domain).await?;
    }
    let started = Instant::now();
    let import = import::run(&client, &settings.file).await?;
    let import_time = started.elapsed();
    let invited = invite::run(&client).await?;
    captured.settle(invited.sent());
    Ok(Report {
        file: settings.file,
        import,
        invited,
        captured: captured.fresh(),
        import_time,
        whole_time: started.elapsed(),
    })
}

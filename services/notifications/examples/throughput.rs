//! How fast letters become rows and rows become mails: `THROUGHPUT_SMTP_URL=smtp://127.0.0.1:2525 cargo run --release --example
//! throughput -p usher-notifications`. Takes the PostgreSQL of the tests; `smtp-sink -c 127.0.0.1:2525 256` is a fit server.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use usher_auth::{Keyring, SealContext, seal_token};
use usher_database::Database;
use usher_events::{Deliver, Envelope, Letter, MailKind, Mailing};
use usher_notifications::consumers::{DELIVER, DeliverHandler};
use usher_notifications::render::Sender as From;
use usher_notifications::sender::{Pace, Renderer, Sender};
use usher_notifications::transport::{MailTransport, Memory, Smtp, SmtpUrl};
use usher_testkit::TestDatabase;
use usher_types::{
    Clock, ContactId, InvitationId, MailingId, MessageId, OrganizationId, SharedClock, SystemClock,
    SystemTokens, TokenGenerator,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn number(name: &str, default: usize) -> usize {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(default)
}

fn mailing(organization: OrganizationId) -> Mailing {
    Mailing {
        id: MailingId::new(SystemClock.now()),
        organization_id: organization,
        kind: MailKind::Invitation,
        organization_name: "Müller & Söhne".to_owned(),
        invited_by: Some("Max Müller".to_owned()),
        reply_to: None,
        locale: "en".to_owned(),
        time_zone: "Europe/Berlin".to_owned(),
        subject: None,
        body: None,
        message: Some("We look forward to working with you. ".repeat(20)),
    }
}

fn letter(keys: &Keyring, organization: OrganizationId, index: usize) -> Letter {
    let now = SystemClock.now();
    let (message, invitation) = (MessageId::new(now), InvitationId::new(now));
    let context = SealContext {
        message,
        invitation,
        organization,
    };
    Letter {
        message_id: message,
        invitation_id: invitation,
        generation: 1,
        contact_id: Some(ContactId::new(now)),
        email: format!("person{index}@example.com"),
        email_canonical: format!("person{index}@example.com"),
        first_name: "Ada".to_owned(),
        last_name: "Lovelace".to_owned(),
        locale: None,
        time_zone: None,
        sealed_token: seal_token(keys, context, &SystemTokens.token()).ok(),
        expires_at: now + TimeDelta::days(7),
        accounts: None,
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (count, connections) = (
        number("THROUGHPUT_MAILS", 20_000),
        number("THROUGHPUT_CONNECTIONS", 16),
    );
    let test = TestDatabase::postgres().await;
    let settings = test.settings().clone().with_connections(8);
    let database = Database::connect(&settings, "notifications").await?;
    let clock: SharedClock = Arc::new(SystemClock);
    let keys = Keyring::parse(&Keyring::generate_text("k"))?;
    let organization = OrganizationId::new(clock.now());
    let pace = Pace {
        connections,
        dialogue: Duration::from_secs(120),
        fresh: Duration::from_millis(500),
        lease: Duration::from_secs(180),
        poll: Duration::from_secs(1),
    };
    let transport = match std::env::var("THROUGHPUT_SMTP_URL") {
        Ok(url) => MailTransport::Smtp(Smtp::new(SmtpUrl::parse(&url)?, pace.dialogue, None)),
        Err(_) => MailTransport::Memory(Memory::default()),
    };
    let from = From::new("portal@usher.example")?;
    let renderer = Renderer::new(from.clone(), "https://portal.example".to_owned(), keys.clone());
    let sender = Sender::new(database.clone(), clock.clone(), renderer, transport, pace);
    let handler = DeliverHandler::new(clock.clone(), from, sender.clone());

    let mailing = mailing(organization);
    let commands: Vec<_> = (0..count)
        .map(|index| letter(&keys, organization, index))
        .collect::<Vec<_>>()
        .chunks(200)
        .map(|letters| {
            let deliver = Deliver {
                mailing: mailing.clone(),
                letters: letters.to_vec(),
            };
            Envelope::command("invitations", clock.now(), &deliver)
        })
        .collect();
    for round in 0..number("THROUGHPUT_ROUNDS", 1) {
        let began = Instant::now();
        for slice in commands.chunks(10) {
            usher_messaging::deliver(&database, DELIVER, &handler, slice).await?;
        }
        let stored = began.elapsed();
        let began = Instant::now();
        sender.drain().await?;
        let sent = began.elapsed();
        let rate = |elapsed: Duration| count as f64 / elapsed.as_secs_f64();
        eprintln!(
            "round {round}: stored {:.0}/s, sent {:.0}/s over {connections} connections",
            rate(stored),
            rate(sent)
        );
    }
    Ok(())
}

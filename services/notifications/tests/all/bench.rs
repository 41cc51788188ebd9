//! What the tests of this service stand on.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use sea_orm::ConnectionTrait;
use usher_auth::{Keyring, SealContext, seal_token};
use usher_database::{Database, Dialect, Scope, SystemReason};
use usher_events::{
    AddressStateChanged, CancelMessages, Deliver, Envelope, HoldMailing, Letter, MailKind, Mailing,
    MessageChanged, Withdrawn,
};
use usher_notifications::app::Mover;
use usher_notifications::consumers::{DELIVER, DeliverHandler, URGENT, UrgentHandler};
use usher_notifications::render::Sender as From;
use usher_notifications::sender::{Pace, Renderer, Sender};
use usher_notifications::transport::{MailTransport, Smtp, SmtpUrl};
use usher_testkit::mail::SmtpServer;
use usher_testkit::{TestDatabase, published};
use usher_types::{
    Clock, ContactId, FixedClock, InvitationId, MailingId, MessageId, OrganizationId, RawToken, domain_of,
};
use uuid::Uuid;

pub const PUBLIC_URL: &str = "https://portal.example";
pub const CONNECTIONS: usize = 4;

/// A service with its database, its clock and a mail server.
pub struct Bench {
    pub database: Database,
    pub clock: Arc<FixedClock>,
    pub keys: Keyring,
    pub server: SmtpServer,
    pub organization: OrganizationId,
}

pub fn noon() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).unwrap()
}

pub fn pace() -> Pace {
    Pace {
        connections: CONNECTIONS,
        dialogue: Duration::from_secs(30),
        lease: Duration::from_secs(60),
        fresh: Duration::from_secs(60),
        poll: Duration::from_secs(1),
    }
}

/// An id that is the same in every run.
pub fn fixed<T: std::convert::From<Uuid>>(number: u128) -> T {
    Uuid::from_u128(0x0195_0000_0000_7000_8000_0000_0000_0000 | number).into()
}

impl Bench {
    pub async fn new(database: &TestDatabase) -> Self {
        Self {
            database: database.service("notifications").await,
            clock: Arc::new(FixedClock::new(noon())),
            keys: Keyring::parse(&Keyring::generate_text("k")).unwrap(),
            server: SmtpServer::start().await,
            organization: fixed(0x01),
        }
    }

    pub fn from(&self) -> From {
        From::new("portal@usher.example").unwrap()
    }

    pub fn renderer(&self) -> Renderer {
        Renderer::new(self.from(), PUBLIC_URL.to_owned(), self.keys.clone())
    }

    pub fn smtp(&self, dialogue: Duration) -> MailTransport {
        MailTransport::Smtp(Smtp::new(
            SmtpUrl::parse(&self.server.url()).unwrap(),
            dialogue,
            None,
        ))
    }

    /// A sender as a process has one.
    pub fn sender(&self) -> Sender {
        self.sender_to(self.smtp(pace().dialogue), pace())
    }

    pub fn sender_to(&self, transport: MailTransport, pace: Pace) -> Sender {
        Sender::new(
            self.database.clone(),
            self.clock.clone(),
            self.renderer(),
            transport,
            pace,
        )
    }

    pub fn mailing(&self) -> Mailing {
        Mailing {
            id: MailingId::new(self.clock.now()),
            organization_id: self.organization,
            kind: MailKind::Invitation,
            organization_name: "Müller & Söhne".to_owned(),
            invited_by: Some("Max Müller".to_owned()),
            reply_to: Some("max@mueller.example".to_owned()),
            locale: "en".to_owned(),
            time_zone: "Europe/Berlin".to_owned(),
            subject: None,
            body: None,
            message: None,
        }
    }

    pub fn token() -> RawToken {
        RawToken::from_bytes([7; 32])
    }

    pub fn letter(&self, email: &str) -> Letter {
        let now = self.clock.now();
        self.seal(Letter {
            message_id: MessageId::new(now),
            invitation_id: InvitationId::new(now),
            generation: 1,
            contact_id: Some(ContactId::new(now)),
            email: email.to_owned(),
            email_canonical: email.to_lowercase(),
            first_name: "Ada".to_owned(),
            last_name: "Lovelace".to_owned(),
            locale: None,
            time_zone: None,
            sealed_token: None,
            expires_at: now + TimeDelta::days(7),
            accounts: None,
        })
    }

    /// The letter with a seal for its ids.
    pub fn seal(&self, letter: Letter) -> Letter {
        let context = SealContext {
            message: letter.message_id,
            invitation: letter.invitation_id,
            organization: self.organization,
        };
        let sealed_token = seal_token(&self.keys, context, &Self::token()).unwrap();
        Letter {
            sealed_token: Some(sealed_token),
            ..letter
        }
    }

    /// `count` letters to different people of different domains.
    pub fn letters(&self, count: usize) -> Vec<Letter> {
        (0..count)
            .map(|number| self.letter(&format!("person{number}@example{number}.com")))
            .collect()
    }

    pub fn envelope(&self, mailing: &Mailing, letters: &[Letter]) -> Envelope {
        let deliver = Deliver {
            mailing: mailing.clone(),
            letters: letters.to_vec(),
        };
        Envelope::command("invitations", self.clock.now(), &deliver)
    }

    /// Hands letters to the service as its consumer does.
    pub async fn deliver(&self, mailing: &Mailing, letters: &[Letter]) {
        self.deliver_slice(&[self.envelope(mailing, letters)]).await;
    }

    pub async fn deliver_slice(&self, slice: &[Envelope]) {
        let handler = DeliverHandler::new(self.clock.clone(), self.from(), self.sender());
        usher_messaging::deliver(&self.database, DELIVER, &handler, slice)
            .await
            .unwrap();
    }

    pub async fn withdraw(&self, letter: &Letter) {
        let command = CancelMessages {
            organization_id: self.organization,
            withdrawn: vec![Withdrawn {
                invitation_id: letter.invitation_id,
                contact_id: letter.contact_id,
            }],
        };
        self.urgent(&[Envelope::command("invitations", self.clock.now(), &command)])
            .await;
    }

    /// A word about a sending, as its consumer hears it.
    pub fn hold(&self, mailing: &Mailing, held: bool, version: i64) -> Envelope {
        let command = HoldMailing {
            organization_id: self.organization,
            mailing_id: mailing.id,
            held,
            version,
        };
        Envelope::command("invitations", self.clock.now(), &command)
    }

    pub async fn urgent(&self, slice: &[Envelope]) {
        let handler = UrgentHandler::new(self.clock.clone(), self.mover());
        usher_messaging::deliver(&self.database, URGENT, &handler, slice)
            .await
            .unwrap();
    }

    /// Moves three letters a transaction.
    pub fn mover(&self) -> Mover {
        Mover::in_slices(self.database.clone(), self.sender(), 3)
    }

    /// Everything published so far, of one type of event: `(kind, payload)` in order.
    pub async fn messages(&self) -> Vec<MessageChanged> {
        self.events("usher.message.").await
    }

    pub async fn addresses(&self) -> Vec<AddressStateChanged> {
        self.events("usher.address.").await
    }

    async fn events<P: usher_events::Payload>(&self, prefix: &str) -> Vec<P> {
        let all = published(&self.database).await;
        let of_kind = all.iter().filter(|envelope| envelope.kind.starts_with(prefix));
        of_kind.map(|envelope| envelope.decode().unwrap()).collect()
    }

    /// State, attempts and whether there still is a seal.
    pub async fn row(&self, letter: &Letter) -> (String, i64, bool) {
        let tx = self
            .database
            .read(Scope::System(SystemReason::Test))
            .await
            .unwrap();
        let sql = "SELECT state, attempts, sealed_token IS NOT NULL FROM message WHERE id = $1";
        let statement = tx.statement(sql, [letter.message_id.uuid().into()]);
        let row = tx.query_one_raw(statement).await.unwrap().unwrap();
        (
            row.try_get_by_index(0).unwrap(),
            row.try_get_by_index(1).unwrap(),
            row.try_get_by_index(2).unwrap(),
        )
    }

    /// An id as it is written in a statement.
    pub fn literal(&self, id: impl Into<Uuid>) -> String {
        let id = id.into().simple().to_string();
        match self.database.dialect() {
            Dialect::Sqlite => format!("X'{id}'"),
            Dialect::Postgres => format!("'{id}'"),
        }
    }

    /// Runs a statement of the test's own.
    pub async fn run(&self, sql: &str) -> u64 {
        let tx = self
            .database
            .write(Scope::System(SystemReason::Test))
            .await
            .unwrap();
        let done = tx.execute_raw(tx.statement(sql, [])).await.unwrap();
        tx.commit().await.unwrap();
        done.rows_affected()
    }

    pub async fn count(&self, sql: &str) -> i64 {
        let tx = self
            .database
            .read(Scope::System(SystemReason::Test))
            .await
            .unwrap();
        let row = tx.query_one_raw(tx.statement(sql, [])).await.unwrap().unwrap();
        row.try_get_by_index(0).unwrap()
    }
}

/// The domain of a letter's address.
pub fn domain(letter: &Letter) -> &str {
    domain_of(&letter.email_canonical)
}

//! What a journey looks up where no client can: in the databases, and with the installation's keys.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;
use usher_auth::{Keyring, SigningKey, unwrap_secret};
use usher_types::OrganizationId;

use crate::sql::{dump, psql, psql_text, restore, sqlite, sqlite_change, sqlite_text};
use crate::system::PATIENCE;
use crate::{Process, System, eventually};

/// What is still on its way. A message is written to its next place before it leaves the last, so whoever looks at outboxes,
/// queues and outboxes again overlooks none.
const UNHEARD: &str = "(
    (SELECT count(*) FROM main.outbox WHERE published_at IS NULL)
    + (SELECT count(*) FROM invitations.outbox WHERE published_at IS NULL)
    + (SELECT count(*) FROM notifications.outbox WHERE published_at IS NULL)
    + (SELECT count(*) FROM broker.delivery)
    + (SELECT count(*) FROM notifications.message WHERE pending)
    + (SELECT count(*) FROM invitations.batch WHERE finished_at IS NULL AND state = 'RUNNING')
    + (SELECT count(*) FROM main.outbox WHERE published_at IS NULL)
    + (SELECT count(*) FROM invitations.outbox WHERE published_at IS NULL)
    + (SELECT count(*) FROM notifications.outbox WHERE published_at IS NULL)
)";

/// What every act leaves.
const TRACES: &str = "(
    (SELECT count(*) FROM main.outbox) + (SELECT count(*) FROM main.activity)
    + (SELECT count(*) FROM invitations.outbox) + (SELECT count(*) FROM invitations.activity)
    + (SELECT count(*) FROM notifications.message)
)";

impl System {
    /// The first organization's id.
    ///
    /// # Panics
    /// Where the administrator's token does not say.
    #[must_use]
    pub fn organization(&self) -> OrganizationId {
        let token = self.admin().token().expect("a token");
        let claims = token.split('.').nth(1).expect("a JWT");
        let claims = URL_SAFE_NO_PAD.decode(claims).expect("base64url");
        let claims: Value = serde_json::from_slice(&claims).expect("JSON");
        claims["org"]
            .as_str()
            .and_then(|id| id.parse().ok())
            .expect("the organization")
    }

    /// The key that signs this installation's access tokens.
    ///
    /// # Panics
    /// Where it cannot be read.
    pub async fn signing_key(&self) -> SigningKey {
        let file = self.folder.path().join("invitations.db");
        let line = sqlite_text(&file, "SELECT id || ' ' || wrapped FROM signing_key LIMIT 1").await;
        let (id, wrapped) = line.trim().split_once(' ').expect("a key");
        let keys = Keyring::parse(&self.environment["USHER_SIGNING_KEYS"]).expect("keys");
        let pkcs8 = unwrap_secret(&keys, "usher.signing-key.v1", wrapped).expect("the key opens");
        SigningKey::from_pkcs8(id.to_owned(), &pkcs8).expect("a key")
    }

    /// How much has been said and noted, once all that was said has been heard: changes with every act, and with nothing
    /// else. Of the embedded setting.
    pub async fn traces(&self) -> i64 {
        let attached: String = ["invitations", "notifications", "broker"]
            .map(|name| format!("ATTACH '{}/{name}.db' AS {name}; ", self.folder.path().display()))
            .concat();
        let sql = format!("{attached} SELECT {UNHEARD} || ' ' || {TRACES}");
        let file = self.folder.path().join("contacts.db");
        eventually("all has been heard", PATIENCE, || async {
            let line = sqlite_text(&file, &sql).await;
            let traces = line.trim().strip_prefix("0 ")?;
            Some(traces.parse().expect("a number"))
        })
        .await
    }

    /// Lets every open invitation run out, as time would. Of the embedded setting.
    pub async fn expire_invitations(&self) {
        let file = self.folder.path().join("invitations.db");
        let sql = "UPDATE invitation SET expires_at = issued_at WHERE state = 'OPEN'; \
                   UPDATE portal_access SET expires_at = invited_at WHERE status = 'INVITED'";
        sqlite_change(&file, sql).await;
    }

    /// Lets `contacts` say something that nobody can handle: a change of a contact that is only this text.
    ///
    /// # Panics
    /// Where the database refuses.
    pub async fn poison(&self, text: &str) {
        let organization = self.organization().uuid().simple();
        let (schema, id, key) = match &self.outside {
            Some(_) => ("contacts.", format!("'{organization}'"), "gen_random_uuid()"),
            None => ("", format!("X'{organization}'"), "randomblob(16)"),
        };
        let sql = format!(
            "INSERT INTO {schema}outbox (id, bucket, lane, key, kind, source, subject, organization_id, time, events, data, created_at) \
             VALUES ({key}, 0, 'interactive', {key}, 'usher.contact.updated.v1', 'usher/contacts', 'nobody', {id}, \
             '2026-03-01T12:00:00+00:00', 1, '\"{text}\"', '2026-03-01T12:00:00+00:00')"
        );
        match &self.outside {
            Some(outside) => drop(psql(&outside.database, &sql).await),
            None => sqlite_change(&self.folder.path().join("contacts.db"), &sql).await,
        }
    }

    /// Runs a command of `usher` beside the system; what it says.
    ///
    /// # Panics
    /// Where it fails.
    pub async fn command(&self, arguments: &[&str]) -> String {
        let (code, told, said) = self.ends(arguments).await;
        assert_eq!(code, 0, "usher {arguments:?}: {said}");
        told
    }

    /// Runs a command of `usher` and says how it ended: its exit code, what it told, and what it said beside.
    ///
    /// # Panics
    /// Where it does not end by itself.
    pub async fn ends(&self, arguments: &[&str]) -> (i32, String, String) {
        let ended = Process::output("usher", arguments, &self.environment, self.folder.path()).await;
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        let code = ended.status.code().expect("an end of its own");
        (code, text(ended.stdout), text(ended.stderr))
    }

    /// What the database answers to a statement, a line each row.
    ///
    /// # Panics
    /// Without PostgreSQL.
    pub async fn asks(&self, sql: &str) -> String {
        psql_text(self.database(), sql).await
    }

    /// Backs up what a service keeps.
    ///
    /// # Panics
    /// Without PostgreSQL.
    pub async fn back_up(&self, service: &str) {
        dump(
            self.database(),
            service,
            &self.folder.path().join(format!("{service}.dump")),
        )
        .await;
    }

    /// Puts back what a service kept when it was backed up.
    ///
    /// # Panics
    /// Without PostgreSQL or backup.
    pub async fn restore(&self, service: &str) {
        restore(
            self.database(),
            service,
            &self.folder.path().join(format!("{service}.dump")),
        )
        .await;
    }

    fn database(&self) -> &str {
        &self.outside.as_ref().expect("a distributed system").database
    }

    /// Outbox rows of all services that have not been published.
    ///
    /// # Panics
    /// Where a database cannot be asked.
    pub async fn unpublished(&self) -> i64 {
        self.count("outbox WHERE published_at IS NULL").await
    }

    /// Messages that a service could not handle, and that nobody has replayed.
    ///
    /// # Panics
    /// Where a database cannot be asked.
    pub async fn dead_letters(&self) -> i64 {
        self.count("dead_letter WHERE replayed_at IS NULL").await
    }

    /// Rows of a table that every service has.
    async fn count(&self, table: &str) -> i64 {
        let mut count = 0;
        for service in ["contacts", "invitations", "notifications"] {
            count += match &self.outside {
                Some(outside) => {
                    psql(
                        &outside.database,
                        &format!("SELECT count(*) FROM {service}.{table}"),
                    )
                    .await
                }
                None => {
                    let file = self.folder.path().join(format!("{service}.db"));
                    sqlite(&file, &format!("SELECT count(*) FROM {table}")).await
                }
            };
        }
        count
    }
}

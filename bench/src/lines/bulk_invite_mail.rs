//! Twenty thousand people invited at once: from the mutation until the last of their mails is noted as sent.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::runtime::Runtime;

use super::{Line, raised};
use crate::cluster::Cluster;
use crate::failure::{Failure, fail};
use crate::graphql::Connection;
use crate::loaded::Loaded;
use crate::mail::Sink;
use crate::measure::{Outcome, Want, alternate};
use crate::note;
use crate::system::{ADMIN_EMAIL, ADMIN_PASSWORD, ALL, Plan, System};
use crate::workshop::{Workshop, runtime};

pub const LINE: Line = Line {
    name: "bulk_invite_mail",
    what: "mails/s of 20,000 invitations (text and HTML, 5.6 KB), 16 SMTP connections, until the batch is DONE and all are SENT",
    run,
};

/// Kept SMTP connections, of Usher and of `smtp-source` alike.
const SESSIONS: usize = 16;
/// Text and HTML together.
const BYTES: usize = 5_600;
/// A round that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(300);
/// Between two looks; each costs the database a count.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// The end of a batch, timed on its own: it shows what the last slices wait for.
const TAIL: usize = 250;

fn run(workshop: &Workshop) -> Result<Outcome, Failure> {
    let cluster = workshop.cluster()?;
    let database = Loaded::WAITING.copy(workshop, "usher_bulk")?;
    let sink = Sink::start(workshop)?;
    let mut settings = raised();
    settings.push(("USHER_MAIL__CONNECTIONS", SESSIONS.to_string()));
    let plan = Plan {
        workshop,
        database: cluster.url(&database),
        smtp: Some(sink.url()),
        settings,
    };
    let runtime = runtime()?;
    let mut bulk = Bulk {
        system: plan.start(&runtime, &ALL)?,
        runtime,
        cluster,
        database: &database,
        message: String::new(),
    };
    bulk.message = bulk.message_of_the_right_size()?;
    let (limit, value) = alternate(|| sink.rate(SESSIONS, BYTES), |round| bulk.round(round))?;
    drop(bulk);
    cluster.drop_database(&database)?;
    Ok(Outcome {
        name: LINE.name,
        unit: "mails/s",
        value,
        limit,
        want: Want::AtLeast(0.20),
    })
}

struct Bulk<'a> {
    system: System,
    runtime: Runtime,
    cluster: &'a Cluster,
    database: &'a str,
    message: String,
}

impl Bulk<'_> {
    /// A personal message that brings the rendered mail to the size that is measured.
    fn message_of_the_right_size(&self) -> Result<String, Failure> {
        let plain = self.rendered("x")?;
        let sentence = "Your documents are waiting for you. ";
        // it stands once in the text and once in the HTML
        let missing = BYTES.saturating_sub(plain) / 2;
        let message = sentence
            .repeat(missing / sentence.len() + 1)
            .chars()
            .take(missing.max(1))
            .collect::<String>();
        let size = self.rendered(&message)?;
        note(&format!("{}: text and HTML of {size} bytes", LINE.name));
        Ok(message)
    }

    /// Bytes of the text and the HTML as a preview shows them.
    fn rendered(&self, message: &str) -> Result<usize, Failure> {
        self.runtime.block_on(async {
            let (mut connection, authorization) = self.sign_in(0).await?;
            let query = "query($message: String) {
                invitationPreview(contacts: {filter: {}}, message: $message) { text html }
            }";
            let data = connection
                .ask(Some(&authorization), query, json!({"message": message}))
                .await?;
            let preview = &data["invitationPreview"];
            let length = |part: &str| preview[part].as_str().map_or(0, str::len);
            Ok(length("text") + length("html"))
        })
    }

    /// Each round invites everybody of an organization of its own.
    fn round(&mut self, round: usize) -> Result<f64, Failure> {
        self.system.check()?;
        let started = Instant::now();
        let (batch, mut connection, authorization) = self.runtime.block_on(self.send(round))?;
        let mut until_tail = None;
        loop {
            let sent = self.sent(round)?;
            if sent + TAIL >= Loaded::WAITING.contacts && until_tail.is_none() {
                until_tail = Some(started.elapsed());
            }
            if sent == Loaded::WAITING.contacts
                && self
                    .runtime
                    .block_on(done(&mut connection, &authorization, &batch))?
            {
                break;
            }
            if started.elapsed() > PATIENCE {
                return Err(fail(format!(
                    "round {round}: only {sent} sent after {PATIENCE:?}"
                )));
            }
            self.system.check()?;
            std::thread::sleep(LOOK_EVERY);
        }
        let whole = started.elapsed().as_secs_f64();
        let tail = until_tail.unwrap_or_default().as_secs_f64();
        note(&format!(
            "{}: round {round}: {whole:.2} s, until the last {TAIL} {tail:.2} s",
            LINE.name
        ));
        Ok(Loaded::WAITING.contacts as f64 / whole)
    }

    async fn send(&self, round: usize) -> Result<(String, Connection, String), Failure> {
        let (mut connection, authorization) = self.sign_in(round).await?;
        let query = "mutation($input: InvitationsInput!) {
            sendInvitations(input: $input) { batch { id } userErrors { code message } }
        }";
        let input = json!({"contacts": {"filter": {}}, "message": self.message,
            "expectEligible": Loaded::WAITING.contacts});
        let data = connection
            .ask(Some(&authorization), query, json!({"input": input}))
            .await?;
        let batch = data["sendInvitations"]["batch"]["id"].as_str().map(str::to_owned);
        Ok((
            batch.ok_or_else(|| fail(format!("no batch: {data}")))?,
            connection,
            authorization,
        ))
    }

    async fn sign_in(&self, round: usize) -> Result<(Connection, String), Failure> {
        let mut connection = Connection::open(&self.system.address).await?;
        let slug = format!("bench-{}", round + 1);
        let authorization = connection.sign_in(&slug, ADMIN_EMAIL, ADMIN_PASSWORD).await?;
        Ok((connection, authorization))
    }

    /// Rows of the round that are SENT, as the service that sends has them.
    fn sent(&self, round: usize) -> Result<usize, Failure> {
        let organization = round + 1;
        let sql = format!(
            "select count(*) from notifications.message
             where organization_id = bench.organization({organization}) and state = 'SENT'"
        );
        let count = self.cluster.query(self.database, &sql)?;
        count.parse().map_err(|_| fail(format!("{count:?} is no count")))
    }
}

async fn done(connection: &mut Connection, authorization: &str, batch: &str) -> Result<bool, Failure> {
    let query = "query($id: ID!) { invitationBatch(id: $id) { state sent failed } }";
    let data = connection
        .ask(Some(authorization), query, json!({"id": batch}))
        .await?;
    let batch = &data["invitationBatch"];
    if batch["state"] == "DONE" && batch["sent"] != Loaded::WAITING.contacts {
        return Err(fail(format!("the batch is done, but not whole: {batch}")));
    }
    Ok(batch["state"] == "DONE")
}

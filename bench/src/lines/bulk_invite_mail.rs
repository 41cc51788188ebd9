//! Twenty thousand people invited at once: from the mutation until the last of their mails is noted as sent.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::runtime::Runtime;

use super::{Line, raised};
use crate::cluster::Session;
use crate::failure::{Context, Failure, fail};
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
/// Between two looks at the batch's row.
const LOOK_EVERY: Duration = Duration::from_millis(50);
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
        session: cluster.session(&database)?,
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

struct Bulk {
    system: System,
    runtime: Runtime,
    session: Session,
    message: String,
}

impl Bulk {
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
        while !self.is_done(round)? {
            if started.elapsed() > PATIENCE {
                return Err(fail(format!("round {round}: not done after {PATIENCE:?}")));
            }
            self.system.check()?;
            std::thread::sleep(LOOK_EVERY);
        }
        let whole = started.elapsed().as_secs_f64();
        self.runtime
            .block_on(check(&mut connection, &authorization, &batch))?;
        let tail = self.until_tail(round)?;
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

    /// Whether the round's batch is DONE.
    fn is_done(&mut self, round: usize) -> Result<bool, Failure> {
        let sql = format!("select ({})", newest("state", round));
        Ok(self.session.ask(&sql)? == "DONE")
    }

    /// Seconds until the server had taken all but the last few, by the times that were noted; fails where a mail is not SENT.
    fn until_tail(&mut self, round: usize) -> Result<f64, Failure> {
        let sql = format!(
            "select count(*), extract(epoch from (array_agg(sent_at order by sent_at desc))[{TAIL} + 1] - ({})) \
             from notifications.message \
             where organization_id = bench.organization({}) and state = 'SENT'",
            newest("created_at", round),
            round + 1
        );
        let answer = self.session.ask(&sql)?;
        let (count, seconds) = answer.split_once('|').unwrap_or_default();
        if count != Loaded::WAITING.contacts.to_string() {
            return Err(fail(format!("round {round} is DONE, but {count} are SENT")));
        }
        seconds.parse().context(&answer)
    }
}

/// A column of the newest batch of the round's organization, as a query.
fn newest(column: &str, round: usize) -> String {
    let organization = round + 1;
    format!(
        "select {column} from invitations.batch where organization_id = bench.organization({organization}) \
         order by created_at desc, id desc limit 1"
    )
}

/// The batch says the same to whoever asks.
async fn check(connection: &mut Connection, authorization: &str, batch: &str) -> Result<(), Failure> {
    let query = "query($id: ID!) { invitationBatch(id: $id) { state sent failed } }";
    let data = connection
        .ask(Some(authorization), query, json!({"id": batch}))
        .await?;
    let batch = &data["invitationBatch"];
    if batch["state"] != "DONE" || batch["sent"] != Loaded::WAITING.contacts {
        return Err(fail(format!("the batch is not whole: {batch}")));
    }
    Ok(())
}

//! Everybody at once: first what would happen, then exactly that.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::{Client, number, text, unexpected};
use crate::error::DemoError;
use crate::failures::Failures;

/// Between two looks at the batch.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// A batch that stands still this long is given up.
const STUCK_AFTER: Duration = Duration::from_secs(90);

const PREVIEW: &str = "query Preview($everybody: ContactSelection!) {
  invitationPreview(contacts: $everybody, action: SEND) { total eligible ineligible { reason count } }
}";
const SEND: &str = "mutation Send($input: InvitationsInput!) {
  sendInvitations(input: $input) { batch { id } userErrors { code field message } }
}";
const BATCH: &str = "query Batch($id: ID!) {
  invitationBatch(id: $id) { state total queued sent failed cancelled skipped { reason count } }
}";

/// How many, by reason.
pub type Reasons = BTreeMap<String, u64>;

/// What was to be expected and what came of it.
pub struct Invited {
    /// Everybody in the organization.
    pub total: u64,
    /// Who could be invited.
    pub eligible: u64,
    /// Why the others could not.
    pub left_out: Reasons,
    /// None where nobody was eligible: then nothing was sent.
    pub batch: Option<Batch>,
    /// Mails that were refused for good, by reason.
    pub failed: Reasons,
}

impl Invited {
    /// Mails that a server took.
    pub fn sent(&self) -> u64 {
        self.batch.as_ref().map_or(0, |batch| batch.sent)
    }
}

/// The batch at its end.
#[derive(PartialEq)]
pub struct Batch {
    /// Contacts of the selection.
    pub total: u64,
    /// Mails that a server took.
    pub sent: u64,
    /// Mails that were refused for good.
    pub failed: u64,
    /// Mails that were taken back.
    pub cancelled: u64,
    /// Mails still on their way.
    pub queued: u64,
    /// Left out, by reason.
    pub skipped: Reasons,
    state: String,
}

/// Invites everybody who can be, and waits until it is done.
///
/// # Errors
/// When the API fails or refuses, or the batch stands still.
pub async fn run(client: &Client) -> Result<Invited, DemoError> {
    let everybody = json!({"filter": {}});
    let answer = client
        .ask("Preview", PREVIEW, json!({"everybody": everybody}))
        .await?;
    let preview = &answer["invitationPreview"];
    let eligible = number("Preview", &preview["eligible"])?;
    let before = Failures::look(client).await?;
    let batch = match eligible {
        0 => None,
        _ => Some(watch(client, &send(client, everybody, eligible).await?).await?),
    };
    let failed = match &batch {
        Some(batch) if batch.failed > 0 => Failures::look(client).await?.since(&before),
        _ => Reasons::new(),
    };
    Ok(Invited {
        total: number("Preview", &preview["total"])?,
        eligible,
        left_out: reasons("Preview", &preview["ineligible"])?,
        batch,
        failed,
    })
}

/// `expectEligible` makes it send to whom the preview showed or to nobody.
async fn send(client: &Client, everybody: Value, eligible: u64) -> Result<String, DemoError> {
    let input = json!({"contacts": everybody, "expectEligible": eligible,
        "message": "Your documents are waiting for you in our new portal."});
    let answer = client.ask("Send", SEND, json!({"input": input})).await?;
    let payload = &answer["sendInvitations"];
    if let Some(error) = payload["userErrors"].get(0) {
        return Err(DemoError::Refused {
            operation: "sendInvitations".to_owned(),
            code: text("Send", &error["code"])?,
            message: text("Send", &error["message"])?,
        });
    }
    text("Send", &payload["batch"]["id"])
}

async fn watch(client: &Client, id: &str) -> Result<Batch, DemoError> {
    let mut last = look(client, id).await?;
    let mut moved = Instant::now();
    while last.state != "DONE" {
        tokio::time::sleep(LOOK_EVERY).await;
        let now = look(client, id).await?;
        if now != last {
            (last, moved) = (now, Instant::now());
        } else if moved.elapsed() > STUCK_AFTER {
            let Batch {
                state, queued, sent, ..
            } = last;
            let state = format!("{state}, {sent} sent, {queued} queued");
            return Err(DemoError::Stuck {
                seconds: STUCK_AFTER.as_secs(),
                state,
            });
        }
    }
    Ok(last)
}

async fn look(client: &Client, id: &str) -> Result<Batch, DemoError> {
    let answer = client.ask("Batch", BATCH, json!({"id": id})).await?;
    let batch = &answer["invitationBatch"];
    if batch.is_null() {
        return Err(unexpected("Batch", "the batch is gone"));
    }
    let figure = |name: &str| number("Batch", &batch[name]);
    Ok(Batch {
        total: figure("total")?,
        sent: figure("sent")?,
        failed: figure("failed")?,
        cancelled: figure("cancelled")?,
        queued: figure("queued")?,
        skipped: reasons("Batch", &batch["skipped"])?,
        state: text("Batch", &batch["state"])?,
    })
}

fn reasons(operation: &str, groups: &Value) -> Result<Reasons, DemoError> {
    let groups = groups
        .as_array()
        .ok_or_else(|| unexpected(operation, "no groups"))?;
    groups
        .iter()
        .map(|group| {
            Ok((
                text(operation, &group["reason"])?,
                number(operation, &group["count"])?,
            ))
        })
        .collect()
}

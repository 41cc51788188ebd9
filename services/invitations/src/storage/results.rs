//! What became of each contact of a batch, page by page.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Value};
use usher_database::Transaction;
use usher_types::ContactId;
use uuid::Uuid;

use super::batch::Of;
use super::row::Columns;

/// What became of a contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) contact: ContactId,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    pub(crate) email: Option<String>,
    /// Where the mail is, or SKIPPED, or WAITING for a budget.
    pub(crate) outcome: String,
    /// Why it was SKIPPED.
    pub(crate) reason: Option<String>,
    /// The mail server's words.
    pub(crate) error: Option<String>,
    pub(crate) invited_at: Option<DateTime<Utc>>,
    pub(crate) expires_at: Option<DateTime<Utc>>,
    pub(crate) accepted_at: Option<DateTime<Utc>>,
}

/// The kinds of rows that contacts have, in the order in which they are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The batch mailed them.
    Mailed,
    /// The batch ended their invitation.
    Ended,
    /// They were left out.
    Skipped,
    /// They wait for their own budget (I17).
    Waiting,
}

impl Part {
    pub(crate) const ALL: [Self; 4] = [Self::Mailed, Self::Ended, Self::Skipped, Self::Waiting];

    /// Columns, table, what makes its rows the batch's, and what they are ordered by; the last of these is an id, and one before
    /// it a text.
    const fn read(self) -> [&'static str; 4] {
        const INVITATION: &str =
            "t.id, t.email, t.delivery, t.delivery_error, t.issued_at, t.expires_at, t.state, t.ended_at";
        match self {
            Self::Mailed => [INVITATION, "invitation", "t.batch_id", "t.id"],
            Self::Ended => [INVITATION, "invitation", "t.ended_by_batch", "t.id"],
            Self::Skipped => [
                "t.reason, a.email",
                "batch_skip",
                "t.batch_id",
                "t.reason, t.contact_id",
            ],
            Self::Waiting => ["a.email", "batch_waiting", "t.batch_id", "t.contact_id"],
        }
    }
}

/// Where a page ends.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    reason: String,
    id: Uuid,
}

/// One page; shorter than `limit` where it is the last.
pub(crate) async fn page(
    tx: &Transaction,
    (organization, batch): Of,
    part: Part,
    after: Option<&Place>,
    limit: usize,
) -> Result<(Vec<Outcome>, Option<Place>), DbErr> {
    let [columns, table, whose, order] = part.read();
    let mut values: Vec<Value> = vec![organization.uuid().into(), batch.uuid().into()];
    let seek = match (part, after) {
        (_, None) => "",
        (Part::Skipped, Some(place)) => {
            values.extend([place.reason.as_str().into(), place.id.into()]);
            "AND (t.reason, t.contact_id) > ($3, $4)"
        }
        (Part::Waiting, Some(place)) => {
            values.push(place.id.into());
            "AND t.contact_id > $3"
        }
        (Part::Mailed | Part::Ended, Some(place)) => {
            values.push(place.id.into());
            "AND t.id > $3"
        }
    };
    let sql = format!(
        "SELECT t.contact_id, a.first_name, a.last_name, {columns} FROM {table} t LEFT JOIN portal_access a \
         ON a.contact_id = t.contact_id AND a.organization_id = t.organization_id \
         WHERE t.organization_id = $1 AND {whose} = $2 AND t.contact_id IS NOT NULL {seek} ORDER BY {order} LIMIT {limit}"
    );
    let rows = tx.query_all_raw(tx.statement(sql, values)).await?;
    let place = rows.last().map(|row| place(part, row)).transpose()?;
    let read = |row| read(part, row);
    Ok((rows.iter().map(read).collect::<Result<_, _>>()?, place))
}

fn place(part: Part, row: &QueryResult) -> Result<Place, DbErr> {
    Ok(match part {
        Part::Mailed | Part::Ended => Place {
            reason: String::new(),
            id: row.get("id")?,
        },
        Part::Skipped => Place {
            reason: row.get("reason")?,
            id: row.get("contact_id")?,
        },
        Part::Waiting => Place {
            reason: String::new(),
            id: row.get("contact_id")?,
        },
    })
}

fn read(part: Part, row: &QueryResult) -> Result<Outcome, DbErr> {
    let mut outcome = Outcome {
        contact: row.id("contact_id")?,
        first_name: row.get::<Option<String>>("first_name")?.unwrap_or_default(),
        last_name: row.get::<Option<String>>("last_name")?.unwrap_or_default(),
        email: row.get("email")?,
        outcome: "WAITING".to_owned(),
        reason: None,
        error: None,
        invited_at: None,
        expires_at: None,
        accepted_at: None,
    };
    match part {
        Part::Waiting => {}
        Part::Skipped => {
            outcome.outcome = "SKIPPED".to_owned();
            outcome.reason = row.get("reason")?;
        }
        Part::Mailed | Part::Ended => {
            outcome.outcome = match part {
                Part::Ended => "CANCELLED".to_owned(),
                _ => row.get("delivery")?,
            };
            outcome.error = row.get("delivery_error")?;
            outcome.invited_at = Some(row.get("issued_at")?);
            outcome.expires_at = Some(row.get("expires_at")?);
            if row.get::<String>("state")? == "ACCEPTED" {
                outcome.accepted_at = row.get("ended_at")?;
            }
        }
    }
    Ok(outcome)
}

//! What became of invitations, counted by week (I18).

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};
use usher_database::{Column, Transaction, records};
use usher_types::{BatchId, InvitationId, OrganizationId};

use super::invitation::NOTICE;
use super::row::Columns;
use crate::domain::weeks::Week;

/// How far invitations have come: each number is of those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Their mail went out.
    pub(crate) sent: i64,
    /// It has not come back.
    pub(crate) delivered: i64,
    /// The page behind the link was looked at, maybe by a scanner.
    pub(crate) opened: i64,
    /// A password was chosen.
    pub(crate) accepted: i64,
    /// The contact has signed in.
    pub(crate) first_signed_in: i64,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.sent += other.sent;
        self.delivered += other.delivered;
        self.opened += other.opened;
        self.accepted += other.accepted;
        self.first_signed_in += other.first_signed_in;
    }
}

const WEEK: [Column<Week>; 3] = [
    Column::text("name", |week| &week.name),
    Column::time("starts", |week| week.from),
    Column::time("ends", |week| week.to),
];

/// Counts an organization's invitations by the week in which they were sent, those of one batch or all. A week without any is
/// left out.
pub(crate) async fn count(
    tx: &Transaction,
    organization: OrganizationId,
    batch: Option<BatchId>,
    weeks: &[Week],
) -> Result<HashMap<String, Counts>, DbErr> {
    let mut fixed: Vec<sea_orm::Value> = vec![organization.uuid().into()];
    let of_batch = match batch {
        Some(batch) => {
            fixed.push(batch.uuid().into());
            " AND i.batch_id = $2"
        }
        None => "",
    };
    let (from, values) = records(tx.dialect(), fixed, &WEEK, weeks);
    let sql = format!(
        "SELECT r.name AS week, sum(CASE WHEN i.delivery IN ('SENT', 'BOUNCED') THEN 1 ELSE 0 END) AS sent, \
         sum(CASE WHEN i.delivery = 'SENT' THEN 1 ELSE 0 END) AS delivered, \
         sum(CASE WHEN i.opened_at IS NOT NULL THEN 1 ELSE 0 END) AS opened, \
         sum(CASE WHEN i.state = 'ACCEPTED' THEN 1 ELSE 0 END) AS accepted, \
         sum(CASE WHEN i.state = 'ACCEPTED' AND p.first_signed_in_at IS NOT NULL THEN 1 ELSE 0 END) AS signed_in \
         FROM {from} JOIN invitation i ON i.organization_id = $1 AND i.issued_at >= r.starts AND i.issued_at < r.ends{of_batch} \
         JOIN portal_access p ON p.contact_id = i.contact_id AND p.organization_id = $1 \
         WHERE i.state <> '{NOTICE}' AND NOT p.test GROUP BY r.name"
    );
    let rows = tx.query_all_raw(tx.statement(sql, values)).await?;
    rows.iter().map(read).collect()
}

fn read(row: &QueryResult) -> Result<(String, Counts), DbErr> {
    let counts = Counts {
        sent: row.get("sent")?,
        delivered: row.get("delivered")?,
        opened: row.get("opened")?,
        accepted: row.get("accepted")?,
        first_signed_in: row.get("signed_in")?,
    };
    Ok((row.get("week")?, counts))
}

/// Notes that the page behind a link was looked at. An insight only: nothing depends on it, and only the first look writes.
pub(crate) async fn note_opened(
    tx: &Transaction,
    organization: OrganizationId,
    invitation: InvitationId,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let sql =
        "UPDATE invitation SET opened_at = $2 WHERE id = $1 AND organization_id = $3 AND opened_at IS NULL";
    let values = [invitation.uuid().into(), now.into(), organization.uuid().into()];
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}

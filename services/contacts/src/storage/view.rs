//! Contacts with all that lists show of them, in one statement.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};
use usher_database::{Dialect, Transaction};
use usher_types::{ContactId, EmailState, Facts, InvitationAction, LoginFact, OrganizationId, PortalStatus};

use super::{
    columns::{Columns, named},
    contacts, portal,
    told::Told,
};
use crate::domain::address::{email_fact, shown_state};
use crate::domain::contact::Contact;
use crate::domain::portal::{Portal, facts, menu, pending_activation};

/// A contact with what other services said about them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct View {
    pub(crate) contact: Contact,
    pub(crate) portal: Portal,
    /// What notifications knows of the address.
    pub(crate) known: Option<EmailState>,
    pub(crate) portal_enabled: bool,
}

impl View {
    /// The address's state, as the API shows it.
    pub(crate) const fn email_state(&self) -> EmailState {
        shown_state(self.contact.email_state, self.known)
    }

    /// What decides about an invitation.
    pub(crate) fn facts(&self, now: DateTime<Utc>) -> Facts {
        let email = email_fact(self.contact.email_state, self.contact.email_duplicate, self.known);
        facts(&self.contact, &self.portal, email, now)
    }

    /// The entries of the row's menu.
    pub(crate) fn actions(&self, now: DateTime<Utc>) -> Vec<InvitationAction> {
        menu(self.facts(now), self.portal_enabled)
    }

    /// What the links say about signing in.
    pub(crate) const fn login(&self) -> LoginFact {
        LoginFact::from_counts(self.contact.links, self.contact.links_with_login)
    }

    /// Whether a password was chosen.
    pub(crate) const fn is_in(&self) -> bool {
        matches!(self.portal.stored, PortalStatus::Accepted | PortalStatus::Active)
    }

    /// The same after a change of the contact.
    pub(crate) fn after(self, told: Told) -> Self {
        Self {
            contact: told.contact,
            known: told.known,
            ..self
        }
    }

    /// Login is on and nobody has signed in yet.
    pub(crate) const fn pending_activation(&self) -> bool {
        pending_activation(self.login(), self.portal.first_signed_in_at)
    }
}

/// The tables, under the names that filters and orders use. `$1` is the organization.
pub(super) const FROM: &str = "contact c JOIN contact_portal p ON p.contact_id = c.id \
     LEFT JOIN address_state a ON a.organization_id = c.organization_id AND a.email_canonical = c.email_canonical";

/// Rows of the organization `$1`.
pub(super) const OWN: &str = "c.organization_id = $1 AND p.organization_id = $1";

/// What [`read`] reads.
pub(super) fn columns() -> String {
    format!(
        "{}, {}, a.state, (SELECT o.portal_enabled FROM organization o WHERE o.organization_id = $1)",
        named("c", &contacts::COLUMNS),
        portal::COLUMNS
    )
}

/// Reads [`columns`].
pub(super) fn read(row: &QueryResult) -> Result<View, DbErr> {
    let mut columns = Columns::of(row);
    Ok(View {
        contact: contacts::read(&mut columns)?,
        portal: portal::read(&mut columns)?,
        known: columns.optional_name()?,
        portal_enabled: columns.get::<Option<bool>>()?.unwrap_or(true),
    })
}

/// The contacts with these ids, in the order of ids.
pub(crate) async fn find(
    tx: &Transaction,
    organization: OrganizationId,
    ids: &[ContactId],
) -> Result<Vec<View>, DbErr> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT {} FROM {FROM} WHERE {OWN} AND {} ORDER BY c.id",
        columns(),
        tx.dialect().in_uuids("c.id", 2)
    );
    let ids = tx.dialect().uuids(ids.iter().map(|id| id.uuid()));
    let rows = tx
        .query_all_raw(tx.statement(sql, [organization.uuid().into(), ids]))
        .await?;
    rows.iter().map(read).collect()
}

/// One contact, as by [`lock_all`].
pub(crate) async fn lock(
    tx: &Transaction,
    organization: OrganizationId,
    id: ContactId,
    still: bool,
) -> Result<Option<View>, DbErr> {
    Ok(lock_all(tx, organization, &[id], still).await?.pop())
}

/// Some contacts, in the order of ids, locked against other writers as by [`contacts::lock`]. `still`: where they stand on the way in
/// stays as it is until the transaction ends, too.
pub(crate) async fn lock_all(
    tx: &Transaction,
    organization: OrganizationId,
    ids: &[ContactId],
    still: bool,
) -> Result<Vec<View>, DbErr> {
    let dialect = tx.dialect();
    let lock = match (dialect, still) {
        (Dialect::Sqlite, _) => "",
        (Dialect::Postgres, false) => " FOR UPDATE OF c",
        (Dialect::Postgres, true) => " FOR UPDATE OF c FOR SHARE OF p",
    };
    let sql = format!(
        "SELECT {} FROM {FROM} WHERE {OWN} AND {} ORDER BY c.id{lock}",
        columns(),
        dialect.in_uuids("c.id", 2)
    );
    let ids = dialect.uuids(ids.iter().map(|id| id.uuid()));
    let values = [organization.uuid().into(), ids];
    let rows = tx.query_all_raw(tx.statement(sql, values)).await?;
    rows.iter().map(read).collect()
}

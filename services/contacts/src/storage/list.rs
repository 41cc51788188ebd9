//! Pages of contacts (C8): forwards and backwards, one statement each, prepared once for every order where no filter is set.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use usher_database::{
    Dialect, Transaction,
    keyset::{CursorValue, Direction, Keyset, Order, Page, Position, Window, WindowError, fingerprint},
};
use usher_types::{IneligibleReason, InvitationAction, OrganizationId, fold};

use super::params::Params;
use super::status_order::{self, Bounds};
use super::view::{FROM, OWN, View, read, select};
use super::{eligibility, filter};
use crate::domain::filter::{Filter, Selection};
use crate::domain::order::{ContactOrder, OrderField};
use crate::domain::portal::status_rank;

/// Which contacts a list holds.
#[derive(Clone, Debug)]
pub(crate) enum Listed {
    /// Everyone who matches.
    Filter(Filter),
    /// Those of a selection whom an action leaves out for this reason.
    Ineligible(Selection, InvitationAction, IneligibleReason),
}

impl Listed {
    /// Whether asking it several times costs little: a search is answered once and sorted instead.
    fn is_quick(&self) -> bool {
        match self {
            Self::Filter(filter) => !filter.searches(),
            Self::Ineligible(..) => false,
        }
    }

    fn condition(&self, dialect: Dialect, params: &mut Params) -> String {
        match self {
            Self::Filter(Filter::All(parts)) if parts.is_empty() => String::new(),
            Self::Filter(tree) => format!(" AND {}", filter::filter(tree, dialect, params)),
            Self::Ineligible(selection, action, reason) => {
                let selected = filter::selection(selection, dialect, params);
                format!(
                    " AND {selected} AND ({}) = '{reason}'",
                    eligibility::reason(*action)
                )
            }
        }
    }
}

/// A list in an order.
#[derive(Clone, Debug)]
pub(crate) struct ContactList {
    pub(crate) organization: OrganizationId,
    pub(crate) listed: Listed,
    pub(crate) order: ContactOrder,
}

impl ContactList {
    /// The place of a page in it.
    pub(crate) fn keyset(&self, window: Window, now: DateTime<Utc>) -> Result<Keyset, WindowError> {
        // Which contacts are listed decides whose cursors fit; how that is written down does not matter.
        let listed = format!("{:?}", self.listed);
        let filter = fingerprint([self.organization.uuid().as_bytes().as_slice(), listed.as_bytes()]);
        Keyset::new(sql_order(self.order), window, filter, now)
    }

    /// One page.
    pub(crate) async fn page(
        &self,
        tx: &Transaction,
        keyset: &Keyset,
        bounds: Bounds,
    ) -> Result<Page<View>, DbErr> {
        let mut params = Params::new([self.organization.uuid().into(), keyset.now().into()]);
        let condition = self.listed.condition(tx.dialect(), &mut params);
        let first_cursor = params.next();
        let seek = keyset.seek(first_cursor);
        params.extend(seek.values);
        let sql = if self.order.field == OrderField::PortalStatus && self.listed.is_quick() {
            let page = status_order::Page {
                select: &select(),
                condition: &condition,
                descending: self.order.descending,
                bounds,
                fetch: keyset.fetch(),
            };
            page.sql(tx.dialect(), first_cursor)
        } else {
            format!(
                "{} FROM {FROM} WHERE {OWN}{condition}{} ORDER BY {} LIMIT {}",
                select(),
                seek.condition,
                keyset.order_by(),
                keyset.fetch(),
            )
        };
        let rows = tx.query_all_raw(tx.statement(sql, params.into_values())).await?;
        let views = rows.iter().map(read).collect::<Result<Vec<_>, DbErr>>()?;
        let (field, now) = (self.order.field, keyset.now());
        Ok(keyset.page(views, |view| {
            Position::new(view.contact.id, [sort_value(field, view, now)])
        }))
    }

    /// How many contacts it holds, exactly, at the keyset's `now`.
    pub(crate) async fn total(&self, tx: &Transaction, keyset: &Keyset) -> Result<i64, DbErr> {
        let mut params = Params::new([self.organization.uuid().into(), keyset.now().into()]);
        let condition = self.listed.condition(tx.dialect(), &mut params);
        let sql = if condition.is_empty() {
            "SELECT count(*) FROM contact c WHERE c.organization_id = $1".to_owned()
        } else {
            format!("SELECT count(*) FROM {FROM} WHERE {OWN}{condition}")
        };
        let row = tx.query_one_raw(tx.statement(sql, params.into_values())).await?;
        row.map_or(Ok(0), |row| row.try_get_by_index(0))
    }
}

/// The order in SQL. Orders by what stands in `contact_portal` end in that table's id, so that its indices serve them.
fn sql_order(order: ContactOrder) -> Order {
    let (column, id) = match order.field {
        OrderField::FirstName => ("c.first_name_sort", "c.id"),
        OrderField::LastName => ("c.last_name_sort", "c.id"),
        OrderField::Email => ("c.email_sort", "c.id"),
        OrderField::CreatedAt => ("c.created_at", "c.id"),
        OrderField::UpdatedAt => ("c.updated_at", "c.id"),
        OrderField::PortalStatus => (STATUS_RANK, "p.contact_id"),
        OrderField::InvitedAt => ("p.invited_sort", "p.contact_id"),
        OrderField::LastSignedInAt => ("p.signed_in_sort", "p.contact_id"),
    };
    let (direction, name) = if order.descending {
        (Direction::Descending, "DESC")
    } else {
        (Direction::Ascending, "ASC")
    };
    Order::new(format!("{} {name}", order.field.as_str()), id).column(column, direction)
}

/// The status's place at `$2`.
const STATUS_RANK: &str = "CASE WHEN p.status_rank = 1 AND p.expires_at <= $2 THEN 2 ELSE p.status_rank END";

/// What the order's column holds for a contact.
fn sort_value(field: OrderField, view: &View, now: DateTime<Utc>) -> CursorValue {
    let micros = |at: Option<DateTime<Utc>>| CursorValue::from(at.map_or(0, |at| at.timestamp_micros()));
    let contact = &view.contact;
    match field {
        OrderField::FirstName => fold(&contact.first_name).into(),
        OrderField::LastName => fold(&contact.last_name).into(),
        OrderField::Email => fold(contact.email.as_deref().unwrap_or_default()).into(),
        OrderField::CreatedAt => contact.created_at.into(),
        OrderField::UpdatedAt => contact.updated_at.into(),
        OrderField::PortalStatus => status_rank(view.portal.status(now)).into(),
        OrderField::InvitedAt => micros(view.portal.invited_at),
        OrderField::LastSignedInAt => micros(view.portal.last_signed_in_at),
    }
}

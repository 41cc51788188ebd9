//! Pages of contacts (C8): forwards and backwards, one statement each, prepared once for every order where no filter is set.
//! Lists of those who have some words or tags have ways of their own, see [`super::list_walk`].

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};
use usher_database::{
    Dialect, Transaction,
    keyset::{CursorValue, Direction, Keyset, Order, Page, Position, Window, WindowError, fingerprint},
};
use usher_types::{IneligibleReason, InvitationAction, OrganizationId, fold};

use super::lookup::Lookup;
use super::params::Params;
use super::status_order::{self, Bounds};
use super::tables::Tables;
use super::view::{FROM, OWN, View, columns, read};
use super::{eligibility, filter, list_walk};
use crate::domain::filter::{Filter, Selection};
use crate::domain::order::{ContactOrder, OrderField};
use crate::domain::portal::status_rank;

/// Which contacts a list holds.
#[derive(Clone, Debug)]
pub(crate) enum Listed {
    /// Everyone who matches.
    Filter(Filter),
    /// Those of a selection whom an action leaves out for this reason; without one, whom it reaches.
    Judged(Selection, InvitationAction, Option<IneligibleReason>),
}

impl Listed {
    fn filter(&self) -> Option<&Filter> {
        match self {
            Self::Filter(filter) | Self::Judged(Selection::Filter(filter), ..) => Some(filter),
            Self::Judged(..) => None,
        }
    }

    /// Whether a page of it is looked for among the next contacts before all of it is collected.
    fn is_walked(&self) -> bool {
        self.lookup().is_some() || self.filter().is_some_and(Filter::searches)
    }

    /// A way to everyone in it.
    pub(super) fn lookup(&self) -> Option<Lookup> {
        self.filter().and_then(Lookup::of)
    }

    /// What is left to look at where these words are known to be in the document.
    pub(super) fn without_words(&self, known: &[String]) -> Self {
        match self {
            Self::Filter(filter) => Self::Filter(filter.without_words(known)),
            Self::Judged(Selection::Filter(filter), action, reason) => {
                let selection = Selection::Filter(filter.without_words(known));
                Self::Judged(selection, *action, *reason)
            }
            other => other.clone(),
        }
    }

    /// The tables that its condition is over.
    pub(super) fn tables(&self) -> Tables {
        let filter = self.filter().map_or(Tables::NONE, filter::tables);
        match self {
            Self::Filter(_) => filter,
            Self::Judged(..) => filter.and(Tables::SHOWN),
        }
    }

    /// Empty, or ` AND …`.
    pub(super) fn condition(&self, dialect: Dialect, params: &mut Params) -> String {
        match self {
            Self::Filter(filter) if filter.is_everyone() => String::new(),
            Self::Filter(tree) => format!(" AND {}", filter::filter(tree, dialect, params)),
            Self::Judged(selection, action, reason) => {
                let selected = filter::selection(selection, dialect, params);
                let judged = eligibility::reason(*action, selection, dialect, params);
                match reason {
                    Some(reason) => format!(" AND {selected} AND ({judged}) = '{reason}'"),
                    None => format!(" AND {selected} AND ({judged}) IS NULL"),
                }
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
        let rows = if self.listed.is_walked() {
            list_walk::page(self, tx, keyset, bounds).await?
        } else {
            self.plain_page(tx, keyset, bounds).await?
        };
        let views = rows.iter().map(read).collect::<Result<Vec<_>, DbErr>>()?;
        let (field, now) = (self.order.field, keyset.now());
        Ok(keyset.page(views, |view| {
            Position::new(view.contact.id, [sort_value(field, view, now)])
        }))
    }

    async fn plain_page(
        &self,
        tx: &Transaction,
        keyset: &Keyset,
        bounds: Bounds,
    ) -> Result<Vec<QueryResult>, DbErr> {
        let mut params = Params::new([self.organization.uuid().into(), keyset.now().into()]);
        let condition = self.listed.condition(tx.dialect(), &mut params);
        let first_cursor = params.next();
        let seek = keyset.seek(first_cursor);
        params.extend(seek.values);
        let sort = sort(self.order.field);
        let joined = Tables::SHOWN.but(sort.tables).joined(sort.id, tx.dialect());
        let from = format!(
            "{}{joined} WHERE {} = $1{condition}",
            sort.table, sort.organization
        );
        let is_quick = matches!(self.listed, Listed::Filter(_));
        let sql = if self.order.field == OrderField::PortalStatus && is_quick {
            let page = status_order::Page {
                columns: &columns(),
                from: &from,
                descending: self.order.descending,
                bounds,
                fetch: keyset.fetch(),
            };
            page.sql(tx.dialect(), first_cursor)
        } else {
            format!(
                "SELECT {} FROM {from}{} ORDER BY {} LIMIT {}",
                columns(),
                seek.condition,
                keyset.order_by(),
                keyset.fetch(),
            )
        };
        tx.query_all_raw(tx.statement(sql, params.into_values())).await
    }

    /// How many contacts it holds, exactly, at the keyset's `now`.
    pub(crate) async fn total(&self, tx: &Transaction, keyset: &Keyset) -> Result<i64, DbErr> {
        let mut params = Params::new([self.organization.uuid().into(), keyset.now().into()]);
        let sql = if self.listed.is_walked() {
            list_walk::count(&self.listed, tx.dialect(), &mut params)
        } else {
            let condition = self.listed.condition(tx.dialect(), &mut params);
            if condition.is_empty() {
                "SELECT count(*) FROM contact c WHERE c.organization_id = $1".to_owned()
            } else {
                format!("SELECT count(*) FROM {FROM} WHERE {OWN}{condition}")
            }
        };
        let row = tx.query_one_raw(tx.statement(sql, params.into_values())).await?;
        row.map_or(Ok(0), |row| row.try_get_by_index(0))
    }
}

/// Where an order's column stands. Orders by what stands in `contact_portal` end in that table's id, so that its indices
/// serve them.
pub(super) struct Sort {
    pub(super) table: &'static str,
    pub(super) tables: Tables,
    pub(super) organization: &'static str,
    pub(super) id: &'static str,
    pub(super) column: &'static str,
}

/// The order in SQL.
pub(super) fn sort(field: OrderField) -> Sort {
    let of_contact = |column| Sort {
        table: "contact c",
        tables: Tables::CONTACT,
        organization: "c.organization_id",
        id: "c.id",
        column,
    };
    let of_portal = |column| Sort {
        table: "contact_portal p",
        tables: Tables::PORTAL,
        organization: "p.organization_id",
        id: "p.contact_id",
        column,
    };
    match field {
        OrderField::FirstName => of_contact("c.first_name_sort"),
        OrderField::LastName => of_contact("c.last_name_sort"),
        OrderField::Email => of_contact("c.email_sort"),
        OrderField::CreatedAt => of_contact("c.created_at"),
        OrderField::UpdatedAt => of_contact("c.updated_at"),
        OrderField::PortalStatus => of_portal(STATUS_RANK),
        OrderField::InvitedAt => of_portal("p.invited_sort"),
        OrderField::LastSignedInAt => of_portal("p.signed_in_sort"),
    }
}

fn sql_order(order: ContactOrder) -> Order {
    let Sort { id, column, .. } = sort(order.field);
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

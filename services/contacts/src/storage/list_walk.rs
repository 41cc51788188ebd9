//! Pages of lists of those who have some words or tags (C8).
//!
//! What many have fills a page from the next contacts in the order of the list; collecting all who have it would take a
//! thousand times as long. What few have is looked up, and the few are sorted. Which it is shows by trying: a walk looks at no
//! more than [`NEXT`] contacts.

use sea_orm::{ConnectionTrait, DbErr, QueryResult};
use usher_database::{Dialect, Transaction, keyset::Keyset};

use super::list::{ContactList, Listed, sort};
use super::lookup::NEXT;
use super::params::Params;
use super::status_order::{self, Bounds};
use super::tables::Tables;
use super::view::columns;
use crate::domain::order::OrderField;

/// The rows of a page, and one more where there are more.
pub(super) async fn page(
    list: &ContactList,
    tx: &Transaction,
    keyset: &Keyset,
    bounds: Bounds,
) -> Result<Vec<QueryResult>, DbErr> {
    let wanted = Wanted {
        list,
        keyset,
        bounds,
        dialect: tx.dialect(),
    };
    let rows = wanted.run(tx, Wanted::walk).await?;
    if u64::try_from(rows.len()).is_ok_and(|rows| rows == keyset.fetch()) {
        return Ok(rows);
    }
    wanted.run(tx, Wanted::look_up).await
}

/// The statement that counts everyone in a list.
pub(super) fn count(listed: &Listed, dialect: Dialect, params: &mut Params) -> String {
    let (from, condition) = match listed.lookup() {
        Some(lookup) => {
            let left = listed.without_words(lookup.words());
            let found = lookup.contacts(dialect, params);
            let joined = left.tables().joined("f.id", dialect);
            (
                format!("{found}{joined} WHERE TRUE"),
                left.condition(dialect, params),
            )
        }
        None => {
            let joined = listed.tables().but(Tables::CONTACT).joined("c.id", dialect);
            let from = format!("contact c{joined} WHERE c.organization_id = $1");
            (from, listed.condition(dialect, params))
        }
    };
    format!("SELECT count(*) FROM {from}{condition}")
}

struct Wanted<'a> {
    list: &'a ContactList,
    keyset: &'a Keyset,
    bounds: Bounds,
    dialect: Dialect,
}

impl Wanted<'_> {
    async fn run(
        &self,
        tx: &Transaction,
        way: fn(&Self, &mut Params) -> String,
    ) -> Result<Vec<QueryResult>, DbErr> {
        let mut params = Params::new([self.list.organization.uuid().into(), self.keyset.now().into()]);
        let sql = way(self, &mut params);
        tx.query_all_raw(tx.statement(sql, params.into_values())).await
    }

    /// Those who match among the next contacts in the order of the list.
    fn walk(&self, params: &mut Params) -> String {
        let condition = self.list.listed.condition(self.dialect, params);
        let tables = self.list.listed.tables().and(Tables::SHOWN);
        let next = self.next(params);
        self.shown(&next, tables, &format!(" WHERE TRUE{condition}"))
    }

    /// The next contacts, as `id` and the order's `key`.
    fn next(&self, params: &mut Params) -> String {
        let first_cursor = params.next();
        let seek = self.keyset.seek(first_cursor);
        params.extend(seek.values);
        let sort = sort(self.list.order.field);
        if self.list.order.field == OrderField::PortalStatus {
            let page = status_order::Page {
                columns: "p.contact_id AS id",
                from: "contact_portal p WHERE p.organization_id = $1",
                descending: self.list.order.descending,
                bounds: self.bounds,
                fetch: NEXT,
            };
            let page = page.sql(self.dialect, first_cursor);
            return format!("SELECT n.id, n.place AS key FROM ({page}) AS n");
        }
        format!(
            "SELECT {} AS id, {} AS key FROM {} WHERE {} = $1{} ORDER BY {} LIMIT {NEXT}",
            sort.id,
            sort.column,
            sort.table,
            sort.organization,
            seek.condition,
            self.keyset.order_by(),
        )
    }

    /// Everyone who matches: looked up, or one by one where there is no such way. Only those of the page are read in full.
    fn look_up(&self, params: &mut Params) -> String {
        let listed = &self.list.listed;
        let sort = sort(self.list.order.field);
        let (from, id, condition) = match listed.lookup() {
            Some(lookup) => {
                let left = listed.without_words(lookup.words());
                let found = lookup.contacts(self.dialect, params);
                let joined = left.tables().and(sort.tables).joined("f.id", self.dialect);
                let from = format!("{found}{joined} WHERE TRUE");
                (from, "f.id", left.condition(self.dialect, params))
            }
            None => {
                let joined = listed.tables().but(sort.tables).joined(sort.id, self.dialect);
                let from = format!("{}{joined} WHERE {} = $1", sort.table, sort.organization);
                (from, sort.id, listed.condition(self.dialect, params))
            }
        };
        let seek = self.keyset.seek(params.next());
        params.extend(seek.values);
        let matching = format!(
            "SELECT {id} AS id, {} AS key FROM {from}{condition}{} ORDER BY {} LIMIT {}",
            sort.column,
            seek.condition,
            self.keyset.order_by(),
            self.keyset.fetch(),
        );
        self.shown(&matching, Tables::SHOWN, "")
    }

    /// What lists show of contacts, given by `id` and `key`.
    fn shown(&self, contacts: &str, tables: Tables, condition: &str) -> String {
        let direction = self.bounds.direction(self.list.order.descending);
        format!(
            "SELECT {} FROM ({contacts}) AS w{}{condition} ORDER BY w.key {direction}, w.id {direction} LIMIT {}",
            columns(),
            tables.joined("w.id", self.dialect),
            self.keyset.fetch(),
        )
    }
}

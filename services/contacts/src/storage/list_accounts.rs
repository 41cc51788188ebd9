//! Pages of accounts, by name.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};
use usher_database::{
    Dialect, Transaction,
    keyset::{Direction, Keyset, Order, Page, Position, Window, WindowError, fingerprint},
};
use usher_types::{AccountKind, OrganizationId, fold};

use super::columns::{Columns, named};
use super::lookup::{self, NEXT};
use super::params::Params;
use super::{accounts, filter};
use crate::domain::account::Account;

/// Which accounts a list holds. Everything given must hold; a list matches any of its values.
#[derive(Clone, Debug, Default)]
pub(crate) struct AccountFilter {
    /// Folded words, each found somewhere in the name.
    pub(crate) words: Vec<String>,
    pub(crate) kinds: Option<Vec<AccountKind>>,
    pub(crate) tags: Option<Vec<String>>,
    /// True: ACTIVE, false: OFFLINE (C11).
    pub(crate) portal_active: Option<bool>,
}

impl AccountFilter {
    /// The words that are looked up by an index, which SQLite has for contacts alone.
    fn looked_up(&self, dialect: Dialect) -> Vec<String> {
        match dialect {
            Dialect::Sqlite => Vec::new(),
            Dialect::Postgres => lookup::indexed(&self.words.iter().map(String::as_str).collect::<Vec<_>>()),
        }
    }

    /// Empty, or ` AND …` over `account a`, whose name is known to have some words.
    fn condition(&self, known: &[String], dialect: Dialect, params: &mut Params) -> String {
        let words = self.words.iter().filter(|word| !known.contains(word));
        let mut parts: Vec<String> = words
            .map(|word| filter::contains(dialect, "a.name_sort", params.add(word.clone())))
            .collect();
        if let Some(kinds) = &self.kinds {
            parts.push(filter::in_names("a.kind", kinds.iter().map(|kind| kind.as_str())));
        }
        if let Some(tags) = &self.tags {
            let number = params.add(serde_json::Value::from(tags.clone()).to_string());
            parts.push(format!(
                "a.id IN (SELECT t.account_id FROM account_tag t WHERE t.organization_id = $1 AND t.tag IN {})",
                filter::json_texts(dialect, number)
            ));
        }
        match self.portal_active {
            Some(true) => parts.push("a.portal_contacts > 0".to_owned()),
            Some(false) => parts.push("a.portal_contacts = 0".to_owned()),
            None => {}
        }
        parts.iter().map(|part| format!(" AND {part}")).collect()
    }
}

/// A list of accounts.
#[derive(Clone, Debug)]
pub(crate) struct AccountList {
    pub(crate) organization: OrganizationId,
    pub(crate) filter: AccountFilter,
}

impl AccountList {
    /// The place of a page in it.
    pub(crate) fn keyset(&self, window: Window, now: DateTime<Utc>) -> Result<Keyset, WindowError> {
        let listed = format!("{:?}", self.filter);
        let filter = fingerprint([self.organization.uuid().as_bytes().as_slice(), listed.as_bytes()]);
        let order = Order::new("ACCOUNT NAME", "a.id").column("a.name_sort", Direction::Ascending);
        Keyset::new(order, window, filter, now)
    }

    /// One page. As in [`super::list_walk`], words that many have are met among the next accounts.
    pub(crate) async fn page(&self, tx: &Transaction, keyset: &Keyset) -> Result<Page<Account>, DbErr> {
        let words = self.filter.looked_up(tx.dialect());
        let mut rows = Vec::new();
        if !words.is_empty() {
            rows = self.run(tx, keyset, From::Next).await?;
        }
        if !u64::try_from(rows.len()).is_ok_and(|rows| rows == keyset.fetch()) {
            rows = self.run(tx, keyset, From::With(&words)).await?;
        }
        let read = |row| accounts::read(&mut Columns::of(row));
        let found = rows.iter().map(read).collect::<Result<Vec<_>, DbErr>>()?;
        Ok(keyset.page(found, |account| {
            Position::new(account.id, [fold(&account.name).into()])
        }))
    }

    async fn run(
        &self,
        tx: &Transaction,
        keyset: &Keyset,
        from: From<'_>,
    ) -> Result<Vec<QueryResult>, DbErr> {
        let mut params = Params::new([self.organization.uuid().into()]);
        let (known, mut tables) = match from {
            From::Next => (&[][..], String::new()),
            From::With(words) => (words, with(words, &mut params)),
        };
        let condition = self.filter.condition(known, tx.dialect(), &mut params);
        let seek = keyset.seek(params.next());
        params.extend(seek.values);
        let (mut seek, order_by) = (seek.condition, keyset.order_by());
        if matches!(from, From::Next) {
            let own = format!("account a WHERE a.organization_id = $1{seek}");
            tables = format!("(SELECT * FROM {own} ORDER BY {order_by} LIMIT {NEXT}) AS a WHERE TRUE");
            seek = String::new();
        }
        let sql = format!(
            "SELECT {} FROM {tables}{condition}{seek} ORDER BY {order_by} LIMIT {}",
            named("a", &accounts::COLUMNS),
            keyset.fetch(),
        );
        tx.query_all_raw(tx.statement(sql, params.into_values())).await
    }

    /// How many accounts it holds, exactly.
    pub(crate) async fn total(&self, tx: &Transaction) -> Result<i64, DbErr> {
        let mut params = Params::new([self.organization.uuid().into()]);
        let words = self.filter.looked_up(tx.dialect());
        let from = with(&words, &mut params);
        let condition = self.filter.condition(&words, tx.dialect(), &mut params);
        let sql = format!("SELECT count(*) FROM {from}{condition}");
        let row = tx.query_one_raw(tx.statement(sql, params.into_values())).await?;
        row.map_or(Ok(0), |row| row.try_get_by_index(0))
    }
}

/// Which accounts a page is looked for among.
#[derive(Clone, Copy)]
enum From<'a> {
    /// The next ones in the order of the list.
    Next,
    /// All that have these words in their names.
    With(&'a [String]),
}

fn with(words: &[String], params: &mut Params) -> String {
    if words.is_empty() {
        return "account a WHERE a.organization_id = $1".to_owned();
    }
    let found = lookup::accounts(words, params);
    format!("{found} JOIN account a ON a.organization_id = $1 AND a.id = f.id WHERE TRUE")
}

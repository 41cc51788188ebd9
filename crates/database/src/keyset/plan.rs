//! Order and window as SQL.

use chrono::{DateTime, Utc};
use sea_orm::Value;

use super::{Fingerprint, Position, Window, WindowError, cursor::Cursor};

/// Which way a sort column runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Smallest first.
    Ascending,
    /// Largest first.
    Descending,
}

impl Direction {
    const fn reversed(self, reversed: bool) -> Self {
        match (self, reversed) {
            (Self::Ascending, false) | (Self::Descending, true) => Self::Ascending,
            _ => Self::Descending,
        }
    }

    const fn sql(self) -> &'static str {
        match self {
            Self::Ascending => "ASC",
            Self::Descending => "DESC",
        }
    }

    const fn operator(self) -> &'static str {
        match self {
            Self::Ascending => ">",
            Self::Descending => "<",
        }
    }
}

/// A total order: columns that are never NULL, then the id in the last column's direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    name: String,
    id: &'static str,
    columns: Vec<(&'static str, Direction)>,
}

impl Order {
    /// `name` marks cursors, so that one order's cursor is refused by another; include the direction in it if callers may
    /// choose that. `id` is the SQL expression of the id.
    pub fn new(name: impl Into<String>, id: &'static str) -> Self {
        Self {
            name: name.into(),
            id,
            columns: Vec::new(),
        }
    }

    /// Adds a sort column, by its SQL expression.
    #[must_use]
    pub fn column(mut self, expression: &'static str, direction: Direction) -> Self {
        self.columns.push((expression, direction));
        self
    }

    fn all(&self, reversed: bool) -> Vec<(&'static str, Direction)> {
        let last = self
            .columns
            .last()
            .map_or(Direction::Ascending, |(_, direction)| *direction);
        let id = std::iter::once((self.id, last));
        let columns = self.columns.iter().copied().chain(id);
        columns
            .map(|(expression, direction)| (expression, direction.reversed(reversed)))
            .collect()
    }
}

/// A condition to append to a WHERE clause.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seek {
    /// Empty, or ` AND …`.
    pub condition: String,
    /// Its parameters.
    pub values: Vec<Value>,
}

/// A window of an order, with its cursors read.
#[derive(Clone, Debug)]
pub struct Keyset {
    pub(super) order: Order,
    pub(super) window: Window,
    pub(super) filter: Fingerprint,
    pub(super) now: DateTime<Utc>,
    pub(super) after: Option<Position>,
    pub(super) before: Option<Position>,
}

impl Keyset {
    /// Reads the window's cursors.
    ///
    /// # Errors
    /// [`WindowError`] for a cursor that is none, or that was made under another order or filter.
    pub fn new(
        order: Order,
        window: Window,
        filter: Fingerprint,
        now: DateTime<Utc>,
    ) -> Result<Self, WindowError> {
        let after = read("after", window.after.as_deref(), &order, filter)?;
        let before = read("before", window.before.as_deref(), &order, filter)?;
        let now = after
            .as_ref()
            .or(before.as_ref())
            .map_or(now, |cursor| cursor.now);
        let place = |cursor: Option<Cursor>| cursor.map(|cursor| cursor.position);
        Ok(Self {
            order,
            window,
            filter,
            now,
            after: place(after),
            before: place(before),
        })
    }

    /// The moment that decides what depends on time: the first page's `now`, so that rows do not move between pages.
    #[must_use]
    pub const fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// How many rows to fetch: one more than the page holds, which tells whether there are more.
    #[must_use]
    pub const fn fetch(&self) -> u64 {
        self.window.size as u64 + 1
    }

    /// The ORDER BY list; reversed when paging backwards, [`Keyset::page`] turns the rows round again.
    #[must_use]
    pub fn order_by(&self) -> String {
        let columns = self.order.all(self.window.backwards);
        let columns = columns
            .iter()
            .map(|(expression, direction)| format!("{expression} {}", direction.sql()));
        columns.collect::<Vec<_>>().join(", ")
    }

    /// The rows after `after` and before `before`; parameters are numbered from `parameter` on.
    #[must_use]
    pub fn seek(&self, parameter: usize) -> Seek {
        let mut seek = Seek::default();
        for (position, reversed) in [(&self.after, false), (&self.before, true)] {
            let Some(position) = position else { continue };
            let number = parameter + seek.values.len();
            seek.condition.push_str(" AND ");
            seek.condition
                .push_str(&beyond(&self.order.all(reversed), number));
            seek.values.extend(parameters(position));
        }
        seek
    }

    /// The rows on the near side of the window's start, up to and including the cursor's own: whether there is one is
    /// `hasPreviousPage` when paging forwards and `hasNextPage` when paging backwards. `None` at the very start.
    /// Pass the answer to [`Keyset::page_with`], or accept [`Keyset::page`]'s guess that the cursor's row still exists.
    #[must_use]
    pub fn near_side(&self, parameter: usize) -> Option<Seek> {
        let position = if self.window.backwards {
            &self.before
        } else {
            &self.after
        };
        let position = position.as_ref()?;
        let condition = format!(
            " AND NOT {}",
            beyond(&self.order.all(self.window.backwards), parameter)
        );
        Some(Seek {
            condition,
            values: parameters(position).collect(),
        })
    }

    pub(super) fn cursor(&self, position: Position) -> String {
        let cursor = Cursor {
            order: self.order.name.clone(),
            position,
            now: self.now,
            filter: self.filter,
        };
        cursor.encode()
    }
}

fn read(
    field: &'static str,
    text: Option<&str>,
    order: &Order,
    filter: Fingerprint,
) -> Result<Option<Cursor>, WindowError> {
    let Some(text) = text else { return Ok(None) };
    let Some(cursor) = Cursor::decode(text) else {
        return Err(WindowError {
            field,
            reason: "this is not a cursor",
        });
    };
    let fits = cursor.order == order.name
        && cursor.filter == filter
        && cursor.position.values.len() == order.columns.len();
    if fits {
        Ok(Some(cursor))
    } else {
        Err(WindowError {
            field,
            reason: "this cursor belongs to another list, filter or order",
        })
    }
}

fn parameters(position: &Position) -> impl Iterator<Item = Value> {
    let id = std::iter::once(Value::from(position.id));
    position.values.iter().cloned().map(Value::from).chain(id)
}

/// `(a, b, id) > ($1, $2, $3)`, which an index answers in one descent; where directions are mixed the nested form, with
/// its first column bounded so that the index still helps.
fn beyond(columns: &[(&'static str, Direction)], parameter: usize) -> String {
    let uniform = columns.windows(2).all(|pair| pair[0].1 == pair[1].1);
    if uniform {
        let names = columns
            .iter()
            .map(|(name, _)| *name)
            .collect::<Vec<_>>()
            .join(", ");
        let numbers = (parameter..parameter + columns.len()).map(|number| format!("${number}"));
        let operator = columns.first().map_or(">", |(_, direction)| direction.operator());
        return format!(
            "(({names}) {operator} ({}))",
            numbers.collect::<Vec<_>>().join(", ")
        );
    }
    nested(columns, parameter)
}

fn nested(columns: &[(&'static str, Direction)], parameter: usize) -> String {
    let Some(((name, direction), rest)) = columns.split_first() else {
        return "FALSE".to_owned();
    };
    let operator = direction.operator();
    if rest.is_empty() {
        return format!("{name} {operator} ${parameter}");
    }
    let rest = nested(rest, parameter + 1);
    format!("({name} {operator}= ${parameter} AND ({name} {operator} ${parameter} OR {rest}))")
}

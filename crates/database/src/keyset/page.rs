//! Rows as a page with its cursors.

use super::{Keyset, Position};

/// One row and the cursor that stands for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge<T> {
    /// Opaque; `after` and `before` take it.
    pub cursor: String,
    /// The row.
    pub node: T,
}

/// One page, in the order's own sequence whichever way it was reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows.
    pub edges: Vec<Edge<T>>,
    /// Rows follow.
    pub has_next_page: bool,
    /// Rows precede.
    pub has_previous_page: bool,
}

impl<T> Page<T> {
    /// The first row's cursor.
    #[must_use]
    pub fn start_cursor(&self) -> Option<&str> {
        self.edges.first().map(|edge| edge.cursor.as_str())
    }

    /// The last row's cursor.
    #[must_use]
    pub fn end_cursor(&self) -> Option<&str> {
        self.edges.last().map(|edge| edge.cursor.as_str())
    }

    /// The same page of other nodes.
    #[must_use]
    pub fn map<U>(self, change: impl Fn(T) -> U) -> Page<U> {
        let edge = |edge: Edge<T>| Edge {
            cursor: edge.cursor,
            node: change(edge.node),
        };
        Page {
            edges: self.edges.into_iter().map(edge).collect(),
            has_next_page: self.has_next_page,
            has_previous_page: self.has_previous_page,
        }
    }
}

impl Keyset {
    /// Makes a page of the rows that a query with [`Keyset::fetch`] as its limit gave. The row of the window's own cursor is
    /// taken to exist still, so that there is a page on its other side.
    pub fn page<T>(&self, rows: Vec<T>, position: impl Fn(&T) -> Position) -> Page<T> {
        let near = if self.window.backwards {
            self.before.is_some()
        } else {
            self.after.is_some()
        };
        self.page_with(rows, near, position)
    }

    /// The same where the caller has asked whether rows stand on the near side, see [`Keyset::near_side`].
    pub fn page_with<T>(&self, mut rows: Vec<T>, near: bool, position: impl Fn(&T) -> Position) -> Page<T> {
        let size = self.window.size as usize;
        let bounded = if self.window.backwards {
            self.after.is_some()
        } else {
            self.before.is_some()
        };
        let far = rows.len() > size || bounded;
        rows.truncate(size);
        if self.window.backwards {
            rows.reverse();
        }
        let edge = |node| Edge {
            cursor: self.cursor(position(&node)),
            node,
        };
        let (has_next_page, has_previous_page) = if self.window.backwards {
            (near, far)
        } else {
            (far, near)
        };
        Page {
            edges: rows.into_iter().map(edge).collect(),
            has_next_page,
            has_previous_page,
        }
    }
}

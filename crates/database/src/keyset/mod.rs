//! Keyset pages: forwards and backwards through rows in a total order, with opaque cursors.
//!
//! ```
//! # use usher_database::{Dialect, keyset::*};
//! # use chrono::{DateTime, Utc};
//! # fn example(now: DateTime<Utc>, rows: Vec<(String, uuid::Uuid)>) -> Result<(), WindowError> {
//! let window = Window::new(Some(20), None, None, None)?;
//! let order = Order::new("NAME", "contact.id").column("contact.sort_name", Direction::Ascending);
//! let keyset = Keyset::new(order, window, fingerprint([b"filter and search as bytes".as_slice()]), now)?;
//! let seek = keyset.seek(2); // parameters from $2 on
//! let sql = format!(
//!     "SELECT … FROM contact WHERE organization_id = $1{} ORDER BY {} LIMIT {}",
//!     seek.condition, keyset.order_by(), keyset.fetch(),
//! );
//! // … run it with `seek.values` …
//! let page = keyset.page(rows, |(name, id)| Position::new(*id, [name.as_str().into()]));
//! assert!(page.edges.len() <= 20);
//! # Ok(())
//! # }
//! ```

mod cursor;
mod page;
mod plan;
mod window;

pub use cursor::{CursorValue, Fingerprint, Position, fingerprint};
pub use page::{Edge, Page};
pub use plan::{Direction, Keyset, Order, Seek};
pub use window::{Window, WindowError};

//! What mails and pages say in the reader's own way: which language, and dates with weekday, time and zone (I5).
//!
//! ```
//! use chrono::{TimeZone, Utc};
//! use usher_text::{Locale, moment, zone};
//!
//! let at = Utc.with_ymd_and_hms(2026, 3, 6, 14, 30, 0).unwrap();
//! let locale = Locale::choose([Some("de-AT"), Some("en")]);
//! assert_eq!(
//!     moment(at, locale, zone([Some("Europe/Vienna")])),
//!     "Freitag, 6. März 2026, 15:30 Uhr CET (UTC+1)"
//! );
//! ```

mod locale;
mod moment;

pub use chrono_tz::Tz;
pub use locale::{Language, Locale};
pub use moment::{moment, zone};

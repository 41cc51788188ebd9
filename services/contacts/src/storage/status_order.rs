//! The order by portal status. EXPIRED follows from the time, so no index holds the whole order; each status by itself
//! stands in one, and a page takes at most its own size from each.

use usher_database::Dialect;

/// Which side of its cursors a page lies on, see `usher_database::keyset`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bounds {
    pub(crate) after: bool,
    pub(crate) before: bool,
    pub(crate) backwards: bool,
}

impl Bounds {
    /// In which direction rows are read.
    pub(super) const fn direction(self, descending: bool) -> &'static str {
        if descending == self.backwards {
            "ASC"
        } else {
            "DESC"
        }
    }
}

/// What is asked of every status.
pub(super) struct Page<'a> {
    /// Of `contact_portal p` and whatever is joined to it; one of them is called `id`.
    pub(super) columns: &'a str,
    /// Tables and a condition.
    pub(super) from: &'a str,
    pub(super) descending: bool,
    pub(super) bounds: Bounds,
    pub(super) fetch: u64,
}

/// The statuses' places, and who stands there at `$2`.
const PLACES: [&str; 5] = [
    "p.status_rank = 0",
    "p.status_rank = 1 AND (p.expires_at IS NULL OR p.expires_at > $2)",
    "p.status_rank = 1 AND p.expires_at <= $2",
    "p.status_rank = 3",
    "p.status_rank = 4",
];

impl Page<'_> {
    /// The statement. The cursors' parameters, place and id, follow each other from `first_cursor` on, `after` before
    /// `before`.
    pub(super) fn sql(&self, dialect: Dialect, first_cursor: usize) -> String {
        let direction = self.bounds.direction(self.descending);
        let part = |(place, condition): (usize, &&str)| {
            let bounds = self.bounds_of(place, dialect, first_cursor);
            format!(
                "SELECT * FROM (SELECT {}, {place} AS place FROM {} AND {condition}{bounds} \
                 ORDER BY p.contact_id {direction} LIMIT {}) AS at{place}",
                self.columns, self.from, self.fetch
            )
        };
        let parts: Vec<String> = PLACES.iter().enumerate().map(part).collect();
        format!(
            "SELECT * FROM ({}) AS page ORDER BY place {direction}, id {direction} LIMIT {}",
            parts.join(" UNION ALL "),
            self.fetch
        )
    }

    fn bounds_of(&self, place: usize, dialect: Dialect, first_cursor: usize) -> String {
        let sides = [
            (self.bounds.after, !self.descending),
            (self.bounds.before, self.descending),
        ];
        let given = sides.into_iter().filter(|(given, _)| *given);
        given
            .enumerate()
            .map(|(index, (_, upwards))| beyond(place, upwards, dialect, first_cursor + 2 * index))
            .collect()
    }
}

/// Within one place only the id is compared: with the cursor's where it stands in this place, else with an id that is
/// before or after all others. The index serves it either way.
fn beyond(place: usize, upwards: bool, dialect: Dialect, cursor: usize) -> String {
    let (lowest, highest) = match dialect {
        Dialect::Sqlite => (
            "x'00000000000000000000000000000000'",
            "x'ffffffffffffffffffffffffffffffff'",
        ),
        Dialect::Postgres => (
            "'00000000-0000-0000-0000-000000000000'::uuid",
            "'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid",
        ),
    };
    let (operator, all, none) = if upwards {
        (">", lowest, highest)
    } else {
        ("<", highest, lowest)
    };
    format!(
        " AND p.contact_id {operator} CASE WHEN {place} = ${cursor} THEN ${} WHEN {place} {operator} ${cursor} \
         THEN {all} ELSE {none} END",
        cursor + 1
    )
}

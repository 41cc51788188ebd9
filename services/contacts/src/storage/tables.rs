//! The tables that a statement about contacts reads, joined one after another by the contact's id.

use usher_database::Dialect;

/// Which tables are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tables {
    contact: bool,
    portal: bool,
    search: bool,
    address: bool,
}

impl Tables {
    pub(super) const NONE: Self = Self {
        contact: false,
        portal: false,
        search: false,
        address: false,
    };
    /// `contact c`.
    pub(super) const CONTACT: Self = Self {
        contact: true,
        ..Self::NONE
    };
    /// `contact_portal p`.
    pub(super) const PORTAL: Self = Self {
        portal: true,
        ..Self::NONE
    };
    /// `contact_search s`.
    pub(super) const SEARCH: Self = Self {
        search: true,
        ..Self::NONE
    };
    /// What lists show: `contact c`, `contact_portal p`, `address_state a`.
    pub(super) const SHOWN: Self = Self {
        contact: true,
        portal: true,
        search: false,
        address: true,
    };

    pub(super) const fn and(self, other: Self) -> Self {
        Self {
            contact: self.contact || other.contact,
            portal: self.portal || other.portal,
            search: self.search || other.search,
            address: self.address || other.address,
        }
    }

    /// The same without those that stand elsewhere already.
    pub(super) const fn but(self, other: Self) -> Self {
        Self {
            contact: self.contact && !other.contact,
            portal: self.portal && !other.portal,
            search: self.search && !other.search,
            address: self.address && !other.address,
        }
    }

    /// As [`Self::joined`], for a walk through a part of the contacts: each row is looked up on its own. PostgreSQL takes belonging
    /// to an organization for a coincidence of two tables, expects few rows of a join, and would read all there are for each step.
    pub(super) fn looked_up(self, id: &str, dialect: Dialect) -> String {
        if dialect == Dialect::Sqlite || !self.portal {
            return self.joined(id, dialect);
        }
        let portal = format!(
            " CROSS JOIN LATERAL (SELECT * FROM contact_portal WHERE contact_id = {id} AND organization_id = $1 OFFSET 0) AS p"
        );
        portal + &self.but(Self::PORTAL).joined(id, dialect)
    }

    /// Rows of the organization `$1`, joined to whatever holds their contacts' ids.
    ///
    /// SQLite does not know how many rows there are and would rather read all contacts of the organization for each id; it
    /// keeps to the order of a CROSS JOIN, and to the key where the other column is no bare one.
    pub(super) fn joined(self, id: &str, dialect: Dialect) -> String {
        let tables = [
            (self.contact, "contact c", "c.id", "c.organization_id"),
            (
                self.portal,
                "contact_portal p",
                "p.contact_id",
                "p.organization_id",
            ),
            (
                self.search,
                "contact_search s",
                "s.contact_id",
                "s.organization_id",
            ),
        ];
        let read = tables.into_iter().filter(|(read, ..)| *read);
        let mut joins: String = read
            .map(|(_, table, key, organization)| match dialect {
                Dialect::Postgres => format!(" JOIN {table} ON {organization} = $1 AND {key} = {id}"),
                Dialect::Sqlite => format!(" CROSS JOIN {table} ON {key} = {id} AND +{organization} = $1"),
            })
            .collect();
        if self.address {
            joins.push_str(
                " LEFT JOIN address_state a ON a.organization_id = $1 AND a.email_canonical = c.email_canonical",
            );
        }
        joins
    }
}

//! Who was told of login that was switched on for a further account (I13).

use crate::Ddl;

pub(super) fn up(ddl: &mut Ddl) {
    // One row for each time that it was told of: nobody is told twice of the same switching on, however often it is asked for.
    ddl.run(
        "CREATE TABLE account_told (organization_id uuid NOT NULL, contact_id uuid NOT NULL, account_id uuid NOT NULL, \
         opened_at timestamptz NOT NULL, PRIMARY KEY (contact_id, account_id, opened_at))",
    );
    ddl.tenant(&["account_told"]);
}

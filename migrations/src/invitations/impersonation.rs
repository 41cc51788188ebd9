//! Who looked through whose eyes, and why (I14).

use crate::Ddl;

pub(super) fn up(ddl: &mut Ddl) {
    // The session tells when it ended; `closed_at` says that the end stands in the log.
    ddl.run(
        "CREATE TABLE impersonation (session_id uuid PRIMARY KEY, organization_id uuid NOT NULL, member_id uuid NOT NULL, \
         contact_id uuid NOT NULL, reason text NOT NULL, started_at timestamptz NOT NULL, ends_at timestamptz NOT NULL, \
         closed_at timestamptz)",
    );
    ddl.run("CREATE INDEX impersonation_open ON impersonation (ends_at) WHERE closed_at IS NULL");
    ddl.tenant(&["impersonation"]);
}

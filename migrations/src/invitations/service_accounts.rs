//! Secrets of programs that call the API (I15).

use crate::Ddl;

pub(super) fn up(ddl: &mut Ddl) {
    // `hint` is what a secret ends with. A secret without an end lives until it is rotated.
    ddl.run(
        "CREATE TABLE client_secret (id uuid PRIMARY KEY, organization_id uuid NOT NULL, member_id uuid NOT NULL, \
         secret_hash bytea NOT NULL UNIQUE, hint text NOT NULL, created_at timestamptz NOT NULL, \
         expires_at timestamptz, last_used_at timestamptz)",
    );
    ddl.run("CREATE INDEX client_secret_member ON client_secret (member_id)");
    ddl.tenant(&["client_secret"]);
}

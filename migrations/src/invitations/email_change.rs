//! Addresses that wait to be confirmed (I6).

use crate::Ddl;

pub(super) fn up(ddl: &mut Ddl) {
    // One a contact is OPEN at most: a newer one ends it.
    ddl.run(
        "CREATE TABLE email_change (id uuid PRIMARY KEY, organization_id uuid NOT NULL, contact_id uuid NOT NULL, \
         state text NOT NULL, token_hash bytea NOT NULL UNIQUE, email text NOT NULL, email_canonical text NOT NULL, \
         created_at timestamptz NOT NULL, expires_at timestamptz NOT NULL, ended_at timestamptz)",
    );
    ddl.run("CREATE UNIQUE INDEX email_change_open ON email_change (contact_id) WHERE state = 'OPEN'");
    ddl.run("CREATE INDEX email_change_expires ON email_change (expires_at)");
    ddl.tenant(&["email_change"]);
}

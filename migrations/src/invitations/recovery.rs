//! Ways back in: resets of passwords (I12), and how often strangers have asked for a mail (I11).

use crate::Ddl;

pub(super) fn up(ddl: &mut Ddl) {
    // `kind` says whether `subject_id` is a contact or a member. One a person is OPEN at most: a newer one ends it.
    ddl.run(
        "CREATE TABLE password_reset (id uuid PRIMARY KEY, organization_id uuid NOT NULL, kind text NOT NULL, \
         subject_id uuid NOT NULL, state text NOT NULL, token_hash bytea NOT NULL UNIQUE, email_canonical text NOT NULL, \
         created_at timestamptz NOT NULL, expires_at timestamptz NOT NULL, ended_at timestamptz)",
    );
    ddl.run("CREATE UNIQUE INDEX password_reset_open ON password_reset (subject_id) WHERE state = 'OPEN'");
    ddl.run("CREATE INDEX password_reset_subject ON password_reset (subject_id, created_at)");
    ddl.run("CREATE INDEX password_reset_expires ON password_reset (expires_at)");
    // Whoever has forgotten that they never chose a password is found by their address.
    ddl.run("CREATE INDEX portal_access_email ON portal_access (organization_id, email_canonical)");
    // Addresses that nobody has are counted too, so the key is a hash and knows no organization.
    ddl.run(
        "CREATE TABLE request_budget (key bytea PRIMARY KEY, count bigint NOT NULL, began_at timestamptz NOT NULL)",
    );
    ddl.run("CREATE INDEX request_budget_began ON request_budget (began_at)");
    ddl.tenant(&["password_reset"]);
    ddl.system_only(&["request_budget"]);
}

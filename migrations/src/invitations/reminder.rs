//! Reminders of invitations (I16).

use crate::Ddl;

pub(super) fn up(ddl: &mut Ddl) {
    // One an invitation of an organization that reminds. `next_at` is when to look at it: to send a reminder or, where that is
    // not `planned`, to plan one. NULL: nothing is left to do.
    ddl.run(
        "CREATE TABLE reminder (invitation_id uuid PRIMARY KEY, organization_id uuid NOT NULL, next_at timestamptz, \
         planned boolean NOT NULL, sent bigint NOT NULL, last_at timestamptz)",
    );
    ddl.run("CREATE INDEX reminder_due ON reminder (next_at) WHERE next_at IS NOT NULL");
    // Further tokens of an invitation: any of them works as the first one does, which stands in its row.
    ddl.run(
        "CREATE TABLE invitation_token (token_hash bytea PRIMARY KEY, organization_id uuid NOT NULL, \
         invitation_id uuid NOT NULL, message_id uuid NOT NULL, created_at timestamptz NOT NULL)",
    );
    ddl.tenant(&["reminder", "invitation_token"]);
}

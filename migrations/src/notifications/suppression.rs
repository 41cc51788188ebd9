//! Addresses that get no more mail, and why (N6).

use crate::Ddl;

pub(super) fn up(ddl: &mut Ddl) {
    ddl.run(
        "CREATE TABLE suppression (organization_id uuid NOT NULL, canonical text NOT NULL, reason text NOT NULL, \
         invitation_id uuid, contact_id uuid, created_at timestamptz NOT NULL, PRIMARY KEY (organization_id, canonical))",
    );
    ddl.tenant(&["suppression"]);
}

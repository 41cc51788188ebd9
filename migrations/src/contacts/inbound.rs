//! What other services say of contacts and accounts (E2).

use crate::Ddl;

pub(super) fn up(ddl: &mut Ddl) {
    // By which the settings name an organization; comes with its next change of settings, as all that invitations publishes.
    ddl.run("ALTER TABLE organization ADD COLUMN slug text");
    ddl.run("CREATE INDEX organization_by_slug ON organization (slug)");
    ddl.run(
        "CREATE TABLE inbound (organization_id uuid NOT NULL, publisher text NOT NULL, kind text NOT NULL, \
         external_id text NOT NULL, id uuid NOT NULL, versions text NOT NULL, \
         PRIMARY KEY (organization_id, publisher, kind, external_id))",
    );
    ddl.run("CREATE INDEX inbound_by_id ON inbound (organization_id, kind, id)");
    ddl.tenant(&["inbound"]);
}

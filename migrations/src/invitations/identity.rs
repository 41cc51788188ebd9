//! As whom an identity provider knows a member (I15).

use crate::Ddl;

pub(super) fn up(ddl: &mut Ddl) {
    // Both or neither. Issuers are compared as they are written.
    ddl.run("ALTER TABLE member ADD COLUMN identity_issuer text");
    ddl.run("ALTER TABLE member ADD COLUMN identity_subject text");
    ddl.run(
        "CREATE UNIQUE INDEX member_identity ON member (organization_id, identity_issuer, identity_subject) \
         WHERE identity_subject IS NOT NULL",
    );
}

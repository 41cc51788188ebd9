//! Sendings that are held (I4).

use crate::Ddl;

pub(super) fn hold(ddl: &mut Ddl) {
    // The newest word about a sending, which may come before its first letter. `moving`: some of its letters stand in a lane
    // where they do not belong yet.
    ddl.run(
        "CREATE TABLE mailing_hold (mailing_id uuid PRIMARY KEY, organization_id uuid NOT NULL, held boolean NOT NULL, \
         version bigint NOT NULL, moving boolean NOT NULL, updated_at timestamptz NOT NULL)",
    );
    ddl.run("CREATE INDEX mailing_hold_moving ON mailing_hold (updated_at) WHERE moving");
    ddl.tenant(&["mailing_hold"]);
}

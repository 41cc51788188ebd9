//! Messages are kept for a while (I9).

use crate::Ddl;

pub(super) fn up(ddl: &mut Ddl) {
    // Rows come in the order of time and keep theirs, so a block range index finds the old ones and costs next to nothing.
    for table in ["message", "tombstone"] {
        ddl.postgres(&format!(
            "CREATE INDEX {table}_created_at ON {table} USING brin (created_at)"
        ));
        ddl.sqlite(&format!(
            "CREATE INDEX {table}_created_at ON {table} (created_at)"
        ));
    }
    ddl.run("CREATE INDEX mailing_created_at ON mailing (created_at)");
}

//! A batch knows the trace of the request that it came with.

use crate::Ddl;

pub(super) fn up(ddl: &mut Ddl) {
    ddl.run("ALTER TABLE batch ADD COLUMN traceparent text");
}

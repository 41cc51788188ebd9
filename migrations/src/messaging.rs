//! The tables of `usher-messaging`, the same in every service's schema.

use crate::{Ddl, Migration};

/// The steps that each service's list begins with.
#[must_use]
pub fn migrations() -> Vec<Migration> {
    vec![Migration::new("0001_messaging", messaging)]
}

fn messaging(ddl: &mut Ddl) {
    // What each step means to programs that do not know it.
    ddl.run("CREATE TABLE schema_step (name text PRIMARY KEY, serves_older boolean NOT NULL)");
    outbox(ddl);
    inbox(ddl);
    ddl.run(
        "CREATE TABLE dead_letter (queue text NOT NULL, id uuid NOT NULL, organization_id uuid, reason text NOT NULL, \
         envelope text NOT NULL, at timestamptz NOT NULL, replayed_at timestamptz, PRIMARY KEY (queue, id))",
    );
    ddl.run("CREATE INDEX dead_letter_at ON dead_letter (at)");
    ddl.tenant(&["outbox", "dead_letter"]);
    ddl.system_only(&["outbox_lease", "inbox", "schema_step"]);
}

/// The steps that each service's list ends with.
#[must_use]
pub fn later() -> Vec<Migration> {
    vec![Migration::new("0020_replay", replay)]
}

/// Dead letters are handled again by whoever runs the handlers, on the word of whoever asks.
fn replay(ddl: &mut Ddl) {
    ddl.run("ALTER TABLE dead_letter ADD COLUMN asked_at timestamptz");
    // An older program writes no word on it; what it buried is tried, and stays dead with the reason.
    ddl.run("ALTER TABLE dead_letter ADD COLUMN readable boolean NOT NULL DEFAULT TRUE");
    ddl.run(
        "CREATE INDEX dead_letter_asked ON dead_letter (at, id) WHERE asked_at IS NOT NULL AND replayed_at IS NULL",
    );
}

fn outbox(ddl: &mut Ddl) {
    // A row holds one message, or a pack of several events of a mass (ADR 9): `data` is then a list of whole envelopes.
    // `data` is emptied when the row is published; the row stays a day. Each event of a mass sending passes through here, so
    // there is no index but those that somebody looks into: a published row stands in none of them on PostgreSQL, only its page
    // in that of the sweep.
    ddl.run(
        "CREATE TABLE outbox (position identity, id uuid NOT NULL, bucket smallint NOT NULL, lane text NOT NULL, \
         key uuid NOT NULL, kind text NOT NULL, source text NOT NULL, subject text NOT NULL, queue text, \
         organization_id uuid, time timestamptz NOT NULL, traceparent text, events smallint NOT NULL, data text, \
         created_at timestamptz NOT NULL, published_at timestamptz)",
    );
    // The data is read once and then emptied: packing it would cost more than it saves.
    ddl.postgres("ALTER TABLE outbox ALTER COLUMN data SET STORAGE EXTERNAL");
    // 'interactive' comes before 'bulk' in descending order.
    ddl.run("CREATE INDEX outbox_unpublished ON outbox (lane DESC, position) WHERE published_at IS NULL");
    ddl.postgres("CREATE INDEX outbox_published_at ON outbox USING brin (published_at)");
    ddl.run(
        "CREATE TABLE outbox_lease (bucket smallint PRIMARY KEY, holder uuid, until timestamptz NOT NULL)",
    );
    let buckets = (0..16).map(|bucket| format!("({bucket}, '1970-01-01T00:00:00+00:00')"));
    let buckets = buckets.collect::<Vec<_>>().join(", ");
    ddl.run(&format!(
        "INSERT INTO outbox_lease (bucket, until) VALUES {buckets}"
    ));
}

fn inbox(ddl: &mut Ddl) {
    ddl.run(
        "CREATE TABLE inbox (queue text NOT NULL, id uuid NOT NULL, events smallint NOT NULL, at timestamptz NOT NULL, \
         PRIMARY KEY (queue, id))",
    );
    // Rows come in the order of time, so a block range index finds old ones and costs next to nothing.
    ddl.postgres("CREATE INDEX inbox_at ON inbox USING brin (at)");
    ddl.sqlite("CREATE INDEX inbox_at ON inbox (at)");
}

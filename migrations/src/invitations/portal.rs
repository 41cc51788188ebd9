//! Portal access, invitations, batches.

use crate::Ddl;

pub(super) fn up(ddl: &mut Ddl) {
    portal_access(ddl);
    invitations(ddl);
    batches(ddl);
    // Projected from notifications.
    ddl.run(
        "CREATE TABLE address_state (organization_id uuid NOT NULL, email_canonical text NOT NULL, state text NOT NULL, \
         version bigint NOT NULL, PRIMARY KEY (organization_id, email_canonical))",
    );
    ddl.tenant(&[
        "portal_access",
        "invitation",
        "batch",
        "batch_skip",
        "idempotency_key",
        "address_state",
    ]);
}

fn portal_access(ddl: &mut Ddl) {
    // Up to `time_zone`: what was heard of the contact. From `status` on: our own. `mails`: how many on `mail_day` (I17).
    ddl.run(
        "CREATE TABLE portal_access (contact_id uuid PRIMARY KEY, organization_id uuid NOT NULL, \
         contact_version bigint NOT NULL, role text NOT NULL, active boolean NOT NULL, links bigint NOT NULL, \
         links_with_login bigint NOT NULL, email text, email_canonical text, email_state text NOT NULL, \
         email_duplicate boolean NOT NULL, test boolean NOT NULL DEFAULT false, first_name text NOT NULL, last_name text NOT NULL, locale text, time_zone text, \
         status text NOT NULL, version bigint NOT NULL, invitation_id uuid, address text, generation bigint NOT NULL, \
         invited_at timestamptz, invited_by text, expires_at timestamptz, accepted_at timestamptz, \
         first_signed_in_at timestamptz, last_signed_in_at timestamptz, \
         mail_day bigint NOT NULL DEFAULT 0, mails bigint NOT NULL DEFAULT 0, \
         sign_in_address text GENERATED ALWAYS AS (CASE WHEN status IN ('ACCEPTED', 'ACTIVE') THEN address END) STORED)",
    );
    // An invitation changes no column that an index knows, and half of each page is room: PostgreSQL then writes the changed row
    // beside the old one and touches no index (HOT), which takes a third of the time.
    ddl.postgres("ALTER TABLE portal_access SET (fillfactor = 50)");
    ddl.run(
        "CREATE INDEX portal_access_sign_in ON portal_access (organization_id, sign_in_address) \
         WHERE sign_in_address IS NOT NULL",
    );
}

fn invitations(ddl: &mut Ddl) {
    ddl.run(
        "CREATE TABLE invitation (id uuid PRIMARY KEY, organization_id uuid NOT NULL, contact_id uuid, member_id uuid, \
         generation bigint NOT NULL, state text NOT NULL, token_hash bytea NOT NULL UNIQUE, email text NOT NULL, \
         email_canonical text NOT NULL, contact_version bigint NOT NULL, batch_id uuid, message_id uuid NOT NULL, \
         delivery text NOT NULL, delivery_error text, issued_at timestamptz NOT NULL, expires_at timestamptz NOT NULL, \
         ended_at timestamptz, ended_by_batch uuid, created_by text NOT NULL, created_by_id uuid, \
         opened_at timestamptz, sent_at timestamptz)",
    );
    // What the sweeper announces.
    ddl.run("CREATE INDEX invitation_expiry ON invitation (expires_at) WHERE state = 'OPEN'");
    ddl.run(
        "CREATE INDEX invitation_contact ON invitation (contact_id, generation) WHERE contact_id IS NOT NULL",
    );
    // The funnel's weeks. New entries are the last ones of their organization, which costs a mass little.
    ddl.run("CREATE INDEX invitation_issued ON invitation (organization_id, issued_at)");
    ddl.run(
        "CREATE INDEX invitation_member ON invitation (member_id, generation) WHERE member_id IS NOT NULL",
    );
    // A batch's figures. Where a mail is stands in no index, so that PostgreSQL need not touch any of them when it moves on
    // (HOT); the fill factor leaves room for that on each page.
    ddl.run("CREATE INDEX invitation_batch ON invitation (batch_id, id) WHERE batch_id IS NOT NULL");
    ddl.postgres("ALTER TABLE invitation SET (fillfactor = 60)");
    ddl.run(
        "CREATE INDEX invitation_ended_by ON invitation (ended_by_batch, id) WHERE ended_by_batch IS NOT NULL",
    );
}

fn batches(ddl: &mut Ddl) {
    // `walked`: everybody of the selection was looked at. `expected` stands for the total until then. `reason`: why it
    // stands still; `hold_version` goes up whenever it stops or goes on. Round 0 is the selection, later ones are of those who
    // wait for their own budget (I17).
    ddl.run(
        "CREATE TABLE batch (id uuid PRIMARY KEY, organization_id uuid NOT NULL, action text NOT NULL, state text NOT NULL, \
         reason text, lane text NOT NULL, selection bytea NOT NULL, message text, subject text, body text, \
         expected bigint NOT NULL, walked boolean NOT NULL, last_contact_id uuid, mailing_id uuid NOT NULL, \
         created_by text NOT NULL, created_by_id uuid, needs_bulk boolean NOT NULL, created_at timestamptz NOT NULL, \
         send_at timestamptz, started_at timestamptz, finished_at timestamptz, fence bigint NOT NULL, leased_until timestamptz, \
         tries bigint NOT NULL, responsible_id uuid, hold_version bigint NOT NULL DEFAULT 0, \
         round bigint NOT NULL DEFAULT 0, waiting_until timestamptz)",
    );
    ddl.run("CREATE INDEX batch_created ON batch (organization_id, created_at, id)");
    ddl.run("CREATE INDEX batch_open ON batch (created_at) WHERE finished_at IS NULL");
    ddl.run(
        "CREATE TABLE batch_skip (batch_id uuid NOT NULL, reason text NOT NULL, contact_id uuid NOT NULL, \
         organization_id uuid NOT NULL, PRIMARY KEY (batch_id, reason, contact_id))",
    );
    ddl.run(
        "CREATE TABLE idempotency_key (organization_id uuid NOT NULL, owner_id uuid NOT NULL, key text NOT NULL, \
         input_hash bytea NOT NULL, batch_id uuid NOT NULL, created_at timestamptz NOT NULL, \
         PRIMARY KEY (organization_id, owner_id, key))",
    );
    ddl.run("CREATE INDEX idempotency_key_created ON idempotency_key (created_at)");
}

//! Messages and what decides whether they go out.

use crate::Ddl;

pub(super) fn message(ddl: &mut Ddl) {
    // What the letters of one sending have in common, stored once.
    ddl.run(
        "CREATE TABLE mailing (id uuid PRIMARY KEY, organization_id uuid NOT NULL, kind text NOT NULL, \
         organization_name text NOT NULL, invited_by text, reply_to text, locale text NOT NULL, \
         time_zone text NOT NULL, subject text, body text, message text, created_at timestamptz NOT NULL)",
    );
    letters(ddl);
    // Invitations that have ended: their letters, also those that come later, are not sent (I21).
    ddl.run(
        "CREATE TABLE tombstone (organization_id uuid NOT NULL, invitation_id uuid NOT NULL, \
         created_at timestamptz NOT NULL, PRIMARY KEY (organization_id, invitation_id))",
    );
    ddl.run(
        "CREATE TABLE address_state (organization_id uuid NOT NULL, canonical text NOT NULL, state text NOT NULL, \
         version bigint NOT NULL, updated_at timestamptz NOT NULL, PRIMARY KEY (organization_id, canonical))",
    );
    // Where mail goes: a domain, or the mail server itself. Nothing is sent there until `open_until` (N3).
    ddl.run(
        "CREATE TABLE destination (name text PRIMARY KEY, failures bigint NOT NULL, \
         open_until timestamptz NOT NULL, updated_at timestamptz NOT NULL)",
    );
    ddl.tenant(&["mailing", "message", "tombstone", "address_state"]);
    ddl.system_only(&["destination"]);
}

fn letters(ddl: &mut Ddl) {
    // `pending` is false when a message has come to its end. Claiming changes no indexed column, so that PostgreSQL need
    // not touch the indexes (HOT); the fill factor leaves room for that on each page, where all rows are claimed together.
    ddl.run(
        "CREATE TABLE message (id uuid PRIMARY KEY, organization_id uuid NOT NULL, mailing_id uuid NOT NULL, \
         invitation_id uuid NOT NULL, contact_id uuid, generation bigint NOT NULL, lane text NOT NULL, \
         recipient text NOT NULL, canonical text NOT NULL, domain text NOT NULL, first_name text NOT NULL, \
         last_name text NOT NULL, locale text, time_zone text, sealed_token text, state text NOT NULL, \
         pending boolean NOT NULL, attempts bigint NOT NULL, next_attempt_at timestamptz NOT NULL, \
         lease_owner uuid, lease_until timestamptz, expires_at timestamptz NOT NULL, \
         first_attempt_at timestamptz, rfc_message_id text, last_error text, traceparent text, accounts text, \
         created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL, sent_at timestamptz)",
    );
    ddl.postgres("ALTER TABLE message SET (fillfactor = 50)");
    ddl.run("CREATE INDEX message_due ON message (lane, organization_id, next_attempt_at) WHERE pending");
    // A letter of an older generation for the same contact is not sent.
    ddl.run("CREATE INDEX message_contact ON message (contact_id, generation)");
    // Members' letters are found by their invitation, contacts' by the contact. Were all of them in here, PostgreSQL could read
    // this index to the end instead of looking into message_due: both are all but empty whenever it counts the rows.
    ddl.run(
        "CREATE INDEX message_invitation ON message (invitation_id) WHERE pending AND contact_id IS NULL",
    );
}

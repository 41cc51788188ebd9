//! Organizations, members, credentials, sessions, signing keys, activity.

use crate::Ddl;

pub(super) fn up(ddl: &mut Ddl) {
    organizations(ddl);
    sessions(ddl);
    ddl.run(
        "CREATE TABLE activity (id uuid PRIMARY KEY, organization_id uuid NOT NULL, at timestamptz NOT NULL, \
         actor_kind text NOT NULL, actor_id uuid, actor text NOT NULL, action text NOT NULL, contact_id uuid, \
         subject_id uuid, summary text NOT NULL)",
    );
    ddl.run("CREATE INDEX activity_at ON activity (organization_id, at, id)");
    ddl.run("CREATE INDEX activity_contact ON activity (contact_id, at) WHERE contact_id IS NOT NULL");
    ddl.tenant(&[
        "organization",
        "member",
        "credential",
        "session",
        "session_token",
        "activity",
    ]);
    ddl.system_only(&["sign_in_failure", "signing_key"]);
}

fn organizations(ddl: &mut Ddl) {
    // `reminders` is JSON. The organization is its own tenant, so its key has the tenants' name.
    ddl.run(
        "CREATE TABLE organization (organization_id uuid PRIMARY KEY, slug text NOT NULL UNIQUE, name text NOT NULL, \
         portal_enabled boolean NOT NULL, company_first boolean NOT NULL DEFAULT false, \
         invitation_life bigint NOT NULL, placeholder_domains text NOT NULL, reply_to text, locale text NOT NULL, time_zone text NOT NULL, daily bigint NOT NULL DEFAULT 200000, \
         daily_per_member bigint NOT NULL DEFAULT 200000, daily_per_recipient bigint NOT NULL DEFAULT 20, \
         password_min_length integer NOT NULL, \
         reminders text NOT NULL, version bigint NOT NULL, created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL)",
    );
    // `permissions` is a JSON list of names, and what counts; `role` tells which bundle they were given as. A service account
    // is a member without a person: nothing mails it, and no address signs it in.
    ddl.run(
        "CREATE TABLE member (id uuid PRIMARY KEY, organization_id uuid NOT NULL, email text, \
         email_canonical text, display_name text NOT NULL, sort_name sorttext NOT NULL, role text, \
         permissions text NOT NULL, active boolean NOT NULL, version bigint NOT NULL, invitation_id uuid, \
         invited_at timestamptz, invited_by text, expires_at timestamptz, accepted_at timestamptz, \
         last_signed_in_at timestamptz, created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL, \
         mail_day bigint NOT NULL DEFAULT 0, mails bigint NOT NULL DEFAULT 0, \
         service_account boolean NOT NULL DEFAULT false, \
         CHECK (service_account OR (email IS NOT NULL AND email_canonical IS NOT NULL)))",
    );
    ddl.run("CREATE INDEX member_name ON member (organization_id, sort_name, id)");
    ddl.run("CREATE UNIQUE INDEX member_email ON member (organization_id, email_canonical)");
    ddl.run(
        "CREATE TABLE credential (subject_id uuid PRIMARY KEY, organization_id uuid NOT NULL, kind text NOT NULL, \
         password_hash text NOT NULL, changed_at timestamptz NOT NULL)",
    );
}

fn sessions(ddl: &mut Ddl) {
    // Addresses that nobody has are counted too, so the key is a hash and knows no organization.
    ddl.run(
        "CREATE TABLE sign_in_failure (key bytea PRIMARY KEY, count bigint NOT NULL, latest timestamptz NOT NULL)",
    );
    ddl.run(
        "CREATE TABLE session (id uuid PRIMARY KEY, organization_id uuid NOT NULL, kind text NOT NULL, \
         subject_id uuid NOT NULL, created_at timestamptz NOT NULL, last_used_at timestamptz NOT NULL, \
         ended_at timestamptz, forget_at timestamptz, end_reason text, device text, acting_member_id uuid, \
         generation bigint NOT NULL, rotated_at timestamptz NOT NULL, secret_id uuid)",
    );
    ddl.run("CREATE INDEX session_subject ON session (subject_id) WHERE ended_at IS NULL");
    ddl.run(
        "CREATE INDEX session_acting ON session (acting_member_id) \
         WHERE acting_member_id IS NOT NULL AND ended_at IS NULL",
    );
    ddl.run("CREATE INDEX session_forget ON session (forget_at) WHERE forget_at IS NOT NULL");
    ddl.run("CREATE INDEX session_created ON session (created_at)");
    // All refresh tokens that a session has had: one of an older generation ends the session.
    ddl.run(
        "CREATE TABLE session_token (token_hash bytea PRIMARY KEY, organization_id uuid NOT NULL, \
         session_id uuid NOT NULL, issued_at timestamptz NOT NULL, generation bigint NOT NULL)",
    );
    ddl.run("CREATE INDEX session_token_session ON session_token (session_id)");
    ddl.run(
        "CREATE TABLE signing_key (id text PRIMARY KEY, wrapped text NOT NULL, created_at timestamptz NOT NULL)",
    );
}

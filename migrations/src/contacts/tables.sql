-- Both dialects read this. Text that sorts is folded when written and compared byte by byte; sort columns are never NULL.
CREATE TABLE organization (
    organization_id uuid NOT NULL PRIMARY KEY,
    version bigint NOT NULL,
    name text NOT NULL,
    portal_enabled boolean NOT NULL,
    company_first boolean NOT NULL DEFAULT false,
    placeholder_domains jsonb NOT NULL
);

CREATE TABLE contact (
    id uuid NOT NULL PRIMARY KEY,
    organization_id uuid NOT NULL,
    version bigint NOT NULL,
    role text NOT NULL,
    active boolean NOT NULL,
    -- Made by createTestClient (I19).
    test boolean NOT NULL DEFAULT false,
    first_name text NOT NULL,
    last_name text NOT NULL,
    first_name_sort sorttext NOT NULL,
    last_name_sort sorttext NOT NULL,
    email text,
    -- NULL where the address is malformed.
    email_canonical text,
    email_domain text,
    email_sort sorttext NOT NULL,
    -- NONE, VALID or INVALID; bounces and suppressions stand in address_state.
    email_state text NOT NULL,
    email_duplicate boolean NOT NULL,
    -- The canonical address where this contact alone may have it (C3); NULL for none, malformed, placeholder and duplicate.
    email_unique text,
    phone text,
    notes text,
    tags jsonb NOT NULL,
    external_id text,
    locale text,
    time_zone text,
    -- Counted from link in the transaction that changes it, so that lists and previews join no links.
    links bigint NOT NULL,
    links_with_login bigint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX contact_email_unique ON contact (organization_id, email_unique);
CREATE INDEX contact_by_id ON contact (organization_id, id);
CREATE INDEX contact_by_first_name ON contact (organization_id, first_name_sort, id);
CREATE INDEX contact_by_last_name ON contact (organization_id, last_name_sort, id);
CREATE INDEX contact_by_email ON contact (organization_id, email_sort, id);
CREATE INDEX contact_by_created_at ON contact (organization_id, created_at, id);
CREATE INDEX contact_by_updated_at ON contact (organization_id, updated_at, id);
CREATE INDEX contact_by_canonical ON contact (organization_id, email_canonical);
CREATE INDEX contact_by_domain ON contact (organization_id, email_domain);
CREATE INDEX contact_by_external_id ON contact (organization_id, external_id);

-- What search looks through; apart from contact, so that only a change of text touches its index.
CREATE TABLE contact_search (
    contact_id uuid NOT NULL PRIMARY KEY,
    organization_id uuid NOT NULL,
    document text NOT NULL
);
CREATE INDEX contact_search_by_organization ON contact_search (organization_id, contact_id);

CREATE TABLE contact_tag (
    organization_id uuid NOT NULL,
    tag text NOT NULL,
    contact_id uuid NOT NULL,
    PRIMARY KEY (organization_id, tag, contact_id)
);
CREATE INDEX contact_tag_by_contact ON contact_tag (contact_id);

-- Where each contact stands, projected from what invitations publishes; a row a contact from its creation.
CREATE TABLE contact_portal (
    contact_id uuid NOT NULL PRIMARY KEY,
    organization_id uuid NOT NULL,
    -- 0 until something is published.
    version bigint NOT NULL,
    -- Never EXPIRED, which follows from expires_at and the time.
    status text NOT NULL,
    -- The status's place in lists: WAITING 0, INVITED 1, ACCEPTED 3, ACTIVE 4; EXPIRED would be 2.
    status_rank bigint NOT NULL,
    invited_at timestamptz,
    invited_by text,
    expires_at timestamptz,
    accepted_at timestamptz,
    first_signed_in_at timestamptz,
    last_signed_in_at timestamptz,
    -- Microseconds since 1970, 0 for never.
    invited_sort bigint NOT NULL,
    signed_in_sort bigint NOT NULL
);
CREATE INDEX contact_portal_by_status ON contact_portal (organization_id, status_rank, contact_id);
CREATE INDEX contact_portal_by_invited ON contact_portal (organization_id, invited_sort, contact_id);
CREATE INDEX contact_portal_by_signed_in ON contact_portal (organization_id, signed_in_sort, contact_id);

-- Addresses that something is known of, projected from what notifications publishes.
CREATE TABLE address_state (
    organization_id uuid NOT NULL,
    email_canonical text NOT NULL,
    state text NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (organization_id, email_canonical)
);

CREATE TABLE account (
    id uuid NOT NULL PRIMARY KEY,
    organization_id uuid NOT NULL,
    version bigint NOT NULL,
    name text NOT NULL,
    name_sort sorttext NOT NULL,
    kind text NOT NULL,
    tags jsonb NOT NULL,
    -- Linked with login on, active and no LEAD: the account is ACTIVE where there is one (C11).
    portal_contacts bigint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX account_by_name ON account (organization_id, name_sort, id);

CREATE TABLE account_tag (
    organization_id uuid NOT NULL,
    tag text NOT NULL,
    account_id uuid NOT NULL,
    PRIMARY KEY (organization_id, tag, account_id)
);
CREATE INDEX account_tag_by_account ON account_tag (account_id);

CREATE TABLE link (
    id uuid NOT NULL PRIMARY KEY,
    organization_id uuid NOT NULL,
    account_id uuid NOT NULL REFERENCES account (id),
    contact_id uuid NOT NULL REFERENCES contact (id),
    is_primary boolean NOT NULL,
    login boolean NOT NULL,
    notify boolean NOT NULL,
    email_sync boolean NOT NULL,
    created_at timestamptz NOT NULL,
    -- When login was switched on; NULL while it is off.
    login_since timestamptz
);
CREATE UNIQUE INDEX link_once ON link (account_id, contact_id);
CREATE INDEX link_by_contact ON link (contact_id, id);

-- Named filters (C9), as their protobuf message says them.
CREATE TABLE segment (
    id uuid NOT NULL PRIMARY KEY,
    organization_id uuid NOT NULL,
    name text NOT NULL,
    -- Folded: two segments that look alike would be taken for each other.
    name_sort sorttext NOT NULL,
    filter bytea NOT NULL,
    version bigint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX segment_by_name ON segment (organization_id, name_sort);

-- Append-only (C15).
CREATE TABLE activity (
    id uuid NOT NULL PRIMARY KEY,
    organization_id uuid NOT NULL,
    contact_id uuid,
    account_id uuid,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    actor_id uuid,
    actor_kind text NOT NULL,
    side text NOT NULL,
    action text NOT NULL,
    summary text NOT NULL
);
CREATE INDEX activity_by_contact ON activity (organization_id, contact_id, at, id);

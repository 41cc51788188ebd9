-- The limit of bulk_accept_100k and bulk_rows_100k: 100,000 invitations of one organization with all their indexes, by one
-- statement. The table is a copy without rows, so that a round does not meet what the one before has left.
create table if not exists bench.invitation (like invitations.invitation including all);
truncate bench.invitation;

\timing on
insert into bench.invitation (id, organization_id, contact_id, generation, state, token_hash, email, email_canonical,
    contact_version, batch_id, message_id, delivery, issued_at, expires_at, created_by)
select bench.id(6, :organization, (row_number() over (order by contact_id))::int), organization_id, contact_id, 1, 'OPEN',
    sha256(contact_id::text::bytea), email, email_canonical, contact_version, bench.id(7, :organization, 1),
    bench.id(8, :organization, (row_number() over (order by contact_id))::int), 'QUEUED', now(), now() + interval '7 days',
    'Bench'
from invitations.portal_access
where organization_id = bench.organization(:organization);

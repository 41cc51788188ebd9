-- Copies of the one organization that Usher made at its first start, each with a copy of its administrator. Columns that
-- are not named here are copied as they are, so that a new one needs no change.
create temp table original on commit preserve rows as
    select o, m, c
    from invitations.organization o
    join invitations.member m on m.organization_id = o.organization_id
    join invitations.credential c on c.subject_id = m.id;

insert into invitations.organization
select copy.*
from original, generate_series(1, :organizations) number,
    jsonb_populate_record(o, jsonb_build_object('organization_id', bench.organization(number),
        'slug', 'bench-' || number, 'name', 'Bench ' || number)) copy;

insert into invitations.member
select copy.*
from original, generate_series(1, :organizations) number,
    jsonb_populate_record(m, jsonb_build_object('organization_id', bench.organization(number),
        'id', bench.id(3, number, 0))) copy;

insert into invitations.credential
select copy.*
from original, generate_series(1, :organizations) number,
    jsonb_populate_record(c, jsonb_build_object('organization_id', bench.organization(number),
        'subject_id', bench.id(3, number, 0))) copy;

insert into contacts.organization (organization_id, version, name, portal_enabled, placeholder_domains)
select organization_id, version, name, portal_enabled, '[]'
from invitations.organization
where slug like 'bench-%';

-- The contacts with everything that lists and searches read: two tags, one account and a portal row each.
-- Indexes are made afterwards: sorted at once they are several times faster, and packed.
create temp table later on commit preserve rows as
    select i.indexrelid::regclass::text as name, pg_get_indexdef(i.indexrelid) as definition
    from pg_index i
    join pg_class t on t.oid = i.indrelid
    where t.relnamespace = 'contacts'::regnamespace
        and t.relname in ('contact', 'contact_search', 'contact_tag', 'contact_portal', 'account', 'link')
        and not exists (select from pg_constraint k where k.conindid = i.indexrelid);

do $$ declare statement text; begin
    for statement in select 'drop index ' || name from later loop execute statement; end loop;
end $$;

create temp table people on commit preserve rows as
    select organization, number, bench.organization(organization) as organization_id,
        bench.contact(organization, number) as id, bench.id(4, organization, number) as account_id,
        bench.first_name(number) as first_name, bench.last_name(number) as last_name, bench.email(number) as email,
        'Round ' || number % 50 as tag, 'Office ' || number % 7 as office,
        'Household ' || bench.last_name(number) as account_name,
        timestamptz '2026-01-01 00:00:00Z' + number * interval '1 second' as at,
        -- WAITING 0, INVITED 1, INVITED and expired 2, ACCEPTED 3, ACTIVE 4
        case when (:mixed)::boolean then number % 5 else 0 end as step
    from generate_series(1, :organizations) organization, generate_series(1, :contacts) number;

insert into contacts.contact (id, organization_id, version, role, active, first_name, last_name, first_name_sort,
    last_name_sort, email, email_canonical, email_domain, email_sort, email_state, email_duplicate, email_unique, tags,
    links, links_with_login, created_at, updated_at)
select id, organization_id, 1, 'CLIENT', true, first_name, last_name, lower(first_name), lower(last_name), email, email,
    'example.com', email, 'VALID', false, email, jsonb_build_array(tag, office), 1, 1, at, at
from people order by organization, number;

insert into contacts.contact_search (contact_id, organization_id, document)
select id, organization_id, lower(first_name || ' ' || last_name || e'\n' || email || e'\n' || account_name)
from people order by organization, number;

insert into contacts.contact_tag (organization_id, tag, contact_id)
select organization_id, label, id from people, unnest(array[tag, office]) label order by organization, label, number;

insert into contacts.contact_portal (contact_id, organization_id, version, status, status_rank, invited_at, invited_by,
    expires_at, accepted_at, first_signed_in_at, last_signed_in_at, invited_sort, signed_in_sort)
select id, organization_id, least(step, 1), (array['WAITING', 'INVITED', 'INVITED', 'ACCEPTED', 'ACTIVE'])[step + 1],
    (array[0, 1, 1, 3, 4])[step + 1], case when step > 0 then at end, case when step > 0 then 'Bench' end,
    case step when 0 then null when 1 then timestamptz '2999-01-01 00:00:00Z' else at + interval '7 days' end,
    case when step > 2 then at end, case when step = 4 then at end, case when step = 4 then at end,
    case when step > 0 then (extract(epoch from at) * 1000000)::bigint else 0 end,
    case when step = 4 then (extract(epoch from at) * 1000000)::bigint else 0 end
from people order by organization, number;

insert into contacts.account (id, organization_id, version, name, name_sort, kind, tags, portal_contacts, created_at, updated_at)
select account_id, organization_id, 1, account_name, lower(account_name), 'INDIVIDUAL', '[]', 1, at, at
from people order by organization, number;

insert into contacts.link (id, organization_id, account_id, contact_id, is_primary, login, notify, email_sync, created_at)
select bench.id(5, organization, number), organization_id, account_id, id, true, true, true, false, at
from people order by organization, number;

set maintenance_work_mem = '512MB';
do $$ declare statement text; begin
    for statement in select definition from later loop execute statement; end loop;
end $$;

-- The limit of list_page_c16, for pgbench: the values of one page of bench/list_page.graphql, straight from the tables, by
-- one prepared statement. A cursor is a place between two contacts; the names of both follow from their numbers.
\set organization random(1, 10)
\set number random(1, 100000)
select c.id, c.first_name, c.last_name, c.email, c.role, c.tags,
    case when p.status = 'INVITED' and p.expires_at <= now() then 'EXPIRED' else p.status end, p.invited_at, p.expires_at,
    l.accounts
from (
    select id, first_name, last_name, email, role, tags, last_name_sort
    from contacts.contact
    where organization_id = bench.organization(:organization)
        and (last_name_sort, id) > (lower(bench.last_name(:number)) collate "C", bench.contact(:organization, :number))
    order by last_name_sort, id
    limit 51
) c
join contacts.contact_portal p on p.contact_id = c.id
cross join lateral (
    select json_agg(json_build_array(a.id, a.name, link.login) order by link.id) as accounts
    from contacts.link
    join contacts.account a on a.id = link.account_id
    where link.contact_id = c.id
) l
order by c.last_name_sort, c.id;

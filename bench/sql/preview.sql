-- The limit of preview_100k: how many of an organization could be invited, and how many not, by reason, straight from the tables.
\timing on
select reason, count(*)
from (
    select case
        when not c.active then 'CONTACT_INACTIVE'
        when c.role = 'LEAD' then 'ROLE_NOT_INVITABLE'
        when p.status in ('ACCEPTED', 'ACTIVE') then 'ALREADY_ACTIVATED'
        when p.status = 'INVITED' then 'ALREADY_INVITED'
        when c.links > 0 and c.links_with_login = 0 then 'LOGIN_DISABLED'
        when c.email_state = 'NONE' then 'NO_EMAIL'
        when c.email_state = 'INVALID' then 'INVALID_EMAIL'
        when c.email_duplicate then 'DUPLICATE_EMAIL'
        when a.state = 'SUPPRESSED' then 'EMAIL_SUPPRESSED'
        when a.state = 'BOUNCED' then 'EMAIL_BOUNCED'
    end as reason
    from contacts.contact c
    join contacts.contact_portal p on p.contact_id = c.id
    left join contacts.address_state a on a.organization_id = c.organization_id and a.email_canonical = c.email_canonical
    where c.organization_id = bench.organization(:organization) and p.organization_id = bench.organization(:organization)
) judged
group by reason;

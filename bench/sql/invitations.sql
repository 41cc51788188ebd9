-- What the service of invitations knows of the same contacts. Invitations themselves are left out: lists do not read them.
insert into invitations.portal_access (contact_id, organization_id, contact_version, role, active, links, links_with_login,
    email, email_canonical, email_state, email_duplicate, first_name, last_name, status, version, generation, address,
    invited_at, invited_by, expires_at, accepted_at, first_signed_in_at, last_signed_in_at)
select c.id, c.organization_id, c.version, c.role, c.active, c.links, c.links_with_login, c.email, c.email_canonical,
    c.email_state, c.email_duplicate, c.first_name, c.last_name, p.status, greatest(p.version, 1), p.version,
    case when p.version > 0 then c.email_canonical end, p.invited_at, p.invited_by, p.expires_at, p.accepted_at,
    p.first_signed_in_at, p.last_signed_in_at
from contacts.contact c
join contacts.contact_portal p on p.contact_id = c.id
order by c.id;

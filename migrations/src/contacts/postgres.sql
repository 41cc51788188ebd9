-- With the organization in front: words that many have in the whole table are then looked up in one firm's part of it.
CREATE INDEX contact_search_trigrams ON contact_search USING gin (organization_id, document gin_trgm_ops);
CREATE INDEX account_name_trigrams ON account USING gin (organization_id, name_sort gin_trgm_ops);

-- Row security keeps LIKE away from an index, because LIKE is not leakproof. These run as the tables' owner, who is not
-- under row security, and look at the organization themselves (docs/adr/0011). Three patterns, of which '%' asks nothing.
CREATE FUNCTION contacts_like(organization uuid, one text, two text, three text) RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT ROWS 200 AS $$
    SELECT s.contact_id FROM contact_search s
    WHERE s.organization_id = organization AND s.document LIKE one AND s.document LIKE two AND s.document LIKE three
        AND s.organization_id = (SELECT nullif(current_setting('usher.organization', true), '')::uuid)
$$;
CREATE FUNCTION accounts_like(organization uuid, one text, two text, three text) RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT ROWS 200 AS $$
    SELECT a.id FROM account a
    WHERE a.organization_id = organization AND a.name_sort LIKE one AND a.name_sort LIKE two AND a.name_sort LIKE three
        AND a.organization_id = (SELECT nullif(current_setting('usher.organization', true), '')::uuid)
$$;

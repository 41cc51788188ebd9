-- Everything about a contact follows from its organization's number and its own, so that a limit's statement can name any
-- of them, and a place between any two of them, without reading a table first.
create schema bench;
grant usage on schema bench to public;

-- A version 7 id of one kind of row.
create function bench.id(kind int, organization int, number int) returns uuid
language sql immutable parallel safe as $$
    select (lpad(to_hex(1760000000000 + number::bigint * 100), 12, '0') || '7' || lpad(to_hex(kind), 3, '0')
        || '8' || lpad(to_hex(organization), 3, '0') || lpad(to_hex(number), 12, '0'))::uuid
$$;

create function bench.organization(number int) returns uuid
language sql immutable parallel safe as $$ select bench.id(1, number, 0) $$;

create function bench.contact(organization int, number int) returns uuid
language sql immutable parallel safe as $$ select bench.id(2, organization, number) $$;

create function bench.first_name(number int) returns text
language sql immutable parallel safe as $$
    select (array['Ada', 'Boris', 'Chloe', 'Dmitri', 'Elena', 'Farid', 'Grace', 'Hana', 'Ivan', 'Jun', 'Kofi', 'Leila', 'Maya',
        'Nils', 'Olga', 'Pedro', 'Quentin', 'Rosa', 'Sven', 'Tamar', 'Ulla', 'Viktor', 'Wanda', 'Xavier', 'Yuki', 'Zoe'])
        [(number * 31) % 26 + 1]
$$;

-- 103,680 names, as many rows apart as the alphabet has them in a real list.
create function bench.last_name(number int) returns text
language sql immutable parallel safe as $$
    select (array['Ab', 'Bar', 'Cor', 'Dal', 'Er', 'Fal', 'Gar', 'Hol', 'Is', 'Jar', 'Kel', 'Lin', 'Mor', 'Nor', 'Os', 'Pal',
        'Quin', 'Rom', 'Sal', 'Tor', 'Ul', 'Ver', 'Wil', 'Yar'])[(number * 7) % 24 + 1]
        || (array['a', 'e', 'i', 'o', 'u', 'en', 'in', 'on', 'ar', 'er', 'il', 'ol'])[(number / 24) % 12 + 1]
        || (array['berg', 'brook', 'dale', 'field', 'ford', 'ham', 'holm', 'land', 'ley', 'man', 'mont', 'ner', 'port', 'ridge',
        'shaw', 'son', 'stad', 'ster', 'ton', 'wood'])[(number / 288) % 20 + 1]
        || ' ' || chr(65 + (number / 5760) % 18)
$$;

create function bench.email(number int) returns text
language sql immutable parallel safe as $$
    select lower(bench.first_name(number) || '.' || replace(bench.last_name(number), ' ', '') || number) || '@example.com'
$$;

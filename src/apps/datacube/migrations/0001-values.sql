-- How a vendor's texts become values that can be compared and summed. None of these ever raises: one odd cell must
-- not hold up the rows that came with it.

create schema if not exists datacube;

-- A text that says something: neither blank nor the four letters that the vendor shows for a formula without value.
create function datacube.filled(value text) returns text
language sql immutable parallel safe as $$
  select case when btrim(value) in ('', 'null') then null else btrim(value) end
$$;

-- Names are the join key between boards, and people type them: case and white space do not tell names apart.
create function datacube.name_key(name text) returns text
language sql immutable parallel safe as $$
  select nullif(lower(btrim(regexp_replace(name, '\s+', ' ', 'g'))), '')
$$;

-- The digits that a name begins with: the number of its project. Null for a free text.
create function datacube.name_prefix(name text) returns text
language sql immutable parallel safe as $$
  select substring(name from '^\s*(\d+)')
$$;

-- What a cell wrapped in JSON holds: a quoted text, or the first of the usual keys of an object.
create function datacube.unwrapped(value text, keys text[]) returns text
language sql immutable parallel safe as $$
  select case
    when value ~ '^\s*"' then btrim(value, E' \t\n"')
    when value ~ '^\s*\{' then (
      select coalesce(m[1], m[2])
      from unnest(keys) with ordinality as k (key, place)
      cross join lateral regexp_match(value, '"' || k.key || '"\s*:\s*(?:"([^"]*)"|([^",{}\s]+))') as m
      where m is not null and coalesce(m[1], m[2]) not in ('', 'null')
      order by place limit 1
    )
    else value
  end
$$;

-- The sum of the numbers that a cell shows, one for each of several linked items ("17,597.29, £300"). A comma before
-- exactly three digits separates thousands, any other separates items; of an item the first number counts.
create function datacube.parsed_number(value text) returns numeric
language sql immutable parallel safe as $$
  select sum(substring(part from '-?(?:\d{1,60}(?:\.\d{0,60})?|\.\d{1,60})')::numeric)
  from unnest(string_to_array(
    regexp_replace(
      regexp_replace(
        left(datacube.unwrapped(value, '{value,text,display_value,amount,numeric}'), 2000), '[£$€]\s*', '', 'g'),
      '(\d),(?=\d{3}(?!\d))', '\1', 'g'),
    ',')) as part
$$;

-- Plain numbers, nearly all of them, skip the parsing. This much is inlined into a query; the parsing is a call, which
-- costs some 40 us a cell.
create function datacube.to_number(value text) returns numeric
language sql immutable parallel safe as $$
  select case
    when value ~ '^-?\d+(\.\d+)?$' and length(value) < 100 then value::numeric
    else datacube.parsed_number(value)
  end
$$;

-- The date of these parts, null where the calendar has none.
create function datacube.date_of(year int, month int, day int) returns date
language sql immutable parallel safe as $$
  select case
    when year between 1 and 9999 and month between 1 and 12 and day between 1 and 31
      and day <= extract(day from make_date(year, month, 1) + interval '1 month - 1 day')
    then make_date(year, month, day)
  end
$$;

-- The first date of a cell. Day before month, as the British write it; month first only where that alone is possible.
create function datacube.parsed_date(value text) returns date
language sql immutable parallel safe as $$
  select case
    when iso is not null then datacube.date_of(iso[1]::int, iso[2]::int, iso[3]::int)
    when local is not null then coalesce(
      datacube.date_of(local[3]::int, local[2]::int, local[1]::int),
      datacube.date_of(local[3]::int, local[1]::int, local[2]::int))
  end
  from (select datacube.unwrapped(value, '{date,value,text,display_value}') as plain) as cell
  cross join lateral (
    select regexp_match(plain, '^\s*(\d{4})-(\d{1,2})-(\d{1,2})(?!\d)') as iso,
      regexp_match(plain, '^\s*(\d{1,2})/(\d{1,2})/(\d{4})(?!\d)') as local
  ) as found
$$;

-- As with numbers: an ISO date that the calendar surely has is taken as it stands.
create function datacube.to_date(value text) returns date
language sql immutable parallel safe as $$
  select case
    when value is null or value = '' then null
    when value ~ '^[12]\d{3}-((0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)$'
      then make_date(left(value, 4)::int, substr(value, 6, 2)::int, substr(value, 9, 2)::int)
    else datacube.parsed_date(value)
  end
$$;

-- The parts of a comma-joined text, each once, in order; a text without repetition stays as it is.
create function datacube.joined_parts(value text) returns text
language sql immutable parallel safe as $$
  select case when count(*) = sum(times) then btrim(value) else string_agg(part, ', ' order by place) end
  from (
    select btrim(part) as part, min(place) as place, count(*) as times
    from unnest(string_to_array(value, ',')) with ordinality as p (part, place)
    where btrim(part) <> '' group by btrim(part)
  ) as parts
$$;

create function datacube.distinct_parts(value text) returns text
language sql immutable parallel safe as $$
  select case when value like '%,%' then datacube.joined_parts(value) else datacube.filled(value) end
$$;

-- Band names are keys elsewhere: reports and the rating use these very texts.
create function datacube.value_band(value numeric) returns text
language sql immutable parallel safe as $$
  select case
    when value is null or value <= 0 then 'Zero'
    when value <= 15000 then 'Small (<15k)'
    when value <= 40000 then 'Medium (15-40k)'
    when value <= 100000 then 'Large (40-100k)'
    else 'XLarge (>100k)'
  end
$$;

-- A product's family. Of several products the first that is known decides; '' where there is none.
create function datacube.product_key(product_type text) returns text
language sql immutable parallel safe as $$
  select case when datacube.filled(product_type) is null then '' else coalesce((
    select rule.key
    from unnest(string_to_array(regexp_replace(regexp_replace(regexp_replace(
      lower(product_type), '\s*([/-])\s*', '\1', 'g'), '\s*\(\s*', ' (', 'g'), '\s+', ' ', 'g'), ','))
      with ordinality as token (text, place)
    join (values
      (1, '^(pir_tissue|pir_foil|pir_torchon|pir_prebonded|eps_standard|eps_inverted|eps_pir_composite|xps|vips|hardrock|rockdeck|t3_system)$', null),
      (2, '^eps/pir', 'eps_pir_composite'),
      (3, '\mpir\M.*\(\+? ?prebonded ?\)', 'pir_prebonded'),
      (4, '^torch[ -]?on\M', 'pir_torchon'),
      (5, '^(tissue|tf)( faced)?( pir)?$', 'pir_tissue'),
      (6, '^(foil( faced)?( pir)?$|enertherm)', 'pir_foil'),
      (7, '^(inverted eps|eps (200|300) ?e)\M', 'eps_inverted'),
      (8, '^eps( 100| 150| 100/150)?$', 'eps_standard'),
      (9, '^vip', 'vips'),
      (10, '^(rockwool )?hardrock( multi-fix)?\M', 'hardrock'),
      (11, '^rockdeck', 'rockdeck'),
      (12, '^t3\+', 't3_system')
    ) as pattern (rank, matches, key) on btrim(token.text) ~ pattern.matches
    cross join lateral (select coalesce(pattern.key, btrim(token.text)) as key) as rule
    order by token.place, pattern.rank limit 1
  ), 'unknown') end
$$;

-- Categories under the names that people also give them.
create function datacube.category_key(category text) returns text
language sql immutable parallel safe as $$
  select case lower(regexp_replace(btrim(category), '[\s-]+', ' ', 'g'))
    when 'healthcare' then 'Health'
    when 'health care' then 'Health'
    when 'data center' then 'Datacentre'
    when 'data centre' then 'Datacentre'
    when 'datacenter' then 'Datacentre'
    else btrim(category)
  end
$$;

-- The price of a quotation. Computed here where all that it is made of is known, so that it is right at once and
-- never older than its parts; else what the vendor's formula showed when it was last read, which may be some time ago.
create function datacube.quote_amount(
  material numeric, transport numeric, tp numeric, distributor numeric, commission numeric, vendor numeric
) returns numeric
language sql immutable parallel safe as $$
  select coalesce(round((material + transport) / nullif(1 - (tp + distributor + commission) / 100, 0), 2), vendor)
$$;

-- Away from zero to two places, as the boards round.
create function datacube.round_up(value numeric) returns numeric
language sql immutable parallel safe as $$
  select round(sign(value) * ceil(abs(value) * 100) / 100, 2)
$$;

-- Stages that count as won: one setting decides, for every report.
create function datacube.won_stages() returns text[]
language sql stable parallel safe as $$
  select coalesce(
    (select array(select jsonb_array_elements_text(value)) from lockstep.settings
     where key = 'datacube.won_stages' and jsonb_typeof(value) = 'array'),
    array['Won - Closed (Invoiced)', 'Won - Open (Order Received)', 'Won Via Other Ref'])
$$;

create function datacube.status_category(stage text, won text[]) returns text
language sql immutable parallel safe as $$
  select case when stage = any (won) then 'Won' when stage = 'Lost' then 'Lost' else 'Open' end
$$;

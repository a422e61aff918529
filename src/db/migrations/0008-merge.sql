-- What wins is decided outside of SQL, by the stamps that it is shown.
drop function lockstep.outranks(text, jsonb, text, jsonb);
drop function lockstep.merge_stamps(text, jsonb, text, jsonb);
drop function lockstep.merge_extra(jsonb, text, jsonb, jsonb, text, jsonb);

-- These keys of an object.
create function lockstep.pick(object jsonb, keys text[]) returns jsonb
language sql immutable parallel safe as $$
  select coalesce(jsonb_object_agg(e.key, e.value), '{}') from jsonb_each(object) as e where e.key = any (keys)
$$;

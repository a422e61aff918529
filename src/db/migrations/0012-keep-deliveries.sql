-- How the inbox takes deliveries in. As a function its plan is made once a connection, not once a batch, and that through
-- poolers too, where prepared statements are not to be had.

-- Each event once, and to the queue when it is new. `counts` says how many deliveries brought it: an event that is there
-- counts them; with 0, read from the vendor's own record, it is left as it is and not returned.
create function lockstep.keep_deliveries(
  apps text[], keys text[], types text[], streams text[], entities text[], ips text[], header_sets text[],
  bodies bytea[], plains text[], counts text[], vias text[]
) returns table (id bigint, app text, dedupe_key text, fresh boolean)
language plpgsql as $$
#variable_conflict use_column
begin
  return query
  with kept as (
    insert into lockstep.inbox_events as i
      (app, dedupe_key, event_type, stream, entity, client_ip, headers, body, plain, deliveries, via)
    select d.app, d.key, d.type, d.stream, d.entity, d.ip, d.headers::json, d.body, d.plain::boolean, d.n::integer, d.via
    from unnest(apps, keys, types, streams, entities, ips, header_sets, bodies, plains, counts, vias)
      as d (app, key, type, stream, entity, ip, headers, body, plain, n, via)
    on conflict (app, dedupe_key) do update
      set deliveries = i.deliveries + excluded.deliveries, last_delivery_at = clock_timestamp()
      where excluded.deliveries > 0
    returning i.id, i.app, i.dedupe_key, i.xmax = 0 as fresh, octet_length(i.body) as bytes
  ), queued as (
    insert into lockstep.inbox_queue (app, id, bytes) select k.app, k.id, k.bytes from kept as k where k.fresh
  )
  select k.id, k.app, k.dedupe_key, k.fresh from kept as k;
end
$$;

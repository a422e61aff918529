-- The inbox in three: events as they came, which are written once; a narrow queue of those that wait; what became of
-- the others. An event of some kilobytes is so never written again only because it was processed, and neither taking
-- in nor processing slows down as the inbox grows.

-- Views of the apps, and of the engine, go by the name `lockstep.inbox`, which stays: they are made again as they were.
create temporary table inbox_views on commit drop as
with recursive dependent as (
  select r.ev_class as view, 1 as depth
  from pg_depend as d join pg_rewrite as r on r.oid = d.objid
  where d.classid = 'pg_rewrite'::regclass and d.refobjid = 'lockstep.inbox'::regclass
  union
  select r.ev_class, p.depth + 1
  from dependent as p
  join pg_depend as d on d.refobjid = p.view and d.classid = 'pg_rewrite'::regclass
  join pg_rewrite as r on r.oid = d.objid and r.ev_class <> p.view
)
select n.nspname, c.relname, c.reloptions, c.relacl, max(p.depth) as depth,
  pg_get_viewdef(c.oid) as definition
from dependent as p join pg_class as c on c.oid = p.view join pg_namespace as n on n.oid = c.relnamespace
group by c.oid, n.nspname, c.relname, c.reloptions, c.relacl;

do $$
declare
  v record;
begin
  for v in select * from inbox_views order by depth desc loop
    execute format('drop view %I.%I', v.nspname, v.relname);
  end loop;
end $$;

alter table lockstep.inbox rename to inbox_events;
drop index lockstep.inbox_pending, lockstep.inbox_dead;

create table lockstep.inbox_queue (
  app text not null,
  id bigint not null,
  attempts integer not null default 0,
  next_attempt_at timestamptz not null default '-infinity',
  -- Why it failed the last time.
  error text,
  primary key (app, id)
);
-- A queue is mostly dead rows: cheap to clear away, dear to leave.
alter table lockstep.inbox_queue set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
  autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 50000);

create table lockstep.inbox_outcomes (
  id bigint primary key,
  app text not null,
  status text not null check (status in ('processed', 'dead')),
  outcome text,
  error text,
  attempts integer not null,
  processed_at timestamptz not null default clock_timestamp(),
  processing_ms integer
);
create index inbox_dead on lockstep.inbox_outcomes (app, id) where status = 'dead';

insert into lockstep.inbox_queue (app, id, attempts, next_attempt_at, error)
select app, id, attempts, next_attempt_at, error from lockstep.inbox_events where status = 'pending';
insert into lockstep.inbox_outcomes (id, app, status, outcome, error, attempts, processed_at, processing_ms)
select id, app, status, outcome, error, attempts, coalesce(processed_at, received_at), processing_ms
from lockstep.inbox_events where status <> 'pending';

alter table lockstep.inbox_events
  drop column status, drop column outcome, drop column attempts, drop column next_attempt_at,
  drop column processed_at, drop column processing_ms, drop column error, drop column payload;
-- Kept to be read by people: checked once, not taken apart.
alter table lockstep.inbox_events alter column headers type json;
-- Most bodies fit a page; to compress them, or to put them aside, costs more than the rest of the insert.
alter table lockstep.inbox_events alter column body set storage external;
alter table lockstep.inbox_events set (toast_tuple_target = 8160);

-- A body as jsonb; null where it is none, or holds what jsonb cannot (\u0000): one event must not break a view.
create function lockstep.body_json(body bytea) returns jsonb
language plpgsql immutable as $$
begin
  return convert_from(body, 'UTF8')::jsonb;
exception when others then
  return null;
end $$;

-- The whole of an event, for people and for views. Read with its owner's rights: what is granted is this view.
create view lockstep.inbox as
select e.id, e.app, e.dedupe_key, e.event_type, e.stream, e.entity, e.received_at,
  case when q.id is not null then 'pending' else o.status end as status,
  o.outcome, coalesce(q.attempts, o.attempts) as attempts, q.next_attempt_at, o.processed_at, o.processing_ms,
  coalesce(q.error, o.error) as error, e.deliveries, e.last_delivery_at, e.client_ip, e.headers, e.body,
  lockstep.body_json(e.body) as payload, e.via
from lockstep.inbox_events as e
left join lockstep.inbox_queue as q on q.app = e.app and q.id = e.id
left join lockstep.inbox_outcomes as o on o.id = e.id;

do $$
declare
  v record;
  a record;
begin
  for v in select * from inbox_views order by depth loop
    execute format('create view %I.%I %s as %s', v.nspname, v.relname,
      case when v.reloptions is null then '' else 'with (' || array_to_string(v.reloptions, ', ') || ')' end,
      v.definition);
    for a in select x.privilege_type, x.grantee from aclexplode(v.relacl) as x
      join pg_roles as r on r.oid = x.grantee where x.grantee <> x.grantor loop
      execute format('grant %s on %I.%I to %I', a.privilege_type, v.nspname, v.relname, a.grantee::regrole::text);
    end loop;
  end loop;
end $$;

-- Events that are learnt by another way than a webhook: read from the vendor's own record of them.

-- How an event came first. A later delivery of the same event is counted in `deliveries` all the same.
alter table lockstep.inbox
  add column via text not null default 'webhook' check (via in ('webhook', 'log'));

-- How far a vendor's record of its events was read.
create table lockstep.event_log_marks (
  app text not null,
  scope text not null,
  -- Every event up to here is in the inbox, on the vendor's clock.
  read_until timestamptz not null,
  checked_at timestamptz not null,
  -- Of events older than a delivery may take: those looked at, and those of them that no webhook had brought.
  found bigint not null default 0,
  missed bigint not null default 0,
  last_missed_at timestamptz,
  primary key (app, scope)
);

create view lockstep.event_log_scopes with (security_invoker = true) as
select m.app, m.scope, m.read_until, m.checked_at, m.found, m.missed, m.last_missed_at,
  coalesce(w.healthy, true) as healthy, w.unhealthy_since
from lockstep.event_log_marks as m
left join lockstep.webhook_watch as w on w.app = m.app and w.stream = m.scope;

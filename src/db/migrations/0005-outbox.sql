-- Messages to people, kept until they are delivered: written in the transaction of what they tell of, sent afterwards.
create table lockstep.notifications (
  id bigint generated always as identity primary key,
  app text not null,
  -- Who should read it, as a word (alerts, summary, leads); where that is, the configuration says.
  purpose text not null,
  -- What may be told only once. Kept when the body is let go.
  dedupe_key text,
  body jsonb,
  created_at timestamptz not null default clock_timestamp(),
  -- Not before this; with the id also the order in which a hook's messages go.
  send_after timestamptz not null default clock_timestamp(),
  -- Begun, that is: a try whose end nobody learnt counts too.
  attempts integer not null default 0,
  next_attempt_at timestamptz not null default '-infinity',
  claimed_until timestamptz not null default '-infinity',
  -- Skipped: its purpose had no hook when its turn came.
  status text not null default 'pending' check (status in ('pending', 'sent', 'dead', 'skipped')),
  sent_at timestamptz,
  -- A process: what it sent itself it need not wait for, its hook keeps the pace.
  sent_by text,
  dead_at timestamptz,
  error text,
  check (status <> 'pending' or body is not null)
);
create unique index notifications_once on lockstep.notifications (app, purpose, dedupe_key);
create index notifications_pending on lockstep.notifications (purpose, send_after, id) where status = 'pending';
create index notifications_sent on lockstep.notifications (purpose, sent_at) where sent_at is not null;
create index notifications_recent on lockstep.notifications (created_at);

alter table lockstep.alerts
  -- Under which purpose people are told of it; null for nobody.
  add column purpose text default 'alerts',
  -- How often it was over only for so short a while that nobody was told.
  add column returns integer not null default 0;
create index alerts_latest on lockstep.alerts (app, stream, condition, id desc);

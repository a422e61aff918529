-- What verifications found: one row a pass over a stream. `missing`, `extra` and `different` are rows whose
-- difference was confirmed; `repaired` of them were mended by the same pass. `unsettled` rows differed while events
-- or requests for them still waited, so nothing is known of them.
create table lockstep.drift (
  run_id uuid primary key references lockstep.runs (id) on delete cascade,
  app text not null,
  stream text not null,
  table_name text not null,
  verified_at timestamptz not null default clock_timestamp(),
  status text not null check (status in ('running', 'completed', 'partial', 'failed')),
  rows bigint not null,
  cells bigint not null,
  missing bigint not null,
  extra bigint not null,
  different bigint not null,
  repaired bigint not null,
  unsettled bigint not null,
  -- Drift was over the tolerance, and a full pass was started because of it.
  reconciled boolean not null default false,
  examples jsonb not null default '[]'
);
create index drift_latest on lockstep.drift (app, stream, verified_at desc);

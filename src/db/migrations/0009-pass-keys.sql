-- The keys that a pass met, a page a row: an index entry for each key would cost as much as the row itself.
alter table lockstep.pass_keys rename to pass_keys_before;
create table lockstep.pass_keys (
  run_id uuid not null references lockstep.runs (id) on delete cascade,
  keys text[] not null
);
create index pass_keys_run on lockstep.pass_keys (run_id);
insert into lockstep.pass_keys (run_id, keys)
select run_id, array_agg(key) from lockstep.pass_keys_before group by run_id;
drop table lockstep.pass_keys_before;

import type { Mutation } from '../kind.ts'

/** Counts an event again whenever it is delivered again, and where its count is kept. */
const PER_DELIVERY = `
create schema chaos_bug;
create function chaos_bug.count_again() returns trigger language plpgsql as $$
begin
  update public.email_events set amount = amount + 1 where event_key = substr(new.dedupe_key, 4);
  update public.email_daily_counts as c set count = c.count + 1 from public.email_events as e
    where e.event_key = substr(new.dedupe_key, 4)
      and (c.scope, c.business_date, c.event_type) = (e.scope, e.business_date, e.event_type);
  return null;
end $$;
create trigger chaos_bug after update on lockstep.inbox_events for each row
  when (new.deliveries > old.deliveries and old.deliveries > 0) execute function chaos_bug.count_again()`

export const mutations: Readonly<Record<string, Mutation>> = {
  'count-per-delivery': { sql: PER_DELIVERY },
  /** What webhooks lose stays lost. */
  'no-gap-filling': { noEventLog: true },
  /** The last that moves a lead decides, machine or not. */
  'machine-decides': {
    replaces: ['portal.shown_stage(text, timestamptz, text, timestamptz)'],
    sql: `create or replace function portal.shown_stage(machine text, machine_at timestamptz, human text, human_at timestamptz)
      returns text language sql immutable parallel safe as $$
        select case when human is null or machine_at > human_at then machine else human end
      $$`,
  },
  /** Days end at midnight in Greenwich. */
  'utc-days': {
    replaces: ['public.business_date(timestamptz)'],
    sql: `create or replace function public.business_date(moment timestamptz default now()) returns date
      language sql stable as $$ select (moment at time zone 'UTC')::date $$`,
  },
  /** Each mark of interest counts, also a lead's second. */
  'marks-count-each': {
    replaces: ['portal.count_interest(text[], text[])'],
    sql: `create or replace function portal.count_interest(p_scopes text[], p_persons text[])
      returns table (scope text, day date) language sql as $$ select null::text, null::date where false $$`,
  },
}

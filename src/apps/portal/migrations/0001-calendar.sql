-- The agency's calendar. Every day and month of this app is one of its business days, in one time zone, which the one
-- row of portal.settings names. Ranges are half-open: a month ends where the next begins, to the microsecond.

create schema portal;

create table portal.settings (
  one_row boolean primary key default true check (one_row),
  time_zone text not null default 'America/Chicago',
  updated_at timestamptz not null default clock_timestamp()
);
insert into portal.settings default values;

create function portal.time_zone() returns text language sql stable as $$
  select time_zone from portal.settings
$$;

-- The business day that a moment lies in.
create function public.business_date(moment timestamptz default now()) returns date language sql stable as $$
  select (moment at time zone portal.time_zone())::date
$$;

-- The moment at which a business day begins. Days are 23 or 25 hours long where the clocks are changed.
create function public.business_day_start(day date) returns timestamptz language sql stable as $$
  select day::timestamp at time zone portal.time_zone()
$$;

create function public.day_range(day date) returns tstzrange language sql stable as $$
  select tstzrange(public.business_day_start(day), public.business_day_start(day + 1), '[)')
$$;

create function portal.month_start(day date) returns date language sql immutable parallel safe as $$
  select date_trunc('month', day::timestamp)::date
$$;

create function portal.next_month(day date) returns date language sql immutable parallel safe as $$
  select (date_trunc('month', day::timestamp) + interval '1 month')::date
$$;

create function portal.days_in_month(day date) returns integer language sql immutable parallel safe as $$
  select portal.next_month(day) - portal.month_start(day)
$$;

-- The moments of the business month that a day lies in.
create function public.month_range(day date) returns tstzrange language sql stable as $$
  select tstzrange(
    public.business_day_start(portal.month_start(day)), public.business_day_start(portal.next_month(day)), '[)')
$$;

-- A figure that may be any size, in the range that a percentage is shown in. Nothing measured is null, not 0.
create function portal.percent(part numeric, whole numeric) returns numeric language sql immutable parallel safe as $$
  select case when whole > 0 then round(greatest(-999999.99, least(999999.99, part * 100 / whole)), 2) end
$$;

-- The figures of the dashboards. All counting is done here: nothing is cut at a page. Percentages are in percent. Leads
-- are counted from client_leads by the moment of their first interest, deleted ones not; mails from the ledger.

-- How far a month is gone at a moment: today counts whole, weekends count like any day. A month that is over is gone
-- altogether, one that has not begun has no days.
create function portal.month_span(month date, as_of timestamptz) returns table (
  first_day date, last_day date, elapsed integer, days integer, is_over boolean
) language sql stable as $$
  select f, case when over then portal.next_month(month) - 1 else greatest(today, f - 1) end,
    case when over then portal.days_in_month(month) else greatest(today - f + 1, 0) end,
    portal.days_in_month(month), over
  from (
    select portal.month_start(month) as f, public.business_date(as_of) as today,
      public.business_date(as_of) >= portal.next_month(month) as over
  ) as m
$$;

-- Leads by workspace and business day of their first interest, up to a moment.
create function portal.leads_by_day(first_day date, last_day date, as_of timestamptz) returns table (
  scope text, day date, leads bigint
) language sql stable as $$
  select l.scope, public.business_date(l.interested_at), count(*)
  from public.client_leads as l
  where l.interested and l.deleted_at is null and l.interested_at <= as_of
    and l.interested_at >= public.business_day_start(first_day)
    and l.interested_at < public.business_day_start(last_day + 1)
  group by 1, 2
$$;

create function portal.mails_by_day(first_day date, last_day date) returns table (
  scope text, day date, sent integer, replied integer, interested integer, opened integer, bounced integer,
  unsubscribed integer
) language sql stable as $$
  select c.scope, c.business_date,
    coalesce(sum(c.count) filter (where c.event_type = 'email_sent'), 0)::integer,
    coalesce(sum(c.count) filter (where c.event_type = 'lead_replied'), 0)::integer,
    coalesce(sum(c.count) filter (where c.event_type = 'lead_interested'), 0)::integer,
    coalesce(sum(c.count) filter (where c.event_type = 'email_opened'), 0)::integer,
    coalesce(sum(c.count) filter (where c.event_type = 'email_bounced'), 0)::integer,
    coalesce(sum(c.count) filter (where c.event_type = 'lead_unsubscribed'), 0)::integer
  from public.email_daily_counts as c
  where c.business_date between first_day and last_day
  group by 1, 2
$$;

-- Mails sent in a month up to a day: ours where events were told of the whole month, else the vendor's, else ours, which
-- then is short. The vendor's is the sum of its days where all of them were read, since those are read again when they
-- change, else its last month to date. `source` says which; both are there to compare.
create function portal.sent_in_month(first_day date, last_day date) returns table (
  scope text, sent integer, source text, ledger integer, vendor integer, vendor_read_at timestamptz
) language sql stable as $$
  select s.scope, case when k.use_vendor then k.vendor else coalesce(m.sent, 0) end,
    case when k.use_vendor then 'vendor' else 'ledger' end, coalesce(m.sent, 0), k.vendor,
    case when d.sent is null then v.polled_at else d.polled_at end
  from portal.scopes as s
  left join (
    select scope, sum(sent)::integer as sent from portal.mails_by_day(first_day, last_day) group by scope
  ) as m on m.scope = s.scope
  left join (
    select scope, sum(emails_sent)::integer as sent, max(polled_at) as polled_at from public.vendor_metrics
    where period = 'day' and metric_date between first_day and last_day and emails_sent is not null
    group by scope having count(*) = last_day - first_day + 1
  ) as d on d.scope = s.scope
  left join lateral (
    select emails_sent, polled_at from public.vendor_metrics as v
    where v.scope = s.scope and v.period = 'mtd' and v.metric_date between first_day and last_day
      and v.emails_sent is not null
    order by v.metric_date desc limit 1
  ) as v on true
  cross join lateral (
    select coalesce(d.sent, v.emails_sent) as vendor, coalesce(d.sent, v.emails_sent) is not null
      and coalesce(s.ledger_since, 'infinity') > public.business_day_start(first_day) as use_vendor
  ) as k
$$;

-- One row a client of the KPI page.
create function public.portal_kpis(month date default public.business_date(), as_of timestamptz default now())
returns table (
  scope text, workspace_name text, days_elapsed integer, days_in_month integer,
  leads integer, lead_target integer, lead_progress numeric, projected_leads integer, projected_progress numeric,
  leads_last_7_days integer, leads_last_14_days integer, leads_last_30_days integer, week_over_week numeric,
  leads_last_month integer, versus_last_month numeric, client_status text, color text,
  emails_sent integer, emails_sent_source text, emails_sent_ledger integer, emails_sent_vendor integer,
  emails_sent_drift integer, replies integer, reply_rate numeric, reply_rate_status text, interested_rate numeric,
  opens integer, bounced integer, unsubscribed integer
) language sql stable as $$
  with span as (select * from portal.month_span(month, as_of)),
  lead as (
    select d.scope,
      coalesce(sum(d.leads) filter (where d.day >= s.first_day), 0)::integer as mtd,
      coalesce(sum(d.leads) filter (where d.day > s.last_day - 7), 0)::integer as week,
      coalesce(sum(d.leads) filter (where d.day > s.last_day - 14), 0)::integer as fortnight,
      coalesce(sum(d.leads) filter (where d.day > s.last_day - 30), 0)::integer as thirty,
      coalesce(sum(d.leads) filter (where d.day < s.first_day and d.day >= portal.month_start(s.first_day - 1)), 0)::integer
        as last_month
    from span as s
    cross join lateral portal.leads_by_day(
      least(portal.month_start(s.first_day - 1), s.last_day - 29), s.last_day, as_of) as d
    group by d.scope
  ),
  mail as (
    select d.scope, sum(d.replied)::integer as replied, sum(d.interested)::integer as interested,
      sum(d.opened)::integer as opened, sum(d.bounced)::integer as bounced, sum(d.unsubscribed)::integer as unsubscribed
    from span as s cross join lateral portal.mails_by_day(s.first_day, s.last_day) as d group by d.scope
  ),
  figures as (
    select r.scope, r.workspace_name, s.elapsed, s.days, r.monthly_kpi_target as target,
      coalesce(l.mtd, 0) as mtd, coalesce(l.week, 0) as week, coalesce(l.fortnight, 0) as fortnight,
      coalesce(l.thirty, 0) as thirty, coalesce(l.last_month, 0) as last_month,
      -- At the pace so far, to the end of the month.
      round(coalesce(l.mtd, 0)::numeric * s.days / nullif(s.elapsed, 0))::integer as projected,
      t.sent, t.source, t.ledger, t.vendor, coalesce(m.replied, 0) as replied, coalesce(m.interested, 0) as interested,
      coalesce(m.opened, 0) as opened, coalesce(m.bounced, 0) as bounced, coalesce(m.unsubscribed, 0) as unsubscribed,
      -- Replies of mails sent, percent; nothing sent, nothing measured.
      portal.percent(coalesce(m.replied, 0), t.sent) as rate
    from span as s
    cross join public.client_registry as r
    join portal.sent_in_month(s.first_day, s.last_day) as t on t.scope = r.scope
    left join lead as l on l.scope = r.scope
    left join mail as m on m.scope = r.scope
    where r.is_active and r.kpi_dashboard_enabled
  )
  select scope, workspace_name, elapsed, days, mtd, target,
    portal.percent(mtd, target), projected, portal.percent(projected, target),
    week, fortnight, thirty, portal.week_over_week(week, fortnight),
    -- The month so far with the whole of the last one.
    last_month, portal.percent(mtd - last_month, last_month),
    case when target = 0 then null when mtd >= target then 'above' when projected >= target then 'ontrack' else 'below' end,
    case when target = 0 then null when mtd >= target then 'green' when mtd >= 0.8 * target then 'amber' else 'red' end,
    sent, source, ledger, vendor, ledger - vendor,
    replied, rate, case when rate >= 0.3 then 'good' when rate >= 0.2 then 'warning' when rate is not null then 'critical' end,
    portal.percent(interested, replied), opened, bounced, unsubscribed
  from figures
  order by workspace_name
$$;

-- What cannot be right, or needs a person: figures by workspace that a dashboard should not show unmarked.
create function public.portal_warnings(as_of timestamptz default now()) returns table (
  workspace_name text, warning text, value numeric
) language sql stable as $$
  select k.workspace_name, w.warning, w.value
  from public.portal_kpis(public.business_date(as_of), as_of) as k
  left join public.client_metrics as m on m.scope = k.scope and m.metric_date = public.business_date(as_of)
    and m.metric_type = 'mtd'
  cross join lateral (
    select coalesce(sum(d.sent), 0) as sent, portal.percent(sum(d.replied), sum(d.sent)) as rate
    from portal.mails_by_day(public.business_date(as_of), public.business_date(as_of)) as d where d.scope = k.scope
  ) as t
  cross join lateral (values
    ('progress over 1000 %', k.lead_progress, k.lead_progress > 1000),
    ('no target', 0, k.lead_target = 0),
    ('more this month than in the last 30 days', m.emails_sent_mtd, m.emails_sent_mtd > m.emails_sent_last_30_days
      and extract(day from m.metric_date) <= 30),
    ('over a million mails this month', k.emails_sent, k.emails_sent > 1000000),
    ('over 100,000 mails scheduled for a day', greatest(m.emails_scheduled_today, m.emails_scheduled_tomorrow),
      greatest(m.emails_scheduled_today, m.emails_scheduled_tomorrow) > 100000),
    ('a negative count', least(m.emails_sent_mtd, m.all_replies_mtd, m.opens_mtd, m.bounced_mtd, m.unsubscribed_mtd,
      m.positive_replies_mtd), least(m.emails_sent_mtd, m.all_replies_mtd, m.opens_mtd, m.bounced_mtd,
      m.unsubscribed_mtd, m.positive_replies_mtd) < 0),
    -- Replies of the day's mails under 0.3 %, where over a hundred were sent.
    ('few replies today', t.rate, t.sent > 100 and t.rate < 0.3)
  ) as w (warning, value, holds)
  where w.holds
  order by 1, 2
$$;

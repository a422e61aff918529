-- Volume, the daily recap, revenue, and what mailboxes can do.

-- One row a client of the volume page, in the order of the page: those on pace, best first; those near their target,
-- then those behind, worst first; those who sent nothing last.
create function public.portal_volume(month date default public.business_date(), as_of timestamptz default now())
returns table (
  place bigint, scope text, workspace_name text, emails_sent integer, emails_sent_source text, sending_target integer,
  progress numeric, daily_quota numeric, expected_by_now numeric, is_on_track boolean, projected_emails integer,
  projected_progress numeric, category text, scheduled_today integer, scheduled_tomorrow integer, daily_goal integer
) language sql stable as $$
  with span as (select * from portal.month_span(month, as_of)),
  figures as (
    select r.scope, r.workspace_name, t.sent, t.source, r.monthly_sending_target as target, s.elapsed,
      r.monthly_sending_target::numeric / s.days as quota,
      round(t.sent::numeric * s.days / nullif(s.elapsed, 0))::integer as projected,
      v.emails_scheduled_today, v.emails_scheduled_tomorrow,
      -- What somebody set for a day, else a thirtieth of the month's target.
      coalesce(nullif(r.daily_sending_target, 0), round(r.monthly_sending_target / 30.0))::integer as goal
    from span as s
    cross join public.client_registry as r
    join portal.sent_in_month(s.first_day, s.last_day) as t on t.scope = r.scope
    left join public.vendor_metrics as v on v.scope = r.scope and v.metric_date = s.last_day and v.period = 'mtd'
    where r.is_active and r.volume_dashboard_enabled
  ),
  judged as (
    select f.*, portal.percent(projected, target) as pace from figures as f
  )
  select row_number() over (order by sent = 0, case c.category when 'On Pace' then 0 when 'Near Target' then 1 when 'Behind' then 2 else 3 end,
      case when c.category = 'On Pace' then -pace else pace end, workspace_name),
    scope, workspace_name, sent, source, target, portal.percent(sent, target), round(quota, 2), round(quota * elapsed, 2),
    sent >= quota * elapsed, projected, pace, c.category, emails_scheduled_today, emails_scheduled_tomorrow, goal
  from judged
  cross join lateral (
    select case when target = 0 then null when pace >= 100 then 'On Pace' when pace >= 80 then 'Near Target' else 'Behind' end
      as category
  ) as c
  order by 1
$$;

-- Today's and tomorrow's schedules of all clients against their goals. Scheduled is not sent, and may exceed it.
-- `clients_unread` are those whose schedule nobody could read: their part is missing, not zero.
create function public.portal_volume_banner(as_of timestamptz default now()) returns table (
  scheduled_today bigint, daily_goal bigint, today_progress numeric, status text, scheduled_tomorrow bigint,
  tomorrow_change numeric, tomorrow_trend text, clients bigint, clients_unread bigint
) language sql stable as $$
  select today, goal, progress,
    case when progress >= 90 then 'On Target' when progress >= 70 then 'Below Target' when progress is not null then 'Critical' end,
    tomorrow, change, case when change > 5 then 'up' when change < -5 then 'down' when change is not null then 'flat' end,
    clients, unread
  from (
    select sum(scheduled_today) as today, sum(daily_goal) filter (where scheduled_today is not null) as goal,
      portal.percent(sum(scheduled_today), sum(daily_goal) filter (where scheduled_today is not null)) as progress,
      sum(scheduled_tomorrow) as tomorrow,
      portal.percent(sum(scheduled_tomorrow) - sum(scheduled_today), sum(scheduled_today)) as change,
      count(*) as clients, count(*) filter (where scheduled_today is null) as unread
    from public.portal_volume(public.business_date(as_of), as_of)
  ) as v
$$;

-- What one day brought. Mails: ours where events were told of that day; else the vendor's figure of the day; else the
-- difference of its months to date since the last earlier reading of the same month, named in `since`, if that is at
-- most 14 days old; else unknown. The base of a month's first day is 0.
create function public.portal_daily_recap(of_day date default public.business_date() - 1) returns table (
  workspace_name text, billing_type text, emails_sent integer, emails_sent_source text, since date, leads integer,
  revenue numeric
) language sql stable as $$
  select r.workspace_name, r.billing_type,
    case k.source when 'ledger' then coalesce(m.sent, 0) when 'vendor' then v.emails_sent
      when 'difference' then greatest(n.emails_sent - coalesce(b.emails_sent, 0), 0) end,
    k.source, case when k.source = 'difference' then coalesce(b.metric_date, portal.month_start(of_day) - 1) end,
    coalesce(l.leads, 0)::integer,
    case r.billing_type when 'per_lead' then coalesce(l.leads, 0) * r.price_per_lead else 0 end
  from public.client_registry as r
  join portal.scopes as s on s.scope = r.scope
  left join portal.mails_by_day(of_day, of_day) as m on m.scope = r.scope
  left join portal.leads_by_day(of_day, of_day, 'infinity') as l on l.scope = r.scope
  left join public.vendor_metrics as v on v.scope = r.scope and v.metric_date = of_day and v.period = 'day'
  left join public.vendor_metrics as n on n.scope = r.scope and n.metric_date = of_day and n.period = 'mtd'
  left join lateral (
    select emails_sent, metric_date from public.vendor_metrics as o
    where o.scope = r.scope and o.period = 'mtd' and o.metric_date >= portal.month_start(of_day)
      and o.metric_date between of_day - 14 and of_day - 1 and o.emails_sent is not null
    order by o.metric_date desc limit 1
  ) as b on true
  cross join lateral (
    select case
      when s.ledger_since <= public.business_day_start(of_day) then 'ledger'
      when v.emails_sent is not null then 'vendor'
      when n.emails_sent is not null and (b.metric_date is not null or of_day = portal.month_start(of_day)) then 'difference'
    end as source
  ) as k
  where r.is_active
  order by 1
$$;

-- Revenue of a month by client: leads times price, or the retainer, whole from the first day. Costs are those that
-- somebody entered for the month, else the prices of the connected mailboxes; none are invented. `possible` is what the
-- target would bring.
create function public.portal_revenue(month date default public.business_date(), as_of timestamptz default now())
returns table (
  place bigint, workspace_name text, billing_type text, leads integer, lead_target integer, price_per_lead numeric,
  revenue numeric, possible numeric, gap numeric, costs numeric, costs_source text, profit numeric, margin numeric
) language sql stable as $$
  with span as (select * from portal.month_span(month, as_of)),
  figures as (
    select r.workspace_name, r.billing_type, coalesce(l.leads, 0)::integer as leads, r.monthly_kpi_target as target,
      r.price_per_lead as price,
      case r.billing_type when 'per_lead' then coalesce(l.leads, 0) * r.price_per_lead else r.retainer_amount end as revenue,
      case r.billing_type when 'per_lead' then r.monthly_kpi_target * r.price_per_lead else r.retainer_amount end as possible,
      coalesce(c.amount, b.price, 0) as costs, case when c.amount is null then 'mailboxes' else 'entered' end as costs_source
    from span as s
    cross join public.client_registry as r
    left join (
      select d.scope, sum(d.leads) as leads
      from span as s cross join lateral portal.leads_by_day(s.first_day, s.last_day, as_of) as d group by d.scope
    ) as l on l.scope = r.scope
    left join public.client_costs as c
      on c.workspace_name = r.workspace_name and c.month_year = to_char(s.first_day, 'YYYY-MM')
    left join (
      select workspace_name, sum(price) as price from public.sender_emails_cache
      where lower(status) = 'connected' group by workspace_name
    ) as b on b.workspace_name = r.workspace_name
    where r.is_active
  )
  select row_number() over (order by revenue desc, workspace_name), workspace_name, billing_type, leads, target, price,
    revenue, possible, possible - revenue, round(costs, 2), costs_source, round(revenue - costs, 2),
    portal.percent(revenue - costs, revenue)
  from figures
  order by 1
$$;

-- What the month may come to. Linear is the daily average so far to the end of the month; velocity weighs it with the
-- clients' average progress; conservative is no more than what is possible. The billable figures are of clients that
-- pay by the lead. No projection of a month that is over.
create function public.portal_revenue_forecast(month date default public.business_date(), as_of timestamptz default now())
returns table (
  revenue numeric, possible numeric, gap numeric, daily_average numeric, linear numeric, velocity numeric,
  conservative numeric, optimistic numeric, billable_revenue numeric, billable_conservative numeric,
  billable_optimistic numeric, average_progress numeric, confidence text
) language sql stable as $$
  with span as (select * from portal.month_span(month, as_of)),
  total as (
    select sum(revenue) as mtd, sum(possible) as possible,
      coalesce(sum(revenue) filter (where billing_type = 'per_lead'), 0) as lead_mtd,
      coalesce(sum(possible) filter (where billing_type = 'per_lead'), 0) as lead_possible,
      avg(portal.percent(leads, lead_target)) as progress
    from public.portal_revenue(month, as_of)
  ),
  paced as (
    select t.*, s.*, s.days - s.elapsed as remaining,
      case when not s.is_over then t.mtd / nullif(s.elapsed, 0) end as average,
      case when not s.is_over then t.lead_mtd / nullif(s.elapsed, 0) end as lead_average
    from total as t cross join span as s
  )
  select mtd, possible, possible - mtd, round(average, 2), round(average * days, 2),
    round(average * days * progress / 100, 2), case when not is_over then round(least(average * days, possible), 2) end, round(average * days * 1.1, 2),
    lead_mtd, case when not is_over then round(least(lead_mtd + lead_average * remaining, lead_possible), 2) end,
    case when not is_over then round(lead_mtd + lead_possible / days * remaining, 2) end, round(progress, 2),
    case when is_over then null when progress >= 80 then 'high' when progress >= 60 then 'medium' else 'low' end
  from paced
$$;

-- The month's billable leads by business day: clients that are active and pay by the lead.
create function public.get_daily_billable_revenue(month_year text default to_char(public.business_date(), 'YYYY-MM'))
returns table (day date, leads bigint, revenue numeric, running_revenue numeric) language sql stable as $$
  select d.day, sum(d.leads)::bigint, sum(d.leads * r.price_per_lead),
    sum(sum(d.leads * r.price_per_lead)) over (order by d.day)
  from (select to_date(month_year || '-01', 'YYYY-MM-DD') as first_day) as m
  cross join lateral portal.leads_by_day(m.first_day, portal.next_month(m.first_day) - 1, 'infinity') as d
  join public.client_registry as r on r.scope = d.scope
  where r.is_active and r.billing_type = 'per_lead'
  group by d.day
  order by d.day
$$;

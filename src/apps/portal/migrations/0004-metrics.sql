-- From counts by day to the row of each business day, and the ways in which people change either.

-- Which column each name of a metric means, and which events it counts.
create table portal.metric_names (
  metric text primary key,
  event_type text not null,
  column_name text not null
);
insert into portal.metric_names values
  ('emails_sent_mtd', 'email_sent', 'emails_sent_mtd'),
  ('opens_mtd', 'email_opened', 'opens_mtd'),
  ('replies_mtd', 'lead_replied', 'all_replies_mtd'),
  ('all_replies_mtd', 'lead_replied', 'all_replies_mtd'),
  ('interested_mtd', 'lead_interested', 'positive_replies_mtd'),
  ('positive_replies_mtd', 'lead_interested', 'positive_replies_mtd'),
  ('bounces_mtd', 'email_bounced', 'bounced_mtd'),
  ('bounced_mtd', 'email_bounced', 'bounced_mtd'),
  ('unsubscribes_mtd', 'lead_unsubscribed', 'unsubscribed_mtd'),
  ('unsubscribed_mtd', 'lead_unsubscribed', 'unsubscribed_mtd');

-- Seven days against the seven before, percent; `fortnight` is both. 0 where there is nothing to compare with.
create function portal.week_over_week(week numeric, fortnight numeric) returns numeric
language sql immutable parallel safe as $$
  select case when fortnight - week > 0
    then round(greatest(-999.99, least(999.99, (week - (fortnight - week)) * 100 / (fortnight - week))), 2) else 0 end
$$;

-- The figures of each of these days, from the counts of up to 62 days before it.
create function portal.metrics_of(p_scope text, p_day date) returns table (
  sent_today integer, sent_mtd integer, sent_7 integer, sent_14 integer, sent_30 integer,
  positive_mtd integer, positive_7 integer, positive_14 integer, positive_30 integer, positive_last_month integer,
  replies_mtd integer, opens_mtd integer, bounced_mtd integer, unsubscribed_mtd integer,
  told_at timestamptz, polled_at timestamptz, adjusted_at timestamptz
) language sql stable as $$
  select
    coalesce(sum(count) filter (where event_type = 'email_sent' and age = 0), 0)::integer,
    coalesce(sum(count) filter (where event_type = 'email_sent' and this_month), 0)::integer,
    coalesce(sum(count) filter (where event_type = 'email_sent' and age < 7), 0)::integer,
    coalesce(sum(count) filter (where event_type = 'email_sent' and age < 14), 0)::integer,
    coalesce(sum(count) filter (where event_type = 'email_sent' and age < 30), 0)::integer,
    coalesce(sum(count) filter (where event_type = 'lead_interested' and this_month), 0)::integer,
    coalesce(sum(count) filter (where event_type = 'lead_interested' and age < 7), 0)::integer,
    coalesce(sum(count) filter (where event_type = 'lead_interested' and age < 14), 0)::integer,
    coalesce(sum(count) filter (where event_type = 'lead_interested' and age < 30), 0)::integer,
    coalesce(sum(count) filter (where event_type = 'lead_interested' and last_month), 0)::integer,
    coalesce(sum(count) filter (where event_type = 'lead_replied' and this_month), 0)::integer,
    coalesce(sum(count) filter (where event_type = 'email_opened' and this_month), 0)::integer,
    coalesce(sum(count) filter (where event_type = 'email_bounced' and this_month), 0)::integer,
    coalesce(sum(count) filter (where event_type = 'lead_unsubscribed' and this_month), 0)::integer,
    max(told_at) filter (where this_month), max(polled_at) filter (where this_month),
    max(adjusted_at) filter (where this_month)
  from (
    select c.*, p_day - c.business_date as age, c.business_date >= portal.month_start(p_day) as this_month,
      c.business_date >= portal.month_start(portal.month_start(p_day) - 1)
        and c.business_date < portal.month_start(p_day) as last_month
    from public.email_daily_counts as c
    where c.scope = p_scope collate "C" and c.business_date <= p_day
      and c.business_date >= least(p_day - 29, portal.month_start(portal.month_start(p_day) - 1))
      and c.event_type in ('email_sent', 'lead_interested', 'lead_replied', 'email_opened', 'email_bounced', 'lead_unsubscribed')
  ) as counted
$$;

-- Writes the rows of these days, and of every later day that looks back at one of them: the rest of the month, thirty
-- days, and the next month for its "last month". A day without events has no row, but one that is opened (`p_open`).
create function portal.refresh_metrics(p_scopes text[], p_days date[], p_open boolean default false) returns void language sql as $$
  delete from public.client_metrics as m using unnest(p_scopes, p_days) as t (scope, day)
  where m.scope = t.scope collate "C" and m.metric_date = t.day and m.metric_type = 'mtd' and t.day <> public.business_date()
    and not exists (select from public.email_daily_counts as c where c.scope = m.scope and c.business_date = t.day)
    and not exists (select from public.vendor_metrics as v where v.scope = m.scope and v.metric_date = t.day);

  with touched as (
    select t.scope collate "C" as scope, min(t.day) as first_day, max(t.day) as last_day
    from unnest(p_scopes, p_days) as t (scope, day) group by t.scope
  ),
  days as (
    select m.scope, m.metric_date as day
    from touched as t
    join public.client_metrics as m on m.scope = t.scope and m.metric_type = 'mtd' and m.metric_date >= t.first_day
      and m.metric_date < greatest(t.last_day + 30, portal.next_month(portal.next_month(t.last_day)))
    union
    select d.scope collate "C", d.day
    from unnest(p_scopes, p_days) as d (scope, day)
    where p_open
      or exists (select from public.email_daily_counts as c where c.scope = d.scope collate "C" and c.business_date = d.day)
      or exists (select from public.vendor_metrics as v where v.scope = d.scope collate "C" and v.metric_date = d.day)
  )
  insert into public.client_metrics as m (
    scope, workspace_name, metric_date, metric_type, emails_sent_today, emails_sent_mtd, emails_sent_last_7_days,
    emails_sent_last_14_days, emails_sent_last_30_days, emails_scheduled_today, emails_scheduled_tomorrow,
    projection_emails_eom, positive_replies_mtd, positive_replies_last_7_days, positive_replies_last_14_days,
    positive_replies_last_30_days, positive_replies_current_month, positive_replies_last_month,
    projection_positive_replies_eom, all_replies_mtd, opens_mtd, bounced_mtd, unsubscribed_mtd, mtd_leads_progress,
    projection_replies_progress, last_week_vs_week_before_progress, update_source, last_webhook_update_at,
    last_poll_update_at)
  select d.scope, s.workspace_name, d.day, 'mtd', f.sent_today, f.sent_mtd, f.sent_7, f.sent_14, f.sent_30,
    v.emails_scheduled_today, v.emails_scheduled_tomorrow,
    round(f.sent_mtd * pace), f.positive_mtd, f.positive_7, f.positive_14, f.positive_30, f.positive_mtd,
    f.positive_last_month, round(f.positive_mtd * pace), f.replies_mtd, f.opens_mtd, f.bounced_mtd, f.unsubscribed_mtd,
    portal.percent(f.positive_mtd, r.monthly_kpi_target),
    portal.percent(round(f.positive_mtd * pace), r.monthly_kpi_target),
    portal.week_over_week(f.positive_7, f.positive_14),
    case greatest(f.told_at, f.polled_at, f.adjusted_at, v.polled_at)
      when f.adjusted_at then 'manual' when f.told_at then 'webhook' when v.polled_at then 'poll' when f.polled_at then 'poll'
    end,
    f.told_at, greatest(f.polled_at, v.polled_at)
  from days as d
  join portal.scopes as s on s.scope = d.scope
  left join public.client_registry as r on r.scope = d.scope
  left join public.vendor_metrics as v on v.scope = d.scope and v.metric_date = d.day and v.period = 'mtd'
  cross join lateral portal.metrics_of(d.scope, d.day) as f
  cross join lateral (
    select portal.days_in_month(d.day)::numeric / extract(day from d.day)::numeric as pace
  ) as p
  order by d.scope, d.day
  on conflict (scope, metric_date, metric_type) do update set
    (workspace_name, emails_sent_today, emails_sent_mtd, emails_sent_last_7_days, emails_sent_last_14_days,
    emails_sent_last_30_days, emails_scheduled_today, emails_scheduled_tomorrow, projection_emails_eom,
    positive_replies_mtd, positive_replies_last_7_days, positive_replies_last_14_days, positive_replies_last_30_days,
    positive_replies_current_month, positive_replies_last_month, projection_positive_replies_eom, all_replies_mtd,
    opens_mtd, bounced_mtd, unsubscribed_mtd, mtd_leads_progress, projection_replies_progress,
    last_week_vs_week_before_progress, update_source, last_webhook_update_at, last_poll_update_at, updated_at)
  = (excluded.workspace_name, excluded.emails_sent_today, excluded.emails_sent_mtd, excluded.emails_sent_last_7_days,
    excluded.emails_sent_last_14_days, excluded.emails_sent_last_30_days, excluded.emails_scheduled_today,
    excluded.emails_scheduled_tomorrow, excluded.projection_emails_eom, excluded.positive_replies_mtd,
    excluded.positive_replies_last_7_days, excluded.positive_replies_last_14_days, excluded.positive_replies_last_30_days,
    excluded.positive_replies_current_month, excluded.positive_replies_last_month,
    excluded.projection_positive_replies_eom, excluded.all_replies_mtd, excluded.opens_mtd, excluded.bounced_mtd,
    excluded.unsubscribed_mtd, excluded.mtd_leads_progress, excluded.projection_replies_progress,
    excluded.last_week_vs_week_before_progress, excluded.update_source, excluded.last_webhook_update_at,
    excluded.last_poll_update_at, now())
$$;

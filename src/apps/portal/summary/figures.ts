import type { Queryable } from '../../../db/database.ts'

/** A sum over clients of which some may be unknown. Null where all of them are. */
export interface Sum {
  readonly value: number | null
  /** Clients whose part is missing. */
  readonly unknown: number
}

export interface ClientLine {
  readonly name: string
  readonly goal: number
  /** Null where nobody could ask. */
  readonly scheduledToday: number | null
  readonly sentYesterday: number | null
}

export interface AlertLine {
  readonly level: 'warning' | 'critical'
  readonly condition: string
  readonly stream: string
  readonly name: string | null
}

/** All that the daily summary tells; null for what is not known. */
export interface SummaryFigures {
  /** Business days, YYYY-MM-DD. */
  readonly yesterday: string
  readonly today: string
  readonly clients: number
  readonly mails: Sum
  readonly replies: Sum
  readonly leads: Sum
  readonly month: {
    readonly name: string
    /** `unknown` counts clients of whom only a part of the month is known. */
    readonly mails: Sum
    readonly replies: Sum
    readonly leads: Sum
    readonly leadTarget: number
  }
  readonly lines: readonly ClientLine[]
  /** Active clients without a goal: they are not in the lines. */
  readonly withoutGoal: number
  readonly webhooks: Readonly<Record<'healthy' | 'warning' | 'critical' | 'unknown', readonly string[]>>
  readonly deliveryPercent: number | null
  readonly lagP95Ms: number | null
  readonly cachePercent: number | null
  readonly agreeingPercent: number | null
  readonly drifting: readonly string[]
  readonly mailboxes: readonly { readonly rule: string; readonly count: number }[]
  readonly unreadable: readonly string[]
  readonly alerts: readonly AlertLine[]
}

/** Reads the summary of the business day before `now`, and of its month so far. */
export async function readSummary(db: Queryable, now: Date): Promise<SummaryFigures> {
  const at = now.toISOString()
  const { rows } = await db.query<{ today: string; yesterday: string; month: string }>(
    `select d::text as today, (d - 1)::text as yesterday, to_char(d - 1, 'FMMonth YYYY') as month
     from public.business_date($1::timestamptz) as d`,
    [at],
  )
  const { today = '', yesterday = '', month = '' } = rows[0] ?? {}
  return {
    today,
    yesterday,
    ...(await readDay(db, yesterday)),
    month: { name: month, ...(await readMonth(db, yesterday, at)) },
    ...(await readLines(db, { yesterday, at })),
    webhooks: await readWebhooks(db),
    ...(await readChecks(db, at)),
    mailboxes: await readMailboxes(db, at),
    unreadable: await readUnreadable(db),
    alerts: await readAlerts(db),
  }
}

/** A workspace whose replies were never read to the end has told neither its replies nor its leads. */
const UNREAD = `not exists (
  select from lockstep.freshness as f where f.app = 'portal' and f.table_name = 'lead_replies'
    and f.stream like r.scope || '/%' and f.full_pass_at is not null)`

async function readDay(
  db: Queryable,
  yesterday: string,
): Promise<Pick<SummaryFigures, 'clients' | 'mails' | 'replies' | 'leads'>> {
  const { rows } = await db.query<Record<string, number | null>>(
    `with day as (
       select d.emails_sent, d.leads, ${UNREAD} as unread,
         (select coalesce(sum(c.count), 0) from public.email_daily_counts as c
          where c.scope = r.scope and c.business_date = $1::date and c.event_type = 'lead_replied') as replies
       from public.portal_daily_recap($1::date) as d
       join public.client_registry as r on r.workspace_name = d.workspace_name
     )
     select count(*)::int as clients, sum(emails_sent)::int as mails,
       count(*) filter (where emails_sent is null)::int as mails_unknown,
       (sum(replies) filter (where not unread))::int as replies, (sum(leads) filter (where not unread))::int as leads,
       count(*) filter (where unread)::int as unread
     from day`,
    [yesterday],
  )
  const { clients, mails, mails_unknown, replies, leads, unread } = rows[0] ?? {}
  return {
    clients: clients ?? 0,
    mails: { value: mails ?? null, unknown: mails_unknown ?? 0 },
    replies: { value: replies ?? null, unknown: unread ?? 0 },
    leads: { value: leads ?? null, unknown: unread ?? 0 },
  }
}

async function readMonth(
  db: Queryable,
  yesterday: string,
  at: string,
): Promise<Omit<SummaryFigures['month'], 'name'>> {
  const { rows } = await db.query<Record<string, number | null>>(
    // Ours alone, begun in the middle of the month, is less than was sent.
    `with month as (
       select k.*, s.ledger_since, ${UNREAD} as unread
       from public.portal_kpis($1::date, $2::timestamptz) as k
       join portal.scopes as s on s.scope = k.scope
       join public.client_registry as r on r.scope = k.scope
     )
     select sum(emails_sent)::int as mails, (sum(replies) filter (where not unread))::int as replies,
       (sum(leads) filter (where not unread))::int as leads, coalesce(sum(lead_target), 0)::int as target,
       count(*) filter (where unread)::int as unread,
       count(*) filter (where emails_sent_source = 'ledger' and coalesce(ledger_since, 'infinity')
         > public.business_day_start(date_trunc('month', $1::date)::date))::int as short
     from month`,
    [yesterday, at],
  )
  const { mails, replies, leads, target, unread, short } = rows[0] ?? {}
  return {
    mails: { value: mails ?? null, unknown: short ?? 0 },
    replies: { value: replies ?? null, unknown: unread ?? 0 },
    leads: { value: leads ?? null, unknown: unread ?? 0 },
    leadTarget: target ?? 0,
  }
}

async function readLines(
  db: Queryable,
  { yesterday, at }: { readonly yesterday: string; readonly at: string },
): Promise<Pick<SummaryFigures, 'lines' | 'withoutGoal'>> {
  const { rows } = await db.query<ClientLine>(
    `select v.workspace_name as name, v.daily_goal as goal, v.scheduled_today as "scheduledToday",
       d.emails_sent as "sentYesterday"
     from public.portal_volume(public.business_date($2::timestamptz), $2::timestamptz) as v
     left join public.portal_daily_recap($1::date) as d on d.workspace_name = v.workspace_name
     order by v.workspace_name`,
    [yesterday, at],
  )
  const lines = rows.filter(({ goal }) => goal > 0)
  return { lines, withoutGoal: rows.length - lines.length }
}

async function readWebhooks(db: Queryable): Promise<SummaryFigures['webhooks']> {
  const { rows } = await db.query<{ status: string; names: string[] }>(
    `select h.health_status as status, array_agg(h.workspace_name order by h.workspace_name) as names
     from public.webhook_health as h left join public.client_registry as r on r.scope = h.scope
     where coalesce(r.is_active, true) group by 1`,
  )
  const of = (status: string): readonly string[] => rows.find((row) => row.status === status)?.names ?? []
  return {
    healthy: of('healthy'),
    warning: of('warning'),
    critical: of('critical'),
    unknown: of('unknown'),
  }
}

type Checks = Pick<
  SummaryFigures,
  'deliveryPercent' | 'lagP95Ms' | 'cachePercent' | 'agreeingPercent' | 'drifting'
>

/** What the checks of the last 24 hours found. */
async function readChecks(db: Queryable, at: string): Promise<Checks> {
  const { rows } = await db.query<Omit<Checks, 'drifting'> & { drifting: string[] | null }>(
    `with day as (
       select * from public.system_health_checks
       where checked_at > $1::timestamptz - interval '24 hours' and checked_at <= $1::timestamptz
     )
     select
       (select round(sum((figures ->> 'delivered')::numeric) * 100
          / nullif(sum((figures ->> 'delivered')::numeric + (figures ->> 'missed')::numeric), 0), 1)::float8
        from day where check_name = 'webhook_delivery_rate') as "deliveryPercent",
       (select percentile_cont(0.95) within group (order by value)::float8
        from day where check_name = 'sync_lag' and value is not null) as "lagP95Ms",
       (select round(sum((figures ->> 'hits')::numeric) * 100 / nullif(sum((figures ->> 'reads')::numeric), 0), 1)::float8
        from day where check_name = 'cache_hit_rate') as "cachePercent",
       last.value::float8 as "agreeingPercent", last.names as drifting
     from (select 1) as one
     left join lateral (
       select value, (select array_agg(w ->> 'name' order by w ->> 'name') from jsonb_array_elements(workspaces) as w) as names
       from day where check_name = 'data_consistency' order by checked_at desc limit 1) as last on true`,
    [at],
  )
  const { deliveryPercent, lagP95Ms, cachePercent, agreeingPercent, drifting } = rows[0] ?? {}
  return {
    deliveryPercent: deliveryPercent ?? null,
    lagP95Ms: lagP95Ms ?? null,
    cachePercent: cachePercent ?? null,
    agreeingPercent: agreeingPercent ?? null,
    drifting: drifting ?? [],
  }
}

async function readMailboxes(db: Queryable, at: string): Promise<SummaryFigures['mailboxes']> {
  const { rows } = await db.query<{ rule: string; count: number }>(
    // Old readings are told by workspace, all else altogether.
    `select rule, sum(mailboxes)::int as count from public.portal_mailbox_alerts($1::timestamptz)
     where workspace_name is null or rule = 'stale' group by rule, priority order by priority, rule`,
    [at],
  )
  return rows
}

async function readUnreadable(db: Queryable): Promise<readonly string[]> {
  const { rows } = await db.query<{ name: string }>(
    `select h.workspace_name as name from public.workspace_api_health as h
     left join public.client_registry as r on r.scope = h.scope
     where h.api_health_status in ('failing', 'no_key') and coalesce(r.is_active, true) order by 1`,
  )
  return rows.map(({ name }) => name)
}

async function readAlerts(db: Queryable): Promise<readonly AlertLine[]> {
  const { rows } = await db.query<AlertLine>(
    `select a.level, a.condition, a.stream, s.workspace_name as name from lockstep.alerts as a
     left join portal.scopes as s on s.scope = a.stream collate "C"
     where a.app = 'portal' and a.closed_at is null order by a.level, a.opened_at desc, a.id desc`,
  )
  return rows
}

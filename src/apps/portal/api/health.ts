import { createRoute, z } from '@hono/zod-openapi'
import {
  bool, cached, FAILURES, type Figure, freshly, int, intOrNull, json, num, numOrNull, percent, string, stringOrNull,
  time, timeOrNull,
} from './answers.ts' // prettier-ignore
import type { Portal } from './context.ts'
import { rowOf, rowsOf } from './figures.ts'

const webhooks = z
  .object({
    scope: string,
    workspace_name: string,
    last_webhook_at: timeOrNull,
    last_poll_at: timeOrNull,
    webhook_count_24h: int,
    poll_count_24h: int,
    success_rate_24h: num,
    health_status: string.openapi({ description: 'healthy, warning, critical or unknown.' }),
    is_healthy: bool,
    log_found: intOrNull,
    log_missed: intOrNull,
    log_checked_at: timeOrNull,
    last_alert_at: timeOrNull,
    last_error_message: stringOrNull,
    updated_at: time,
  })
  .openapi('WebhookHealth')

const summary = z
  .object({
    workspace_name: string,
    last_webhook_at: timeOrNull,
    minutes_since_webhook: numOrNull,
    webhook_count_24h: int,
    poll_count_24h: int,
    success_rate_24h: num,
    health_status: string,
    last_alert_at: timeOrNull,
  })
  .openapi('DataHealth')

const stream = z
  .object({
    stream: string,
    table_name: string,
    workspace_name: stringOrNull,
    confirmed_at: timeOrNull.openapi({
      description: 'When it was last read to its end, or what changed in it was.',
    }),
    full_pass_at: timeOrNull,
    status: stringOrNull.openapi({ description: 'Of the last pass: completed, partial or failed.' }),
    error: stringOrNull,
  })
  .openapi('StreamFreshness')

const cache = z
  .object({
    cache_key: string,
    workspace_name: stringOrNull,
    last_updated_at: time,
    expires_at: timeOrNull,
    hit_count: int,
    miss_count: int,
    size_bytes: intOrNull,
    load_ms: intOrNull,
    error: stringOrNull,
  })
  .openapi('CacheEntry')

const check = z
  .object({
    check_name: string,
    severity: string.openapi({ description: 'ok, warning or critical.' }),
    value: numOrNull.openapi({ description: 'In `unit`; null where there was too little to judge by.' }),
    unit: string,
    detail: string,
    workspaces: z.array(z.object({ scope: string, name: string, severity: string, detail: string })),
    checked_at: time,
  })
  .openapi('HealthCheck')

const vendorApi = z
  .object({
    workspace_name: string,
    scope: string,
    api_health_status: stringOrNull.openapi({
      description: 'healthy, degraded, failing, no_key; null: never asked.',
    }),
    api_consecutive_failures: int,
    api_calls_today: int,
    api_errors_today: int,
    api_last_success_at: timeOrNull,
    api_last_error: stringOrNull,
    checked_at: time,
  })
  .openapi('WorkspaceApiHealth')

/** What the answer is made of: a field, its shape, and the SQL that reads it. */
const SECTIONS = {
  webhooks: {
    shape: z.array(webhooks),
    sql: rowsOf('select * from w order by workspace_name'),
  },
  summary: {
    shape: z.array(summary),
    // The columns of data_health_summary, without reading the inbox twice.
    sql: rowsOf(`select workspace_name, last_webhook_at,
        extract(epoch from clock_timestamp() - last_webhook_at) / 60 as minutes_since_webhook, webhook_count_24h,
        poll_count_24h, success_rate_24h, health_status, last_alert_at
      from w order by minutes_since_webhook desc nulls last, workspace_name`),
  },
  streams: {
    shape: z.array(stream),
    sql: rowsOf(`select f.stream, f.table_name, s.workspace_name, greatest(f.full_pass_at, f.delta_at) as confirmed_at,
        f.full_pass_at, r.status, r.error
      from lockstep.freshness as f
      left join portal.scopes as s
        on s.scope = (split_part(f.stream, '/', 1) || '/' || split_part(f.stream, '/', 2)) collate "C"
      left join lateral (
        select l.status, l.error from unnest('{backfill,delta}'::text[]) as lanes (lane)
        cross join lateral (
          select status, error, started_at from lockstep.runs
          where app = 'portal' and lane = lanes.lane and stream = f.stream and status <> 'running'
          order by started_at desc limit 1) as l
        order by l.started_at desc limit 1) as r on true
      where f.app = 'portal' order by confirmed_at nulls first, f.stream`),
  },
  checks: {
    shape: z.array(check),
    sql: rowsOf(`select check_name, severity, value, unit, detail, workspaces, checked_at from (
        select distinct on (check_name) * from public.system_health_checks
        where checked_at > clock_timestamp() - interval '1 day' order by check_name, checked_at desc) as latest
      order by check_name`),
  },
  apis: {
    shape: z.array(vendorApi),
    sql: rowsOf(`select workspace_name, scope, api_health_status, api_consecutive_failures, api_calls_today,
        api_errors_today, api_last_success_at, api_last_error, checked_at
      from public.workspace_api_health order by workspace_name`),
  },
  alerts: {
    shape: z.object({ open: int, critical: int }),
    sql: rowOf(`select count(*) as open, count(*) filter (where level = 'critical') as critical
      from lockstep.alerts where app = 'portal' and closed_at is null`),
  },
  cache: {
    shape: z.object({
      calls_last_hour: int,
      hit_rate_last_hour: percent,
      mean_ms_last_hour: numOrNull,
      entries: z.array(cache),
    }),
    sql: rowOf(`select coalesce(sum(calls), 0) as calls_last_hour,
        portal.percent(sum(calls) filter (where cache_hit), sum(calls)) as hit_rate_last_hour,
        round(sum(response_time_ms::numeric * calls) / sum(calls), 1) as mean_ms_last_hour,
        ${rowsOf(`select cache_key, workspace_name, last_updated_at, expires_at, hit_count, miss_count, size_bytes, load_ms,
            error from public.data_cache_metadata order by last_updated_at desc, cache_key limit 500`)} as entries
      from public.function_call_logs where called_at > clock_timestamp() - interval '1 hour' and function_name like 'api.%'`),
  },
} as const

const answer = cached({
  status: string.openapi({
    description:
      'critical where an alert or a workspace’s webhooks are; else warning where an alert is open, webhooks are, or a stream’s last pass was not whole; else ok.',
  }),
  webhooks: SECTIONS.webhooks.shape,
  summary: SECTIONS.summary.shape,
  streams: SECTIONS.streams.shape,
  checks: SECTIONS.checks.shape,
  apis: SECTIONS.apis.shape,
  alerts: SECTIONS.alerts.shape,
  cache: SECTIONS.cache.shape,
}).openapi('Health')

const HEALTH = `with w as materialized (select * from public.webhook_health),
h as materialized (
  select ${Object.entries(SECTIONS)
    .map(([name, { sql }]) => `${sql} as ${name}`)
    .join(', ')}
)
select case
    when (alerts ->> 'critical')::int > 0 or jsonb_path_exists(webhooks::jsonb, '$[*] ? (@.health_status == "critical")')
      then 'critical'
    when (alerts ->> 'open')::int > 0 or jsonb_path_exists(webhooks::jsonb, '$[*] ? (@.health_status == "warning")')
      or jsonb_path_exists(streams::jsonb, '$[*] ? (@.status == "failed" || @.status == "partial")') then 'warning'
    else 'ok' end as status, h.*
from h`

const health = createRoute({
  method: 'get',
  path: '/health',
  tags: ['health'],
  summary: 'Webhooks, streams, alerts and caches',
  responses: { 200: json(answer, 'Of the whole portal; read again every 25 seconds.'), ...FAILURES },
})

/** Deliveries and passes come all the time and are no topic: by age alone. */
const HEALTH_TTL_MS = 30_000

export function addHealth({ routes, figures }: Portal): void {
  routes.openapi(health, async (c) => {
    const found = await figures.read<Figure<typeof answer>>({
      name: 'health',
      topics: [],
      ttlMs: HEALTH_TTL_MS,
      sql: HEALTH,
    })
    return c.json(freshly(found), 200)
  })
}

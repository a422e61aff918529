import type { Transaction } from '../../db/database.ts'
import { lockLedger } from './ledger.ts'

/** What the vendor said of a workspace. A figure that it did not tell, or that could not be read, is left out. */
export interface VendorMetrics {
  readonly scope: string
  /** Business day, YYYY-MM-DD. */
  readonly date: string
  /** `day`: that day alone; `mtd`: its month up to and with it. */
  readonly period: 'day' | 'mtd'
  /** Milliseconds since 1970. */
  readonly polledAtMs: number
  readonly figures: Readonly<Partial<Record<VendorFigure, number>>>
}

const FIGURES = [
  'emails_sent', 'opened', 'unique_opens', 'replied', 'unique_replies', 'bounced', 'unsubscribed', 'interested',
  'total_leads_contacted', 'emails_scheduled_today', 'emails_scheduled_tomorrow',
] as const // prettier-ignore
export type VendorFigure = (typeof FIGURES)[number]

const KEEP = `insert into public.vendor_metrics as v (scope, workspace_name, metric_date, period, polled_at, ${FIGURES.join(', ')})
select t.scope, s.workspace_name, t.metric_date, t.period, t.polled_at, ${FIGURES.map((f) => `t.${f}`).join(', ')}
from unnest($1::text[], $2::date[], $3::text[], $4::timestamptz[], ${FIGURES.map((_, i) => `$${i + 5}::int[]`).join(', ')})
  as t (scope, metric_date, period, polled_at, ${FIGURES.join(', ')})
left join portal.scopes as s on s.scope = t.scope collate "C"
order by t.scope, t.metric_date, t.period
on conflict (scope, metric_date, period) do update set polled_at = excluded.polled_at,
  ${FIGURES.map((f) => `${f} = coalesce(excluded.${f}, v.${f})`).join(', ')}
where excluded.polled_at >= v.polled_at`

/** Keeps the vendor's figures, of each workspace and day the newest, beside ours. */
export async function keepVendorMetrics(tx: Transaction, read: readonly VendorMetrics[]): Promise<void> {
  const newest = new Map<string, VendorMetrics>()
  for (const one of [...read].sort((a, b) => a.polledAtMs - b.polledAtMs)) {
    const key = JSON.stringify([one.scope, one.date, one.period])
    newest.set(key, { ...one, figures: { ...newest.get(key)?.figures, ...one.figures } })
  }
  const rows = [...newest.values()]
  if (rows.length === 0) return
  await lockLedger(tx)
  await tx.query(KEEP, [
    rows.map(({ scope }) => scope),
    rows.map(({ date }) => date),
    rows.map(({ period }) => period),
    rows.map(({ polledAtMs }) => new Date(polledAtMs).toISOString()),
    ...FIGURES.map((figure) => rows.map(({ figures }) => figures[figure] ?? null)),
  ])
  await tx.query('select portal.refresh_metrics($1::text[], $2::date[])', [
    rows.map(({ scope }) => scope),
    rows.map(({ date }) => date),
  ])
}

import type { Queryable } from '../../db/database.ts'

/** An event that was written, and the day on which it counted before, where it did. */
export interface Touched {
  readonly key: string
  readonly scope: string
  readonly type: string
  readonly day: string
  readonly dayBefore: string | null
}

/**
 * Taken before the ledger is read or written, held until the commit: whoever comes second counts the first's rows too.
 * Row locks would not show them.
 */
export async function lockLedger(tx: Queryable): Promise<void> {
  await tx.query('select portal.lock_ledger()')
}

const LEAD_TYPES = new Set(['lead_replied', 'lead_interested', 'lead_unsubscribed', 'email_bounced'])

interface Cell {
  readonly scope: string
  readonly day: string
  readonly type: string
}

/** Counts anew, for all that these events touch: leads, days, and the rows of metrics that look back at those days. */
export async function recount(tx: Queryable, touched: readonly Touched[]): Promise<void> {
  const cells = new Map<string, Cell>()
  const add = (cell: Cell): void => {
    cells.set(JSON.stringify([cell.scope, cell.day, cell.type]), cell)
  }
  for (const { scope, type, day, dayBefore } of touched) {
    add({ scope, type, day })
    if (dayBefore !== null) add({ scope, type, day: dayBefore })
  }
  const ofLeads = touched.filter(({ type }) => LEAD_TYPES.has(type)).map(({ key }) => key)
  if (ofLeads.length > 0) {
    const { rows } = await tx.query<{ scope: string; day: string }>(
      'select scope, day::text as day from portal.refresh_leads($1::text[])',
      [ofLeads],
    )
    for (const row of rows) add({ ...row, type: 'lead_interested' })
  }
  const all = [...cells.values()]
  const column = <K extends keyof Cell>(name: K): string[] => all.map((cell) => cell[name])
  await tx.query('select portal.refresh_counts($1::text[], $2::date[], $3::text[])', [
    column('scope'),
    column('day'),
    column('type'),
  ])
  await tx.query('select portal.refresh_metrics($1::text[], $2::date[])', [column('scope'), column('day')])
}

import { sqlName, tableId } from '../../src/mirror/table-spec.ts'
import { Divergence } from './report.ts'
import type { ChaosRun } from './run.ts'

/** What holds after every step, faults or not. */
export async function checkSafety(run: ChaosRun): Promise<void> {
  const specs = [...run.node.pipeline.mirror.tables.values()].map(({ spec }) => spec)
  const { rows } = await run.server.admin.query<Record<string, number>>(
    `select (select count(*)::int from lockstep.inbox) as events,
       (select coalesce(sum(deliveries), 0)::int from lockstep.inbox) as deliveries,
       (select count(*)::int from lockstep.inbox where status = 'processed') as settled,
       (select count(*)::int from chaos.effects) as counted,
       ${specs
         .map(
           (spec) =>
             `(select count(*)::int from lockstep.tombstones as b join ${sqlName(spec)} as t on t."${spec.key}" = b.key
               where b.table_name = '${tableId(spec)}')`,
         )
         .join(' + ')} as both`,
  )
  const seen = rows[0] ?? {}
  const { accepted, unsure, nameless } = run.mail
  const sum = (book: ReadonlyMap<string, number>): number => [...book.values()].reduce((a, b) => a + b, 0)
  const least = sum(accepted) + nameless.accepted
  must(
    (seen['events'] ?? 0) >= accepted.size,
    `${accepted.size} events were accepted, the inbox has ${seen['events']}`,
  )
  const kept = seen['deliveries'] ?? 0
  must(
    kept >= least && kept <= least + sum(unsure) + nameless.unsure,
    `${least} deliveries were accepted, the inbox counts ${kept}`,
  )
  must(
    seen['settled'] === seen['counted'],
    `${seen['settled']} events are settled, ${seen['counted']} were counted`,
  )
  must(seen['both'] === 0, `${seen['both']} rows are both shown and buried`)
  await run.site.checkSafety(run)
}

export function must(holds: boolean, what: string): void {
  if (!holds) throw new Divergence(what)
}

/** Every delivery is accounted for, every event is settled, and each counted once. */
export async function checkLedger(run: ChaosRun): Promise<void> {
  const { rows } = await run.server.admin.query<{
    key: string
    status: string
    deliveries: number
    counted: number
    error: string | null
  }>(
    `select dedupe_key as key, status, deliveries, error,
       (select count(*)::int from chaos.effects where event = i.id) as counted from lockstep.inbox as i`,
  )
  const { accepted, unsure } = run.mail
  const named = rows.flatMap(({ key, ...row }) =>
    key.startsWith('id:') ? [{ key: key.slice(3), ...row }] : [],
  )
  const kept = new Map(named.map((row) => [row.key, row]))
  for (const [key, times] of accepted) {
    const row = kept.get(key)
    must(row !== undefined, `event ${key} was accepted and is not in the inbox`)
    const most = times + (unsure.get(key) ?? 0)
    const { deliveries = 0 } = row ?? {}
    must(
      deliveries >= times && deliveries <= most,
      `event ${key} came ${times} times, the inbox counts ${deliveries}`,
    )
  }
  const recorded = run.site.recorded?.()
  for (const { key } of named)
    must(
      accepted.has(key) || unsure.has(key) || recorded?.has(key) === true,
      `event ${key} was never delivered`,
    )
  for (const { key, status, counted, error } of rows) {
    must(status === 'processed', `event ${key} is ${status}: ${error}`)
    must(counted === 1, `event ${key} was counted ${counted} times`)
  }
}

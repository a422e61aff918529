import { parseStamp, type Stamp } from '../../src/engine/stamp.ts'
import { compareBoard } from '../../test/support/oracle.ts'
import { Divergence } from './report.ts'
import type { ChaosRun } from './run.ts'
import { extraColumns, mappings, TASKS } from './world.ts'

/** What holds after every step, faults or not. */
export async function checkSafety(run: ChaosRun): Promise<void> {
  const { rows } = await run.server.admin.query<Record<string, number>>(
    `select (select count(*)::int from lockstep.inbox) as events,
       (select coalesce(sum(deliveries), 0)::int from lockstep.inbox) as deliveries,
       (select count(*)::int from lockstep.inbox where status = 'processed') as settled,
       (select count(*)::int from chaos.effects) as counted,
       ${mappings
         .map(
           ({ table }) =>
             `(select count(*)::int from lockstep.tombstones as b join public."${table}" as t on t.monday_id = b.key
               where b.table_name = 'public.${table}')`,
         )
         .join(' + ')} as both,
       (select count(*)::int from public.subtasks as s join lockstep.tombstones as p
          on p.table_name = 'public.tasks' and p.key = s.c_parent_item_id and p.dead) as orphans`,
  )
  const seen = rows[0] ?? {}
  const { accepted, unsure } = run.mail
  const sum = (book: ReadonlyMap<string, number>): number => [...book.values()].reduce((a, b) => a + b, 0)
  const least = sum(accepted)
  must(
    (seen['events'] ?? 0) >= accepted.size,
    `${accepted.size} events were accepted, the inbox has ${seen['events']}`,
  )
  const kept = seen['deliveries'] ?? 0
  must(
    kept >= least && kept <= least + sum(unsure),
    `${least} deliveries were accepted, the inbox counts ${kept}`,
  )
  must(
    seen['settled'] === seen['counted'],
    `${seen['settled']} events are settled, ${seen['counted']} were counted`,
  )
  must(seen['both'] === 0, `${seen['both']} rows are both shown and buried`)
  must(seen['orphans'] === 0, `${seen['orphans']} subitems are shown though their parent is gone`)
}

function must(holds: boolean, what: string): void {
  if (!holds) throw new Divergence(what)
}

/** What people wrote here is there, or rests with its row. */
export async function checkNotes(run: ChaosRun): Promise<void> {
  for (const { table } of mappings) {
    const { rows } = await run.server.admin.query<{ key: string; note: string | null }>(
      `select monday_id as key, note from public."${table}"
       union all select key, local_values ->> 'note' from lockstep.tombstones where table_name = 'public.${table}'`,
    )
    const notes = new Map(rows.map(({ key, note }) => [key, note]))
    for (const [name, text] of run.notes) {
      const [of, key = ''] = name.split(' ')
      if (of === table)
        must(notes.get(key) === text, `${name} note: ${notes.get(key)} ≠ ${text}, which was written here`)
    }
  }
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
    `select substr(dedupe_key, 4) as key, status, deliveries, error,
       (select count(*)::int from chaos.effects where event = i.id) as counted from lockstep.inbox as i`,
  )
  const { accepted, unsure } = run.mail
  const kept = new Map(rows.map((row) => [row.key, row]))
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
  for (const { key, status, counted, error } of rows) {
    must(accepted.has(key) || unsure.has(key), `event ${key} was never delivered`)
    must(status === 'processed', `event ${key} is ${status}: ${error}`)
    must(counted === 1, `event ${key} was counted ${counted} times`)
  }
}

/** What is compared: after events alone, after a delta, after a full pass. */
export type Stage = 'events' | 'lagging events' | 'delta' | 'full'

/** Told by events in full; the rest is read, and a read may lag. */
const HINTED = /c_(group_id|parent_item_id|mirror|formula|score|connect|dependent_on|tags)$/

/** Compares each mapped cell with the vendor's truth. Throws a Divergence with the first that differs. */
export async function checkMirror(run: ChaosRun, stage: Stage): Promise<void> {
  const found: string[] = []
  for (const mapping of mappings) {
    const { rows, cells, differences } = await compareBoard(run.server.admin, run.sim, mapping)
    run.figures.rows += rows
    run.figures.cells += cells
    found.push(...differences.filter((difference) => isPromised(difference, stage)))
  }
  found.push(...(await compareExtra(run)).filter((difference) => isPromised(difference, stage)))
  if (stage === 'events') forgiveRestoredLinks(run, found)
  if (stage === 'lagging events') await forgiveOneSecond(run, found)
  run.figures.differences += found.length
  const first = found[0]
  if (first === undefined) return
  const more = found
    .slice(1, 4)
    .map((difference) => `\nalso ${difference}`)
    .join('')
  const rest = found.length > 4 ? `\nand ${found.length - 4} more` : ''
  throw new Divergence(`after ${stage}: ${first}\n${await explain(run, first)}${more}${rest}`)
}

function isPromised(difference: string, stage: Stage): boolean {
  const [table, , column] = (difference.split(':')[0] ?? '').split(' ')
  if (stage === 'full') return true
  // A link to an item that is deleted goes silently; where no mirror shows the link, it is read with the next sweep.
  if (stage === 'events') return column !== 'c_dependent_on'
  if (stage === 'delta')
    return !/c_(mirror|formula|score|connect|dependent_on)$|mirror_formula/.test(column ?? '')
  return column === undefined ? table !== 'subtasks' : !HINTED.test(column) && column !== 'mirror_formula'
}

async function compareExtra(run: ChaosRun): Promise<string[]> {
  const { rows } = await run.server.admin.query<{ key: string; extra: Record<string, string> }>(
    'select monday_id as key, extra from public.tasks',
  )
  const ours = new Map(rows.map(({ key, extra }) => [key, extra]))
  const differences: string[] = []
  for (const item of run.sim.world.truth(TASKS)) {
    const extra = ours.get(item.id)
    if (extra === undefined || item.state !== 'active') continue
    for (const [column, kind] of Object.entries(extraColumns)) {
      const cell = item.values[column]
      if (cell === undefined) continue
      const told = (kind === 'display' ? cell.display_value : cell.text) ?? ''
      const theirs = told === '' ? null : kind === 'number' ? String(Number(told)) : told
      const mine = extra[column] ?? null
      run.figures.cells++
      if (mine !== theirs) differences.push(`tasks ${item.id} ${column}: ${mine} ≠ ${theirs}`)
    }
  }
  return differences
}

/**
 * Of two states of a row within one second a lagging replica may show the first as long as its lag lasts, and nothing
 * the vendor tells sets it apart from the second. The next read does, so until a delta this is not promised.
 */
async function forgiveOneSecond(run: ChaosRun, found: string[]): Promise<void> {
  const second = (us: number): number => Math.ceil(us / 1e6)
  for (const difference of found.slice()) {
    const [own] = await registersOf(run, difference)
    const item = run.sim.world.items.get(Number(difference.split(/[ :]/)[1]))
    if (own === undefined || item === undefined) continue
    const { at } = parseStamp(own.stamp)
    const slot = item.board.columns.get(own.name.replace(/^(c_|\+)/, ''))?.slot ?? -1
    const changes = [item.updatedAt, item.changed?.get(slot) ?? 0].map((ms) => second(ms * 1000 + 1))
    if (at % 1e6 === 0 || changes.includes(second(at))) found.splice(found.indexOf(difference), 1)
  }
}

/**
 * A link to an item that is gone is not read, so when the item comes back nobody here knows any more who linked it:
 * the links, and what mirrors show through them, are read with the next sweep.
 */
function forgiveRestoredLinks({ sim, edits }: ChaosRun, found: string[]): void {
  for (const difference of found.slice()) {
    const [name = ''] = difference.split(':')
    if (!/ (c_connect|c_mirror|mirror_formula)$/.test(name)) continue
    const item = sim.world.items.get(Number(name.split(' ')[1]))
    const links = item?.cells[item.board.columns.get('connect')?.slot ?? -1]
    if (Array.isArray(links) && (links as number[]).some((id) => edits.restored.has(id)))
      found.splice(found.indexOf(difference), 1)
  }
}

interface Register {
  readonly place: string
  readonly row: Stamp
  readonly name: string
  readonly stamp: Stamp
}

/** The register that a difference is about, wherever it lies. */
async function registersOf(run: ChaosRun, difference: string): Promise<Register[]> {
  const [table = '', key = '', column] = (difference.split(':')[0] ?? '').split(' ')
  const { rows } = await run.server.admin.query<{
    place: string
    stamp: Stamp
    stamps: Record<string, Stamp> | null
  }>(
    `select 'shown' as place, _stamp as stamp, _stamps as stamps from public."${table}" where monday_id = $2
     union all select case when dead then 'dead' else 'waiting' end, stamp, stamps from lockstep.tombstones
     where table_name = 'public.' || $1 and key = $2`,
    [table, key],
  )
  const name = column === undefined ? '!' : column in extraColumns ? `+${column}` : column
  return rows.map(({ place, stamp, stamps }) => ({ place, row: stamp, name, stamp: stamps?.[name] ?? stamp }))
}

/** The registers behind a difference, and the moment at the vendor. */
async function explain(run: ChaosRun, difference: string): Promise<string> {
  const lines = (await registersOf(run, difference)).map(
    ({ place, row, name, stamp }) => `ours: ${place}, row ${tell(row)}, ${name} ${tell(stamp)}`,
  )
  const item = run.sim.world.items.get(Number(difference.split(/[ :]/)[1]))
  const when = (ms: number | undefined): string => new Date(ms ?? 0).toISOString()
  const place = `${item?.state ?? 'not there'} on board ${item?.board.id}`
  lines.push(
    `theirs: ${place}, updated ${when(item?.updatedAt)}; now ${when(run.sim.world.clock.now())} there`,
  )
  return lines.join('\n')
}

function tell(stamp: Stamp): string {
  const { at, seen, n } = parseStamp(stamp)
  const time = (us: number): string => new Date(Math.floor(us / 1000)).toISOString().slice(11, 23)
  return `(at ${time(at)}${String(at % 1000).padStart(3, '0')}, seen ${time(seen)}, n ${n})`
}

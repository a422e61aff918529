import { parseStamp } from '../../../src/engine/stamp.ts'
import { compareBoard } from '../../../test/support/oracle.ts'
import type { MondaySim } from '../../monday/index.ts'
import { must } from '../checks.ts'
import type { Stage } from '../kind.ts'
import { describeRegisters, type Register, registersOf } from '../registers.ts'
import { Divergence } from '../report.ts'
import type { ChaosRun } from '../run.ts'
import { extraColumns, mappings, TASKS } from './app.ts'
import type { VendorEdits } from './edits.ts'

/** A run, with what only monday has. */
export interface Monday {
  readonly run: ChaosRun
  readonly sim: MondaySim
  readonly edits: VendorEdits
}

/** Subitems follow their parents. */
export async function checkOrphans({ server }: ChaosRun): Promise<void> {
  const { rows } = await server.admin.query<{ orphans: number }>(
    `select count(*)::int as orphans from public.subtasks as s join lockstep.tombstones as p
       on p.table_name = 'public.tasks' and p.key = s.c_parent_item_id and p.dead`,
  )
  const orphans = rows[0]?.orphans ?? 0
  must(orphans === 0, `${orphans} subitems are shown though their parent is gone`)
}

/** What people wrote here is there, or rests with its row. */
export async function checkNotes(run: ChaosRun, written: ReadonlyMap<string, string>): Promise<void> {
  for (const { table } of mappings) {
    const { rows } = await run.server.admin.query<{ key: string; note: string | null }>(
      `select monday_id as key, note from public."${table}"
       union all select key, local_values ->> 'note' from lockstep.tombstones where table_name = 'public.${table}'`,
    )
    const notes = new Map(rows.map(({ key, note }) => [key, note]))
    for (const [name, text] of written) {
      const [of, key = ''] = name.split(' ')
      if (of === table)
        must(notes.get(key) === text, `${name} note: ${notes.get(key)} ≠ ${text}, which was written here`)
    }
  }
}

/** Told by events in full; the rest is read, and a read may lag. */
const HINTED = /c_(group_id|parent_item_id|mirror|formula|score|connect|dependent_on|tags)$/

/** Compares each mapped cell with the vendor's truth. Throws a Divergence with the first that differs. */
export async function checkMirror(monday: Monday, stage: Stage): Promise<void> {
  const { run, sim } = monday
  const found: string[] = []
  for (const mapping of mappings) {
    const { rows, cells, differences } = await compareBoard(run.server.admin, sim, mapping)
    run.figures.rows += rows
    run.figures.cells += cells
    found.push(...differences.filter((difference) => isPromised(difference, stage)))
  }
  found.push(...(await compareExtra(monday)).filter((difference) => isPromised(difference, stage)))
  if (stage === 'events') forgiveRestoredLinks(monday, found)
  if (stage === 'lagging events') await forgiveOneSecond(monday, found)
  run.figures.differences += found.length
  const first = found[0]
  if (first === undefined) return
  const more = found
    .slice(1, 4)
    .map((difference) => `\nalso ${difference}`)
    .join('')
  const rest = found.length > 4 ? `\nand ${found.length - 4} more` : ''
  throw new Divergence(`after ${stage}: ${first}\n${await explain(monday, first)}${more}${rest}`)
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

async function compareExtra({ run, sim }: Monday): Promise<string[]> {
  const { rows } = await run.server.admin.query<{ key: string; extra: Record<string, string> }>(
    'select monday_id as key, extra from public.tasks',
  )
  const ours = new Map(rows.map(({ key, extra }) => [key, extra]))
  const differences: string[] = []
  for (const item of sim.world.truth(TASKS)) {
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
async function forgiveOneSecond(monday: Monday, found: string[]): Promise<void> {
  const second = (us: number): number => Math.ceil(us / 1e6)
  for (const difference of found.slice()) {
    const [own] = await registersAt(monday, difference)
    const item = monday.sim.world.items.get(Number(difference.split(/[ :]/)[1]))
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
function forgiveRestoredLinks({ sim, edits }: Monday, found: string[]): void {
  for (const difference of found.slice()) {
    const [name = ''] = difference.split(':')
    if (!/ (c_connect|c_mirror|mirror_formula)$/.test(name)) continue
    const item = sim.world.items.get(Number(name.split(' ')[1]))
    const links = item?.cells[item.board.columns.get('connect')?.slot ?? -1]
    if (Array.isArray(links) && (links as number[]).some((id) => edits.restored.has(id)))
      found.splice(found.indexOf(difference), 1)
  }
}

/** The register that a difference is about. */
function registersAt({ run }: Monday, difference: string): Promise<Register[]> {
  const [table = '', key = '', column] = (difference.split(':')[0] ?? '').split(' ')
  const name = column === undefined ? '!' : column in extraColumns ? `+${column}` : column
  return registersOf(run.server.admin, { schema: 'public', name: table, key: 'monday_id' }, key, name)
}

/** The registers behind a difference, and the moment at the vendor. */
async function explain(monday: Monday, difference: string): Promise<string> {
  const { world } = monday.sim
  const lines = describeRegisters(await registersAt(monday, difference))
  const item = world.items.get(Number(difference.split(/[ :]/)[1]))
  const when = (ms: number | undefined): string => new Date(ms ?? 0).toISOString()
  const place = `${item?.state ?? 'not there'} on board ${item?.board.id}`
  lines.push(`theirs: ${place}, updated ${when(item?.updatedAt)}; now ${when(world.clock.now())} there`)
  return lines.join('\n')
}

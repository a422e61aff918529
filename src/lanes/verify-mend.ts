import { isOutage } from '../db/database.ts'
import type { RowDifference } from '../mirror/compare.ts'
import { ROW } from '../sources/contract.ts'
import { observeAbsence, observePage } from './observe.ts'
import { absorb } from './pipeline.ts'
import { collapseAll } from '../mirror/apply.ts'
import { touchedBy } from './touched.ts'
import { countMended } from './verify-ledger.ts'
import { compareFetched, type Look, lookAt } from './verify-look.ts'
import { chunks, nap, type Subject } from './verify-subject.ts'

const READ_AGAIN_MS = 2_000

/**
 * Mends drift the way that everything enters a table: each row is read again until its reading outranks what is
 * stored, at most `settle`, and compared again. Returns the keys that are right now.
 */
export async function mend(
  subject: Subject,
  part: string,
  drift: ReadonlyMap<string, RowDifference>,
): Promise<Set<string>> {
  const open = new Map(drift)
  for (const end = Date.now() + subject.mendMs; ;) {
    for (const keys of chunks([...open.keys()], subject.pipeline.source.keysMax)) {
      await mendSome(subject, part, keys, open)
    }
    if (open.size === 0 || Date.now() >= end) break
    await nap(subject, READ_AGAIN_MS)
  }
  return new Set([...drift.keys()].filter((key) => !open.has(key)))
}

async function mendSome(
  subject: Subject,
  part: string,
  keys: readonly string[],
  open: Map<string, RowDifference>,
): Promise<void> {
  const look = await lookAt(subject, part, keys)
  const readable = keys.filter((key) => !look.unread.has(key))
  closeMended(readable, open, look.differences)
  const wrong = readable.filter((key) => open.has(key))
  if (wrong.length === 0) return
  await take(subject, part, look, wrong)
  const rows = [
    ...look.page.rows.filter(({ key }) => open.has(key)),
    ...wrong.filter((key) => look.absent.has(key)).map((key) => ({ key, values: {}, gone: true })),
  ]
  const { differences } = await compareFetched(subject, part, { ...look.page, rows })
  closeMended(wrong, open, differences)
}

function closeMended(
  keys: readonly string[],
  open: Map<string, RowDifference>,
  now: ReadonlyMap<string, RowDifference>,
): void {
  for (const key of keys) {
    const before = open.get(key)
    if (before !== undefined && isMended(before, now.get(key))) open.delete(key)
  }
}

/** Other columns may have moved meanwhile: they are none of what was found. */
function isMended(before: RowDifference, now: RowDifference | undefined): boolean {
  if (now === undefined) return true
  if (before.kind !== 'different' || now.kind !== 'different') return false
  const registers = new Set(now.cells.map(([register]) => register))
  return !before.cells.some(([register]) => registers.has(register))
}

/** Merges what was read of these keys. One that the database refuses is left; the others must not wait for it. */
async function take(subject: Subject, part: string, look: Look, keys: readonly string[]): Promise<void> {
  try {
    await absorbKeys(subject, part, look, new Set(keys))
  } catch (error) {
    if (isOutage(error)) throw error
    if (keys.length === 1) return
    const half = Math.ceil(keys.length / 2)
    await take(subject, part, look, keys.slice(0, half))
    await take(subject, part, look, keys.slice(half))
  }
}

async function absorbKeys(
  { db, pipeline, stream, run }: Subject,
  part: string,
  { page, arrival, absent }: Look,
  keys: ReadonlySet<string>,
): Promise<void> {
  const rows = page.rows.filter(({ key }) => keys.has(key))
  const gone = part === ROW ? [...keys].filter((key) => absent.has(key)) : []
  const observations = [
    ...observePage(stream, part, { ...page, rows }, arrival),
    ...gone.map((key) => observeAbsence(stream, key, page, arrival)),
  ]
  const refetches = (page.refetches ?? []).filter((wish) => wish.keys.some((key) => keys.has(key)))
  await db.transaction(async (tx, attempt) => {
    const options = { attempt, refetches, touched: touchedBy(observations) }
    const { counts } = await absorb(tx, pipeline, collapseAll(pipeline.mirror, observations), options)
    const own = counts[stream.table]
    if (own !== undefined) await countMended(tx, run, own)
  })
}

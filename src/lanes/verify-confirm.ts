import type { DifferentCell, RowDifference } from '../mirror/compare.ts'
import { lookAt } from './verify-look.ts'
import { chunks, nap, type Subject } from './verify-subject.ts'

/** A difference that was seen once, and when (milliseconds). */
export interface Suspect {
  readonly difference: RowDifference
  readonly at: number
}

export interface Confirmed {
  readonly drift: ReadonlyMap<string, RowDifference>
  /** Rows that differed to the end, but never twice alike, or with events or requests still waiting for them. */
  readonly unsettled: readonly string[]
  readonly gaps: readonly string[]
}

const LOOK_AGAIN_MS = 500

/**
 * Tells drift from a system that is alive: a difference counts when, `settle` after it was seen, the row read by its
 * id still differs in the same way, and nothing that is known of it waits to be applied.
 */
export async function confirm(
  subject: Subject,
  part: string,
  suspects: ReadonlyMap<string, Suspect>,
): Promise<Confirmed> {
  const open = new Map(suspects)
  const drift = new Map<string, RowDifference>()
  const gaps = new Set<string>()
  const end = Date.now() + subject.settleMs + subject.patienceMs
  while (open.size > 0 && Date.now() < end) {
    const waitMs = Math.min(...[...open.values()].map(({ at }) => at)) + subject.settleMs - Date.now()
    if (waitMs > 0) await nap(subject, waitMs)
    const ripe = [...open].filter(([, { at }]) => at + subject.settleMs <= Date.now())
    const before = open.size
    await subject.serve()
    if (!(await hasBacklog(subject))) {
      for (const some of chunks(ripe, subject.pipeline.source.keysMax)) {
        for (const gap of await lookAgain(subject, part, some, { open, drift })) gaps.add(gap)
      }
    }
    if (open.size === before) await nap(subject, LOOK_AGAIN_MS)
  }
  return { drift, unsettled: [...open.keys()], gaps: open.size > 0 ? [...gaps] : [] }
}

async function lookAgain(
  subject: Subject,
  part: string,
  suspects: readonly (readonly [string, Suspect])[],
  { open, drift }: { open: Map<string, Suspect>; drift: Map<string, RowDifference> },
): Promise<readonly string[]> {
  const { differences, unread, gaps } = await lookAt(
    subject,
    part,
    suspects.map(([key]) => key),
  )
  const waiting = await awaited(subject, [...differences.keys()])
  const now = Date.now()
  for (const [key, { difference }] of suspects) {
    const seen = differences.get(key)
    if (unread.has(key) || waiting.has(key)) continue
    if (seen === undefined) open.delete(key)
    else {
      const lasting = whatLasts(difference, seen)
      if (lasting === undefined) open.set(key, { difference: seen, at: now })
      else {
        open.delete(key)
        drift.set(key, lasting)
      }
    }
  }
  return gaps
}

/** What two looks at a row have in common; undefined where nothing. */
export function whatLasts(first: RowDifference, second: RowDifference): RowDifference | undefined {
  if (first.kind !== second.kind) return undefined
  if (first.kind !== 'different') return second
  const text = (cell: DifferentCell): string => JSON.stringify(cell)
  const before = new Set(first.cells.map(text))
  const cells = second.cells.filter((cell) => before.has(text(cell)))
  return cells.length === 0 ? undefined : { ...second, cells }
}

/** Keys for which an event or a request waits. One that failed before is no reason to wait: it may never succeed. */
async function awaited(
  { db, pipeline, stream }: Subject,
  keys: readonly string[],
): Promise<ReadonlySet<string>> {
  if (keys.length === 0) return new Set()
  const { rows } = await db.query<{ key: string }>(
    `select e.entity as key from lockstep.inbox_queue as q join lockstep.inbox_events as e on e.id = q.id
     where q.app = $1 and q.attempts = 0 and e.entity = any ($3::text[])
     union
     select key from lockstep.refetch where app = $1 and stream = $2 and attempts = 0 and key = any ($3::text[])`,
    [pipeline.app, stream.id, keys],
  )
  return new Set(rows.map(({ key }) => key))
}

/**
 * Whether the workers are behind: then a row may differ for what an event of another one (its parent, the one that
 * it shows) will bring.
 */
async function hasBacklog({ db, pipeline, settleMs }: Subject): Promise<boolean> {
  const { rows } = await db.query<{ behind: boolean }>(
    `select exists (
       select from lockstep.inbox_queue as q join lockstep.inbox_events as e on e.id = q.id
       where q.app = $1 and q.attempts = 0
         and e.received_at < clock_timestamp() - make_interval(secs => $2)
     ) or exists (
       select from lockstep.refetch where app = $1 and attempts = 0 and error is null
         and greatest(requested_at, next_attempt_at) < clock_timestamp() - make_interval(secs => $2)
     ) as behind`,
    [pipeline.app, settleMs / 1000],
  )
  return rows[0]?.behind === true
}

import type { Database } from '../db/database.ts'
import type { Observation } from '../engine/observation.ts'
import { SETTLE_MS } from '../engine/read-time.ts'
import { type Page, ROW, type Stream } from '../sources/contract.ts'
import type { Touched } from './fan-out.ts'
import type { Pipeline } from './pipeline.ts'
import { lastPass, wasReadWhole } from './runs.ts'
import { touchedBy } from './touched.ts'

/** Which of the rows that a pass reads may be shown elsewhere as they were before. */
export interface Shown {
  /** Those that the vendor changed since, microseconds on its clock: all from -Infinity on, none from Infinity on. */
  readonly since: number
  /** As in `FanOut`. */
  readonly othersAlone: boolean
}

/**
 * A change that a page brings before its event does is no change any more when the event comes: what shows it must be
 * asked for by the pass. In a first pass everything is new, and counts only where the vendor changed it since what
 * shows it was read. What was never read whole is still to be read.
 */
export async function findShown(
  db: Database,
  { app, source }: Pipeline,
  stream: Stream,
  part: string,
): Promise<Shown> {
  const isWhole = await wasReadWhole(db, app, stream)
  if (isWhole && (part === ROW || (await lastPass(db, app, stream, part)) !== undefined))
    return { since: -Infinity, othersAlone: false }
  const tables = new Set(
    source
      .dependencies()
      .filter(({ from, link }) => from === stream.table && link.kind !== 'self')
      .map(({ to }) => to),
  )
  let since = Infinity
  for (const showing of source.streams) {
    if (!tables.has(showing.table)) continue
    const pass = await lastPass(db, app, showing, ROW)
    if (pass !== undefined) since = Math.min(since, pass.floor ?? -Infinity)
  }
  // It may have been read from a replica that lagged behind.
  return { since: since - SETTLE_MS * 1000, othersAlone: true }
}

/** The registers of those rows; undefined where there can be none. */
export function touchedSince(
  { since }: Shown,
  pages: readonly Page[],
  observations: readonly Observation[],
): Touched | undefined {
  if (since === Infinity) return undefined
  if (since === -Infinity) return touchedBy(observations)
  const changed = pages.flatMap(({ rows, granule }) =>
    rows.filter(({ updatedAt = Infinity }) => updatedAt + granule > since).map((row) => row.key),
  )
  const keys = new Set(changed)
  return touchedBy(observations.filter((o) => keys.has(o.key)))
}

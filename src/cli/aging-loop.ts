import { Aging } from '../lanes/aging.ts'
import type { Database } from '../db/database.ts'
import type { Log } from '../jobs/log.ts'
import { type Loop, startLoop } from '../jobs/loop.ts'
import type { Pipeline } from '../lanes/pipeline.ts'

/** Streams may become known at any time. */
const LOOK_MS_MAX = 5_000
/** However much is due, the database is not asked more often than this what it is. */
const LOOK_MS_MIN = 200

export interface AgingLoopOptions {
  readonly db: Database
  readonly log: Log
  /** Resolves when the source can be asked. */
  readonly prepared: (signal: AbortSignal) => Promise<unknown>
  readonly onRefetch: () => void
  readonly onError: (error: unknown, inARow: number) => number
}

/** Reads streams again that are as old as they may get, where their vendor has no better way to tell of changes. */
export function startAging(
  { db, log, prepared, onRefetch, onError }: AgingLoopOptions,
  pipeline: Pipeline,
): Loop {
  const { app } = pipeline
  const aging = new Aging(db, pipeline)
  const loop = startLoop({
    async step(signal: AbortSignal) {
      await prepared(signal)
      const { runs, failures } = aging.take()
      for (const failure of failures) log.warn({ app, ...failure }, 'a stream could not be read again')
      if (runs.length > 0) onRefetch()
      const nextInMs = await aging.step(signal, () => soon())
      return Math.min(LOOK_MS_MAX, Math.max(LOOK_MS_MIN, nextInMs ?? LOOK_MS_MAX))
    },
    onError,
  })
  let waking: NodeJS.Timeout | undefined
  // Where one has ended another may begin; several that end together are one reason to look.
  const soon = (): void => {
    waking ??= setTimeout(() => {
      waking = undefined
      loop.wake()
    }, LOOK_MS_MIN)
  }
  return {
    wake: () => loop.wake(),
    async stop() {
      await loop.stop()
      // Each ends after its page, and goes on from there the next time.
      await aging.idle()
      clearTimeout(waking)
    },
  }
}

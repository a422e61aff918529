import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { Outcome } from './chaos.ts'
import type { Kind } from './kind.ts'
import { kinds } from './kinds.ts'
import type { Profile } from './profile.ts'
import { addFigures, type Figures, lineOf, noFigures } from './report.ts'
import { buildTemplates, dropTemplates } from './server.ts'

export interface Asked {
  readonly seed: number
  /** How many; Infinity where the time decides. */
  readonly seeds: number
  readonly steps: number
  readonly endsAt: number
  readonly mutation: string | undefined
  readonly profile: Profile | undefined
  /** Only this one; otherwise seed by seed the next of all. */
  readonly world: string | undefined
  /** Runs side by side, each on a database and a thread of its own. */
  readonly jobs: number
  readonly all: boolean
}

/** What a worker tells of one seed. */
export interface Told extends Outcome {
  readonly seed: number
  readonly world: string
}

export interface Result {
  readonly seeds: number
  readonly failed: readonly Told[]
  readonly figures: Figures
}

/** Servers → the worlds that they have templates of. */
const built = new Map<string, Set<Kind>>()

/** The worlds that are asked for. */
export const worldsOf = ({ world }: Pick<Asked, 'world'>): readonly Kind[] =>
  kinds.filter(({ name }) => world === undefined || name === world)

async function ready(asked: Asked, url: string): Promise<void> {
  const have = built.get(url) ?? new Set<Kind>()
  built.set(url, have)
  const lacking = worldsOf(asked).filter((kind) => !have.has(kind))
  await buildTemplates(url, lacking)
  for (const kind of lacking) have.add(kind)
}

/** Drops what runs on this server have left for other runs of this process. */
export async function tidyUp(url: string): Promise<void> {
  await dropTemplates(url, [...(built.get(url) ?? [])])
  built.delete(url)
}

/** Runs the seeds in worker threads; `onSeed` hears of each in the order of their ends. */
export async function runSeeds(asked: Asked, url: string, onSeed: (told: Told) => void): Promise<Result> {
  await ready(asked, url)
  let figures = noFigures()
  let seeds = 0
  const failed: Told[] = []
  const workers: Worker[] = []
  const done = Array.from({ length: Math.min(asked.jobs, asked.seeds) }, async (_, index) => {
    const worker = new Worker(new URL('worker.ts', import.meta.url), { workerData: { asked, url, index } })
    workers.push(worker)
    worker.on('message', (told: Told) => {
      if (failed.length > 0 && !asked.all) return
      seeds++
      figures = addFigures(figures, told.figures)
      if (told.failure !== undefined) failed.push(told)
      onSeed(told)
      if (failed.length > 0 && !asked.all) for (const other of workers) other.postMessage('stop')
    })
    await once(worker, 'exit')
  })
  await Promise.all(done)
  return { seeds, failed, figures }
}

/** A failed run, with the command that repeats it. */
export function describeFailure(
  { steps, mutation, profile: asked }: Asked,
  { seed, world, failure, figures, profile }: Told,
): string {
  const bug = mutation === undefined ? '' : ` --mutate ${mutation}`
  const of = asked === undefined ? '' : ` --profile ${asked}`
  return [
    `${world} seed ${seed} (${profile}): ${lineOf(figures)}`,
    `FAILED at step ${failure?.step} (${failure?.during}): ${failure?.message}`,
    `again: npm run chaos -- --world ${world} --seed ${seed} --steps ${steps}${of}${bug}`,
  ].join('\n')
}

import { parseArgs } from 'node:util'
import { type Outcome, runChaos } from './chaos.ts'
import { mutations } from './mutations.ts'
import { addFigures, lineOf, noFigures } from './report.ts'
import { type ChaosServer, startChaosServer } from './server.ts'

const USAGE = `npm run chaos -- [--seed N] [--seeds K] [--steps M] [--minutes T] [--mutate NAME] [--all]
  --seed     the first seed; default: drawn from the time
  --seeds    how many seeds, one after the other; default 1, or as many as fit into --minutes
  --steps    steps of each run; default 80
  --mutate   plants a bug, which must be found: ${Object.keys(mutations).join(', ')}
  --all      goes on after a failure`

interface Asked {
  readonly seed: number
  readonly seeds: number
  readonly steps: number
  readonly endsAt: number
  readonly mutation: string | undefined
  readonly quiet: boolean
  readonly all: boolean
}

function read(): Asked {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      seeds: { type: 'string' },
      steps: { type: 'string', default: '80' },
      minutes: { type: 'string' },
      mutate: { type: 'string' },
      all: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help || (values.mutate !== undefined && !Object.hasOwn(mutations, values.mutate))) {
    console.log(USAGE)
    process.exit(values.help ? 0 : 2)
  }
  const minutes = values.minutes === undefined ? undefined : Number(values.minutes)
  const seeds = Number(values.seeds ?? (minutes === undefined ? 1 : Infinity))
  return {
    seed: Number(values.seed ?? Math.floor(Date.now() / 1000) % 10_000_000),
    seeds,
    steps: Number(values.steps),
    endsAt: minutes === undefined ? Infinity : Date.now() + minutes * 60_000,
    mutation: values.mutate,
    quiet: seeds > 20,
    all: values.all,
  }
}

async function runSeeds(server: ChaosServer, asked: Asked): Promise<boolean> {
  const { steps, mutation } = asked
  const startedAt = Date.now()
  let total = noFigures()
  let runs = 0
  let failed = 0
  for (; runs < asked.seeds && Date.now() < asked.endsAt; runs++) {
    const seed = asked.seed + runs
    const outcome = await runChaos({ server, seed, steps, mutation })
    total = addFigures(total, outcome.figures)
    if (outcome.failure !== undefined) {
      tellFailure(seed, asked, outcome)
      failed++
      if (!asked.all) return false
    } else if (!asked.quiet) console.log(`seed ${seed} (${outcome.profile}): ${lineOf(outcome.figures)}`)
    else if (runs % 50 === 49) console.log(`${runs + 1} seeds, ${seconds(startedAt)} s: ${lineOf(total)}`)
  }
  console.log(`${runs} seeds from ${asked.seed} in ${seconds(startedAt)} s: ${lineOf(total)}`)
  if (failed > 0) console.log(`${failed} of ${runs} seeds FAILED`)
  return failed === 0
}

const seconds = (since: number): string => ((Date.now() - since) / 1000).toFixed(1)

function tellFailure(seed: number, { steps, mutation }: Asked, { failure, figures, profile }: Outcome): void {
  console.log(`seed ${seed} (${profile}): ${lineOf(figures)}`)
  console.log(`FAILED at step ${failure?.step} (${failure?.during}): ${failure?.error.message}`)
  if (failure?.error.name !== 'Divergence') console.log(failure?.error.stack)
  const bug = mutation === undefined ? '' : ` --mutate ${mutation}`
  console.log(`again: npm run chaos -- --seed ${seed} --steps ${steps}${bug}`)
}

const asked = read()
const server = await startChaosServer()
try {
  if (!(await runSeeds(server, asked))) process.exitCode = 1
} finally {
  await server.close()
}

import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { kindOf, kinds } from './kinds.ts'
import { profiles } from './profile.ts'
import { lineOf } from './report.ts'
import { type Asked, describeFailure, runSeeds, tidyUp, type Told } from './seeds.ts'
import { startPostgres } from './server.ts'

const USAGE = `npm run chaos -- [--seed N] [--seeds K] [--steps M] [--minutes T] [--jobs J]
                 [--world W] [--profile P] [--mutate NAME] [--all]
  --seed     the first seed; default: drawn from the time
  --seeds    how many seeds; default 1, or as many as fit into --minutes
  --steps    steps of each run; default 80
  --jobs     runs side by side; default: the processors
  --world    ${kinds.map(({ name }) => name).join(', ')}; default: all, one after another
  --mutate   plants a bug, which must be found; with --world:
${kinds.map(({ name, mutations }) => `             ${name}: ${Object.keys(mutations).join(', ')}`).join('\n')}
  --profile  ${profiles.join(', ')}; default: as the seed draws
  --all      goes on after a failure`

const STEPS = '80'
/** Of more seeds than this only every fiftieth is told. */
const TOLD_MAX = 20

function read(): Asked {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      seeds: { type: 'string' },
      steps: { type: 'string', default: STEPS },
      minutes: { type: 'string' },
      jobs: { type: 'string' },
      mutate: { type: 'string' },
      profile: { type: 'string' },
      world: { type: 'string' },
      all: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const profile = profiles.find((name) => name === values.profile)
  const kind = kindOf(values.world ?? '')
  const wrong =
    profile !== values.profile ||
    kind?.name !== values.world ||
    (values.mutate !== undefined && !Object.hasOwn(kind?.mutations ?? {}, values.mutate))
  if (values.help || wrong) {
    console.log(USAGE)
    process.exit(values.help ? 0 : 2)
  }
  const minutes = values.minutes === undefined ? undefined : Number(values.minutes)
  return {
    seed: Number(values.seed ?? Math.floor(Date.now() / 1000) % 10_000_000),
    seeds: Number(values.seeds ?? (minutes === undefined ? 1 : Infinity)),
    steps: Number(values.steps),
    endsAt: minutes === undefined ? Infinity : Date.now() + minutes * 60_000,
    mutation: values.mutate,
    profile,
    world: kind?.name,
    jobs: Number(values.jobs ?? availableParallelism()),
    all: values.all,
  }
}

const asked = read()
const startedAt = Date.now()
const seconds = (): string => ((Date.now() - startedAt) / 1000).toFixed(1)
let told = 0

function tell(one: Told): void {
  told++
  if (one.failure !== undefined) console.log(describeFailure(asked, one))
  else if (asked.seeds <= TOLD_MAX)
    console.log(`${one.world} seed ${one.seed} (${one.profile}): ${lineOf(one.figures)}`)
  else if (told % 50 === 0) console.log(`${told} seeds in ${seconds()} s`)
}

const postgres = await startPostgres()
try {
  const { seeds, failed, figures } = await runSeeds(asked, postgres.url, tell)
  console.log(`${seeds} seeds from ${asked.seed} in ${seconds()} s: ${lineOf(figures)}`)
  if (failed.length > 0) {
    console.log(`${failed.length} of ${seeds} seeds FAILED`)
    process.exitCode = 1
  }
} finally {
  await tidyUp(postgres.url)
  await postgres.stop()
}

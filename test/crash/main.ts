// The crash test at length: the real server under load, killed with SIGKILL at random moments. Ends with a line of
// figures, and with 1 where an acknowledged delivery was lost or one took effect twice. Options: --kills N, --seed N.
// On an embedded Postgres of its own, or on the empty database that DATABASE_URL names.
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startEmbedded } from '../../src/db/embedded/embedded.ts'
import { createRandom } from '../../sim/monday/world/random.ts'
import { describeAccount } from './account.ts'
import { crashRun } from './run.ts'

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '100' },
    seed: { type: 'string', default: String(Date.now() % 1e6) },
  },
})
const kills = Number(values.kills)
const random = createRandom(Number(values.seed))
const home = await mkdtemp(join(tmpdir(), 'lockstep-crash-'))
await chmod(home, 0o755)
const given = process.env['DATABASE_URL']
const server = given === undefined ? await startEmbedded({ home }) : undefined
const startedAt = performance.now()
try {
  const account = await crashRun({
    databaseUrl: given ?? server?.url ?? '',
    kills,
    random: () => random.next(),
    onKill: (kill, load) => {
      if (kill % 10 === 0)
        console.log(`${kill} kills, ${load.sent.length} deliveries, ${load.acknowledged} acknowledged`)
    },
  })
  for (const wrong of account.wrong.slice(0, 5)) console.log(wrong)
  console.log(
    `${describeAccount(account, kills)}   seed ${values.seed}   ${((performance.now() - startedAt) / 1000).toFixed(0)} s`,
  )
  if (account.lost + account.doubled + account.unsettled + account.wrong.length > 0) process.exitCode = 1
} finally {
  await server?.stop()
  await rm(home, { recursive: true, force: true })
}

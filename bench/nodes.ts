// Throughput of several nodes on one database, each a process of its own: events a second that one ingest node takes
// in (answered 200, committed), and events a second that one and then two workers apply. The simulator, the senders
// and Postgres share the machine. Options: --events N (default 20000), --projects N (default 500).
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Database } from '../src/db/database.ts'
import { startEmbedded } from '../src/db/embedded/embedded.ts'
import { withSim } from '../sim/monday/with-sim.ts'
import { untilMirrored, untilSettled } from '../test/crash/account.ts'
import { loadOn } from '../test/crash/run.ts'
import { freePort, type NodeFolder, withNodeFolder } from '../test/support/node-process.ts'

const SETTLE_MAX_MS = 300_000
const { values } = parseArgs({
  options: { events: { type: 'string', default: '20000' }, projects: { type: 'string', default: '500' } },
})
const events = Number(values.events)

const home = await mkdtemp(join(tmpdir(), 'lockstep-nodes-'))
await chmod(home, 0o755)
const server = await startEmbedded({ home })
const db = new Database({ url: server.url, poolSize: 2 })
try {
  await withSim({ projects: Number(values.projects) }, async (sim) => {
    const port = await freePort()
    const base = `http://127.0.0.1:${port}`
    const ingestOn = (folder: NodeFolder) => folder.start({ role: 'ingest', env: { PORT: String(port) } })
    const send = async (): Promise<number> => {
      const load = loadOn(sim, base, Math.random, { concurrency: 64, restMs: 0 })
      const startedAt = performance.now()
      load.start()
      while (load.sent.length < events) await new Promise((done) => setTimeout(done, 20))
      await load.stop()
      return (load.requests / (performance.now() - startedAt)) * 1000
    }
    const env = { DATABASE_URL: server.url, MONDAY_API_ENDPOINT: sim.url }
    await withNodeFolder(env, async (folder) => {
      const first = folder.start({ role: 'worker' })
      await first.ready
      await untilMirrored(db)
      await first.kill('SIGTERM')
      for (const workers of [1, 2]) {
        const ingest = ingestOn(folder)
        await ingest.ready
        const taken = await send()
        const applied = await applyBacklog(folder, workers)
        console.log(
          `${workers} worker${workers === 1 ? ' ' : 's'}   ${Math.round(taken)} deliveries/s taken in   ${Math.round(applied)} events/s applied`,
        )
        await ingest.kill('SIGTERM')
      }
      await together(folder, ingestOn, send)
    })
  })
} finally {
  await db.close()
  await server.stop()
  await rm(home, { recursive: true, force: true })
}

/** Lets workers at what has gathered; events a second from the first settled one to the last. */
async function applyBacklog(folder: NodeFolder, count: number): Promise<number> {
  const { rows: before } = await db.query<{ id: number }>(
    `select min(id) as id from lockstep.inbox where status = 'pending'`,
  )
  const workers = Array.from({ length: count }, () => folder.start({ role: 'worker' }))
  await Promise.all(workers.map((worker) => worker.ready))
  await untilSettled(db, SETTLE_MAX_MS)
  const { rows } = await db.query<{ n: number; s: number }>(
    `select count(*)::int as n, extract(epoch from max(processed_at) - min(processed_at))::float8 as s
     from lockstep.inbox where id >= $1`,
    [before[0]?.id ?? 0],
  )
  await Promise.all(workers.map((worker) => worker.kill('SIGTERM')))
  return (rows[0]?.n ?? 0) / (rows[0]?.s ?? 1)
}

/** Taking in and applying at one time. */
async function together(
  folder: NodeFolder,
  ingestOn: (folder: NodeFolder) => ReturnType<NodeFolder['start']>,
  send: () => Promise<number>,
): Promise<void> {
  const nodes = [ingestOn(folder), folder.start({ role: 'worker' }), folder.start({ role: 'worker' })]
  await Promise.all(nodes.map((node) => node.ready))
  const startedAt = performance.now()
  const taken = await send()
  await untilSettled(db, SETTLE_MAX_MS)
  const all = (events / (performance.now() - startedAt)) * 1000
  console.log(
    `at one time: 1 ingest, 2 workers   ${Math.round(taken)} deliveries/s taken in   ${Math.round(all)} events/s from sent to applied`,
  )
  await Promise.all(nodes.map((node) => node.kill('SIGTERM')))
}

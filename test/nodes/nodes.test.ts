import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { Database } from '../../src/db/database.ts'
import type { MondaySim } from '../../sim/monday/index.ts'
import { withSim } from '../../sim/monday/with-sim.ts'
import { LEASE_S } from '../../src/lanes/lease.ts'
import { CLAIM_S } from '../../src/lanes/refetch-queue.ts'
import { bookEffects, takeAccount, untilMirrored, untilSettled } from '../crash/account.ts'
import { loadOn, PROJECTS } from '../crash/run.ts'
import { cloneDatabase } from '../support/database.ts'
import { until } from '../support/node.ts'
import { freePort, type NodeFolder, PATH_SECRET, withNodeFolder } from '../support/node-process.ts'

interface Nodes {
  readonly sim: MondaySim
  readonly db: Database
  readonly folder: NodeFolder
  /** Of the node that takes events in. */
  readonly base: string
  readonly port: number
}

/** A database of its own, and a folder in which nodes of any role start. */
async function withNodes(test: (nodes: Nodes) => Promise<void>, config = ''): Promise<void> {
  const { url, drop } = await cloneDatabase()
  const db = new Database({ url, poolSize: 3, applicationName: 'lockstep-test' })
  const port = await freePort()
  try {
    await withSim({ projects: 20 }, (sim) =>
      withNodeFolder(
        { DATABASE_URL: url, MONDAY_API_ENDPOINT: sim.url },
        (folder) => test({ sim, db, folder, port, base: `http://127.0.0.1:${port}` }),
        config,
      ),
    )
  } finally {
    await db.close()
    await drop()
  }
}

const startIngest = ({ folder, port }: Nodes) => folder.start({ role: 'ingest', env: { PORT: String(port) } })

it('one node takes in and two process, one of them killed in the midst: each event has its effect once', async () => {
  await withNodes(async (nodes) => {
    const { sim, db, folder, base } = nodes
    await bookEffects(db)
    const ingest = startIngest(nodes)
    const workers = [folder.start({ role: 'worker' }), folder.start({ role: 'worker' })] as const
    await Promise.all([ingest.ready, ...workers.map((worker) => worker.ready)])
    await untilMirrored(db)
    const load = loadOn(sim, base, Math.random, { restMs: 4 }).start()
    await until(
      'deliveries',
      async () => load.acknowledged,
      (n) => n > 500,
    )
    await workers[0].kill('SIGKILL')
    const killedAt = load.acknowledged
    await until(
      'more deliveries',
      async () => load.acknowledged,
      (n) => n > killedAt + 500,
    )
    await load.stop()
    // What the dead one had in hand is free at once: nothing waits for a lease.
    await untilSettled(db, 5_000)
    expect(await takeAccount(db, load.sent)).toMatchObject({ lost: 0, doubled: 0, unsettled: 0, wrong: [] })

    // The schedule of every minute: once for all nodes, though two had it.
    const runs = `select date_trunc('minute', created_on) as minute, count(*)::int as n from pgboss.job
        where name = 'lockstep' and singleton_key = 'datacube.delta' group by 1`
    const fired = await until(
      'a schedule that fires',
      async () => (await db.query<{ n: number }>(runs)).rows,
      (rows) => rows.length > 0,
      50_000,
    )
    expect(fired.filter(({ n }) => n > 1)).toEqual([])
  }, `deltaCron: '* * * * *',`)
}, 120_000)

it('a worker killed while it reads rows again and makes a pass holds them no longer than its lease', async () => {
  await withNodes(async ({ sim, db, folder }) => {
    const first = folder.start({ role: 'worker' })
    await first.ready
    await untilMirrored(db)
    await until(
      'nothing left to read again',
      async () => (await db.query('select from lockstep.refetch')).rowCount,
      (waiting) => waiting === 0,
    )
    sim.faults.latencyMs = 20_000
    const keys = [...(sim.world.boards.get(PROJECTS)?.items.keys() ?? [])].map(String)
    await db.query(
      `insert into lockstep.refetch (app, stream, key, reason) select 'datacube', $1, unnest($2::text[]), 'test'`,
      [PROJECTS, keys],
    )
    const held = `select extract(epoch from max(nullif(claimed_until, '-infinity')) - clock_timestamp())::float8 as s,
      count(*) filter (where claimed_until > clock_timestamp())::int as n from lockstep.refetch where reason = 'test'`
    const look = async () => (await db.query<{ s: number; n: number }>(held)).rows[0]
    await until('claimed rows', look, (seen) => seen?.n === keys.length)
    await first.kill('SIGKILL')
    sim.faults.latencyMs = 0
    expect((await look())?.s).toBeLessThanOrEqual(CLAIM_S)
    const leases = `select 1 from lockstep.leases where until > clock_timestamp() + interval '${LEASE_S} seconds'`
    expect((await db.query(leases)).rowCount).toBe(0)
    // The claim's end, brought nearer.
    await db.query(`update lockstep.refetch set claimed_until = clock_timestamp()`)
    const second = folder.start({ role: 'worker' })
    await second.ready
    await until('rows read again', look, (seen) => seen?.n === 0)
    await untilMirrored(db)
    expect(await second.kill('SIGTERM')).toBe(0)
  })
})

it('an event taken in by one node reaches the tables through another in less than a look takes', async () => {
  await withNodes(async (nodes) => {
    const { sim, db, folder, base } = nodes
    const ingest = startIngest(nodes)
    const worker = folder.start({ role: 'worker' })
    await Promise.all([ingest.ready, worker.ready])
    await untilMirrored(db)
    await bookEffects(db)
    const heard = `select 1 from pg_stat_activity where application_name = 'lockstep-listen' and datname = current_database()`
    const direct = (await db.query(heard)).rowCount === 1
    const load = loadOn(sim, base, Math.random, { concurrency: 1, restMs: 60 }).start()
    await until(
      'deliveries',
      async () => load.acknowledged,
      (n) => n > 20,
    )
    await load.stop()
    await untilSettled(db)
    const { rows } = await db.query<{ p50: number }>(
      `select percentile_cont(0.5) within group (order by processing_ms) as p50 from lockstep.inbox`,
    )
    // Through a transaction pooler nobody can listen: then each second must do.
    expect(rows[0]?.p50).toBeLessThan(direct ? 200 : 2_000)
  })
})

it.each(['all', 'ingest'])(
  'SIGTERM under load, role %s: what is in flight is answered 200, nothing is lost, and it ends in time',
  async (role) => {
    await withNodes(async ({ sim, db, folder, base, port }) => {
      const first = folder.start({ role: 'all' })
      await first.ready
      await untilMirrored(db)
      await first.kill('SIGTERM')
      await bookEffects(db)
      const node = folder.start({ role, env: { PORT: String(port) } })
      await node.ready
      const load = loadOn(sim, base, Math.random).start()
      await until(
        'deliveries',
        async () => load.acknowledged,
        (n) => n > 200,
      )

      // Ten that wait for their commit while the signal comes: all must be answered.
      const waiting = await db.transaction(async (tx) => {
        await tx.query('lock table lockstep.inbox_events in share row exclusive mode')
        const sending = Array.from({ length: 10 }, (_, i) => post(base, i))
        await sleep(300)
        const ended = node.kill('SIGTERM')
        const startedAt = performance.now()
        await sleep(300)
        return { sending, ended: ended.then((code) => ({ code, ms: performance.now() - startedAt })) }
      })
      expect(await Promise.all(waiting.sending)).toEqual(waiting.sending.map(() => 200))
      const { code, ms } = await waiting.ended
      expect({ code, inTime: ms < 10_000, stderr: node.stderr() }).toMatchObject({ code: 0, inTime: true })
      await load.stop()
      expect([...load.answers.keys()].filter((status) => status !== 0 && status !== 200)).toEqual([])

      const last = folder.start()
      await last.ready
      await untilSettled(db)
      const account = await takeAccount(db, load.sent)
      expect(account).toMatchObject({ lost: 0, doubled: 0, unsettled: 0, wrong: [] })
      expect(await last.kill('SIGTERM')).toBe(0)
    })
  },
)

const post = async (base: string, i: number): Promise<number> => {
  const body = JSON.stringify({ event: { type: 'create_column', boardId: 1, triggerUuid: `in flight ${i}` } })
  const url = `${base}/webhooks/datacube/${PATH_SECRET}`
  return (await fetch(url, { method: 'POST', body }).catch(() => ({ status: 0 }))).status
}

import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Database } from '../../src/db/database.ts'
import { serveTask } from './child.ts'
import { customerId } from './customers.ts'
import { percentile } from './figures.ts'
import { updates } from './plan.ts'
import { makeRequests } from './requests.ts'
import { OURS } from './rows.ts'

/**
 * Edits at a steady rate, one a customer, and when each is seen in the table by another connection. The edits are sent
 * when their time has come, answered or not; who waits for an answer would measure less, the slower the server.
 */

export interface RateTask {
  readonly port: number
  readonly path: string
  readonly databaseUrl: string
  readonly perSecond: number
  /** At the most one a customer. */
  readonly events: number
  readonly customers: number
  readonly from: number
}

export interface RateAnswer {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  readonly seen: number
}

/** Rest between two looks at the table: what is measured is at the most so much too long. */
const LOOK_MS = 1
/** Enough that one is free when an edit is due; a request behind another on one connection would wait for it. */
const CONNECTIONS = 100
const PATIENCE_MS = 30_000

serveTask(async (task: RateTask) => ({ answer: await measure(task) }))

async function measure(task: RateTask): Promise<RateAnswer> {
  const requests = makeRequests({ ...task, pool: task.events })
  const changes = updates(task.events, task.customers, task.from)
  const sockets = await Promise.all(Array.from({ length: CONNECTIONS }, () => open(task.port)))
  const db = new Database({ url: task.databaseUrl, poolSize: 1 })
  try {
    await db.query('select 1')
    const waiting = new Map<string, number>()
    const sending = send(task, (i, dueAt) => {
      waiting.set(customerId(changes[i]?.k ?? 0), dueAt)
      sockets[i % CONNECTIONS]?.write(requests[i] ?? '')
    })
    const [sorted] = await Promise.all([watch(db, task, waiting, changes[0]?.revision ?? 0), sending])
    return {
      p50Ms: percentile(sorted, 0.5),
      p99Ms: percentile(sorted, 0.99),
      maxMs: percentile(sorted, 1),
      seen: sorted.length,
    }
  } finally {
    for (const socket of sockets) socket.destroy()
    await db.close()
  }
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => resolve(socket))
    socket.once('error', reject)
    socket.setEncoding('latin1')
    socket.on('data', (chunk: string) => {
      // An edit that is refused never comes to be seen, and so fails the measurement.
      if (!chunk.startsWith('HTTP/1.1 200')) console.error(chunk.slice(0, 300))
    })
  })
}

async function send(
  { perSecond, events }: RateTask,
  edit: (i: number, dueAt: number) => void,
): Promise<void> {
  const startedAt = performance.now()
  for (let i = 0; i < events; i++) {
    // Where the sender is late, that is time that passed all the same.
    const dueAt = startedAt + (i / perSecond) * 1000
    const ahead = dueAt - performance.now()
    if (ahead > 1) await sleep(ahead)
    edit(i, Math.min(dueAt, performance.now()))
  }
}

/** Looks for the edits that are under way until all were seen; from when each was due to when it was, sorted. */
async function watch(
  db: Database,
  { events }: RateTask,
  waiting: Map<string, number>,
  revision: number,
): Promise<Float64Array> {
  const latencies: number[] = []
  for (let lastAt = performance.now(); latencies.length < events;) {
    await sleep(LOOK_MS)
    const { rows } = await db.query<{ id: string }>(
      `select id from ${OURS} where id = any ($1::text[]) and balance = $2`,
      [[...waiting.keys()], revision],
    )
    const now = performance.now()
    for (const { id } of rows) {
      latencies.push(now - (waiting.get(id) ?? now))
      waiting.delete(id)
      lastAt = now
    }
    if (now - lastAt > PATIENCE_MS) throw new Error(`${events - latencies.length} edits were not seen`)
  }
  return Float64Array.from(latencies).sort()
}

// Webhooks answered per second, over real HTTP with keep-alive connections: ours (answered after the commit), the peer
// (answered after its upsert), a server that only checks the signature, and a bare insert without any HTTP. Server and
// load are processes of their own. Options: --seconds N, --rounds N, --connections A,B,…, --profile DIR (CPU profiles of our server).
import { parseArgs } from 'node:util'
import { Database } from '../src/db/database.ts'
import { runChild, startChild } from './harness/child.ts'
import { interleave, median, round } from './harness/figures.ts'
import type { InsertTask } from './harness/insert-run.ts'
import type { LoadAnswer, LoadTask } from './harness/load.ts'
import { processAll } from './harness/ours.ts'
import { migratePeer } from './harness/peer.ts'
import { after, untouched, updates } from './harness/plan.ts'
import { type BenchPostgres, withPostgres } from './harness/postgres.ts'
import { differences, expectRows, OURS, PEERS, prefill } from './harness/rows.ts'
import type { ServerAnswer, ServerTask, Subject } from './harness/server.ts'
import { openStripe } from './harness/stripe-app.ts'
import { printTable } from './harness/table.ts'

export interface DoorOptions {
  readonly connections: readonly number[]
  readonly seconds: number
  readonly warmUpS: number
  readonly rounds: number
  readonly customers: number
  readonly profile?: string | undefined
}

export const DOOR: DoorOptions = {
  connections: [1, 10, 50, 200],
  seconds: 4,
  warmUpS: 1,
  rounds: 3,
  customers: 10_000,
}

interface Measured extends LoadAnswer {
  readonly rowsEqual: boolean
}

export interface DoorPoint {
  readonly connections: number
  readonly ours: readonly Measured[]
  readonly peer: readonly Measured[]
  readonly bare: readonly Measured[]
  readonly insert: readonly Measured[]
}

export interface DoorFigures {
  readonly peerRatio: number
  readonly limitRatio: number
  readonly limitRatio200: number
  readonly insertRatio: number
  readonly p99Ms: number
  readonly rowsEqual: boolean
  readonly raw: readonly DoorPoint[]
}

/** More than any of them answers in a second, so that the requests last. */
const PER_SECOND_MAX: Readonly<Record<Measurable, number>> = {
  ours: 30_000,
  peer: 10_000,
  bare: 10_000,
  insert: 60_000,
}
type Measurable = Subject | 'insert'
const SUBJECTS: readonly Measurable[] = ['ours', 'peer', 'bare', 'insert']

/** A database with both schemas and some customers, to be copied for each measurement. */
export async function makeTemplate(server: BenchPostgres, name: string, customers: number): Promise<void> {
  const url = await server.create(name)
  const ours = await openStripe(url)
  try {
    await migratePeer(url)
    await expectRows(ours.db, untouched(customers))
    await prefill(ours.db)
  } finally {
    await ours.close()
  }
}

export async function benchDoor(server: BenchPostgres, options: DoorOptions): Promise<DoorFigures> {
  await makeTemplate(server, 'door_template', options.customers)
  const raw: DoorPoint[] = []
  for (const connections of options.connections) {
    const measure = (subject: Measurable): Promise<Measured> =>
      subject === 'insert'
        ? measureInsert(server, { ...options, connections })
        : measureDoor(server, { ...options, subject, connections, template: 'door_template' })
    raw.push({ connections, ...(await interleave(SUBJECTS, options.rounds, measure)) })
  }
  const speed = (point: DoorPoint, subject: Measurable): number =>
    median(point[subject].map(({ perSecond }) => perSecond))
  const at = (connections: number): DoorPoint =>
    raw.find((point) => point.connections === connections) ?? (raw.at(-1) as DoorPoint)
  return {
    peerRatio: round(speed(at(50), 'ours') / speed(at(50), 'peer')),
    limitRatio: round(speed(at(50), 'ours') / speed(at(50), 'bare')),
    limitRatio200: round(speed(at(200), 'ours') / speed(at(200), 'bare')),
    insertRatio: round(speed(at(50), 'ours') / speed(at(50), 'insert')),
    p99Ms: round(median(at(50).ours.map(({ p99Ms }) => p99Ms))),
    rowsEqual: raw.every((point) => SUBJECTS.every((subject) => point[subject].every((m) => m.rowsEqual))),
    raw,
  }
}

interface Measurement extends DoorOptions {
  readonly subject: Subject
  readonly template: string
}

export async function measureDoor(
  server: BenchPostgres,
  options: Omit<Measurement, 'connections'> & { readonly connections: number },
): Promise<Measured> {
  const { subject, connections, seconds, warmUpS, customers } = options
  const databaseUrl = await server.create('door_run', options.template)
  await server.checkpoint()
  const profile = subject === 'ours' ? options.profile : undefined
  const door = await startChild<ServerTask, ServerAnswer>('server', { subject, databaseUrl }, { profile })
  try {
    const load = await runChild<LoadTask, LoadAnswer>('load', {
      ...door.answer,
      connections,
      seconds,
      warmUpS,
      customers,
      from: 0,
      pool: Math.ceil(PER_SECOND_MAX[subject] * (seconds + warmUpS)),
      again: subject === 'bare',
    })
    await door.stop()
    return { ...load, rowsEqual: await check(subject, databaseUrl, load.sent, customers) }
  } finally {
    await door.stop()
    await server.drop('door_run')
  }
}

async function measureInsert(
  server: BenchPostgres,
  { connections, seconds, warmUpS, customers }: Omit<DoorOptions, 'connections'> & { connections: number },
): Promise<Measured> {
  const databaseUrl = await server.create('door_run')
  await server.checkpoint()
  const pool = PER_SECOND_MAX.insert * (seconds + warmUpS)
  const task: InsertTask = { databaseUrl, connections, seconds, warmUpS, customers, pool }
  try {
    const inserted = await runChild<InsertTask, LoadAnswer>('insert-run', task)
    const db = new Database({ url: databaseUrl, poolSize: 1 })
    try {
      const { rows } = await db.query<{ n: number }>('select count(*)::int as n from bare_inbox')
      return { ...inserted, rowsEqual: rows[0]?.n === inserted.sent }
    } finally {
      await db.close()
    }
  } finally {
    await server.drop('door_run')
  }
}

/** Each event that was answered is there, once; and applied, they give the rows that they must. */
async function check(subject: Subject, url: string, sent: number, customers: number): Promise<boolean> {
  if (subject === 'bare') return true
  const ours = await openStripe(url)
  try {
    await expectRows(ours.db, after(updates(sent, customers), untouched(customers)))
    if (subject === 'peer') return (await differences(ours.db, PEERS)) === 0
    const kept = await countInbox(ours.db)
    await processAll(ours, { workers: 1, batch: 2_000 })
    return kept === sent && (await differences(ours.db, OURS)) === 0
  } finally {
    await ours.close()
  }
}

async function countInbox(db: Database): Promise<number> {
  const { rows } = await db.query<{ n: number }>(
    `select count(*)::int as n from lockstep.inbox where status = 'pending' and deliveries = 1`,
  )
  return rows[0]?.n ?? 0
}

export function printDoor({ raw, ...figures }: DoorFigures): void {
  const rows = raw.flatMap((point) =>
    SUBJECTS.map((subject) => {
      const of = (pick: (m: Measured) => number): string => String(round(median(point[subject].map(pick))))
      return [
        String(point.connections),
        subject,
        String(Math.round(median(point[subject].map((m) => m.perSecond)))),
        of((m) => m.p50Ms),
        of((m) => m.p99Ms),
      ]
    }),
  )
  printTable('Door', ['connections', 'subject', 'webhooks/s', 'p50 ms', 'p99 ms'], rows)
  console.log(JSON.stringify(figures))
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: String(DOOR.seconds) },
      rounds: { type: 'string', default: String(DOOR.rounds) },
      connections: { type: 'string', default: DOOR.connections.join(',') },
      profile: { type: 'string' },
    },
  })
  const options: DoorOptions = {
    ...DOOR,
    seconds: Number(values.seconds),
    rounds: Number(values.rounds),
    connections: values.connections.split(',').map(Number),
    profile: values.profile,
  }
  const figures = await withPostgres((server) => benchDoor(server, options))
  printDoor(figures)
  if (!figures.rowsEqual) process.exitCode = 1
}

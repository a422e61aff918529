// Events from the inbox to the table per second: creates, updates, deletes, a fifth of them duplicates. Ours with one
// worker and with two, the peer with as many webhooks at a time as it has connections, and a bare set-based update of
// the same rows. Options: --events N, --peer-events N, --rounds N, --batch N, --profile DIR (CPU profiles of ours).
import { parseArgs } from 'node:util'
import type { ApplyAnswer, ApplySubject, ApplyTask } from './harness/apply-run.ts'
import { runChild } from './harness/child.ts'
import { interleave, median, round } from './harness/figures.ts'
import { fillInbox } from './harness/ours.ts'
import { migratePeer } from './harness/peer.ts'
import { mixed, untouched } from './harness/plan.ts'
import { type BenchPostgres, withPostgres } from './harness/postgres.ts'
import { differences, expectRows, OURS, PEERS, prefill } from './harness/rows.ts'
import { openStripe } from './harness/stripe-app.ts'
import { printTable } from './harness/table.ts'

export interface ApplyOptions {
  readonly events: number
  /** The peer's pace does not depend on how many there are, and it takes many times as long for each. */
  readonly peerEvents: number
  readonly customers: number
  readonly rounds: number
  /** Events a transaction: what a worker takes. */
  readonly batch: number
  readonly profile?: string | undefined
}

export const APPLY: ApplyOptions = {
  events: 100_000,
  peerEvents: 30_000,
  customers: 10_000,
  rounds: 3,
  batch: 4_000,
}

const SUBJECTS = ['ours, 1 worker', 'ours, 2 workers', 'peer', 'bare, 1 worker', 'bare, 2 workers'] as const
type Subject = (typeof SUBJECTS)[number]

export interface Applied extends ApplyAnswer {
  readonly rowsEqual: boolean
}

export interface ApplyFigures {
  readonly peerRatio: number
  readonly limitRatio: number
  readonly rowsEqual: boolean
  readonly raw: Readonly<Record<Subject, readonly Applied[]>>
}

const TEMPLATE = 'apply_template'

export async function benchApply(server: BenchPostgres, options: ApplyOptions): Promise<ApplyFigures> {
  const { events, customers } = options
  const url = await server.create(TEMPLATE)
  const ours = await openStripe(url)
  try {
    await migratePeer(url)
    await expectRows(ours.db, untouched(customers))
    await prefill(ours.db)
    await fillInbox(ours, mixed(events, customers).changes)
    await ours.db.query('vacuum analyze')
  } finally {
    await ours.close()
  }
  const raw = await interleave(SUBJECTS, options.rounds, (subject) => measureApply(server, subject, options))
  const best = (...subjects: Subject[]): number =>
    Math.max(...subjects.map((subject) => median(raw[subject].map(({ perSecond }) => perSecond))))
  const mine = best('ours, 1 worker', 'ours, 2 workers')
  return {
    peerRatio: round(mine / best('peer')),
    limitRatio: round(mine / best('bare, 1 worker', 'bare, 2 workers')),
    rowsEqual: SUBJECTS.every((subject) => raw[subject].every(({ rowsEqual }) => rowsEqual)),
    raw,
  }
}

async function measureApply(server: BenchPostgres, name: Subject, options: ApplyOptions): Promise<Applied> {
  const databaseUrl = await server.create('apply_run', TEMPLATE)
  const { customers, batch } = options
  const subject = name.slice(0, 4) as ApplySubject
  const workers = name.includes('2') ? 2 : 1
  const events = subject === 'peer' ? Math.min(options.peerEvents, options.events) : options.events
  await server.checkpoint()
  try {
    const task: ApplyTask = { subject, databaseUrl, events, customers, workers, batch }
    const profile = subject === 'ours' ? options.profile : undefined
    const answer = await runChild<ApplyTask, ApplyAnswer>('apply-run', task, { profile })
    return { ...answer, rowsEqual: await check(task) }
  } finally {
    await server.drop('apply_run')
  }
}

/** The limit's own rows are counted as it writes them. */
async function check({ subject, databaseUrl, events, customers }: ApplyTask): Promise<boolean> {
  if (subject === 'bare') return true
  const ours = await openStripe(databaseUrl)
  try {
    await expectRows(ours.db, mixed(events, customers).live)
    return (await differences(ours.db, subject === 'ours' ? OURS : PEERS)) === 0
  } finally {
    await ours.close()
  }
}

export function printApply({ raw, ...figures }: ApplyFigures): void {
  const rows = SUBJECTS.map((subject) => [
    subject,
    String(Math.round(median(raw[subject].map(({ perSecond }) => perSecond)))),
    raw[subject].map(({ perSecond }) => Math.round(perSecond)).join(' '),
  ])
  printTable('Apply', ['subject', 'events/s', 'rounds'], rows)
  console.log(JSON.stringify(figures))
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      events: { type: 'string', default: String(APPLY.events) },
      'peer-events': { type: 'string', default: String(APPLY.peerEvents) },
      rounds: { type: 'string', default: String(APPLY.rounds) },
      batch: { type: 'string', default: String(APPLY.batch) },
      profile: { type: 'string' },
    },
  })
  const options: ApplyOptions = {
    ...APPLY,
    events: Number(values.events),
    peerEvents: Number(values['peer-events']),
    rounds: Number(values.rounds),
    batch: Number(values.batch),
    profile: values.profile,
  }
  const figures = await withPostgres((server) => benchApply(server, options))
  printApply(figures)
  if (!figures.rowsEqual) process.exitCode = 1
}

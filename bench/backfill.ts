// Rows read from a vendor into a table of thirty columns per second, and the memory that it takes: ours through the
// backfill lane with its checkpoints, the peer's upsert, and a bare COPY and merge. Three passes: all new, all changed,
// none changed. Options: --rows A,B (the peer reads --peer-rows N at the most), --rounds N, --profile DIR.
import { parseArgs } from 'node:util'
import type { BackfillAnswer, BackfillSubject, BackfillTask } from './harness/backfill-run.ts'
import { runChild } from './harness/child.ts'
import { copyExpected, wideDifferences, withClient } from './harness/copy.ts'
import { interleave, median, round } from './harness/figures.ts'
import { openOurs } from './harness/ours.ts'
import { type BenchPostgres, withPostgres } from './harness/postgres.ts'
import { printTable } from './harness/table.ts'
import { type Pass, PASSES, VERSIONS, WIDE_TYPED, wideApp } from './harness/wide.ts'

export interface BackfillOptions {
  /** Rows of the small table and of the large one. */
  readonly rows: readonly [small: number, large: number]
  /** The peer's pace does not depend on how many there are, and it takes minutes for a million. */
  readonly peerRows: number
  /** Of the small table; the large one is read once. */
  readonly rounds: number
  readonly profile?: string | undefined
}

export const BACKFILL: BackfillOptions = { rows: [100_000, 1_000_000], peerRows: 50_000, rounds: 2 }

const SUBJECTS: readonly BackfillSubject[] = ['ours', 'peer', 'copy']
const TABLES: Readonly<Record<BackfillSubject, string>> = {
  ours: 'public.wide',
  peer: 'stripe.wide',
  copy: 'bare_wide',
}

interface Measured extends BackfillAnswer {
  readonly rows: number
  readonly rowsEqual: boolean
}

type Measurement = Readonly<Record<Pass, Measured>>

export interface BackfillFigures {
  readonly backfill: {
    readonly peerRatio: number
    readonly limitRatio: number
    readonly unchangedRatio: number
    readonly rowsEqual: boolean
    readonly raw: {
      readonly small: Readonly<Record<BackfillSubject, readonly Measurement[]>>
      readonly large: Readonly<Record<'ours' | 'copy', readonly Measurement[]>>
    }
  }
  readonly memory: {
    readonly growthMb: number
    readonly rowsEqual: boolean
    readonly raw: { readonly rows: readonly number[]; readonly peakMb: readonly number[] }
  }
}

export async function benchBackfill(
  server: BenchPostgres,
  options: BackfillOptions,
): Promise<BackfillFigures> {
  const [smallRows, largeRows] = options.rows
  const peerRows = Math.min(options.peerRows, smallRows)
  const sizes = new Set([smallRows, largeRows, peerRows])
  for (const rows of sizes) await makeTables(await server.create(templateOf(rows)), rows)
  const small = await interleave(SUBJECTS, options.rounds, (subject) =>
    measureBackfill(server, subject, subject === 'peer' ? peerRows : smallRows, options),
  )
  const large = await interleave(['ours', 'copy'] as const, 1, (subject) =>
    measureBackfill(server, subject, largeRows, options),
  )
  for (const rows of sizes) await server.drop(templateOf(rows))
  // At the large size, where the start of a process is least of it; the peer's pace does not depend on the size.
  const measured = { ...large, peer: small.peer }
  const speed = (subject: BackfillSubject, pass: Pass): number =>
    median(measured[subject].map((m) => m[pass].perSecond))
  const peak = (measurements: readonly Measurement[]): number =>
    median(measurements.map((m) => m.first.peakMb))
  const peakMb = [peak(small.ours), peak(large.ours)].map(round)
  const all = [...Object.values(small).flat(), ...Object.values(large).flat()]
  const rowsEqual = all.every((m) => PASSES.every((pass) => m[pass].rowsEqual))
  return {
    backfill: {
      peerRatio: round(speed('ours', 'first') / speed('peer', 'first')),
      limitRatio: round(speed('ours', 'first') / speed('copy', 'first')),
      unchangedRatio: round(speed('ours', 'unchanged') / speed('ours', 'first')),
      rowsEqual,
      raw: { small, large },
    },
    memory: {
      growthMb: round(peak(large.ours) - peak(small.ours)),
      rowsEqual,
      raw: { rows: options.rows, peakMb },
    },
  }
}

const templateOf = (rows: number): string => `backfill_${rows}`

/** All three passes of one subject, each in a process of its own, in a database of their own. */
async function measureBackfill(
  server: BenchPostgres,
  subject: BackfillSubject,
  rows: number,
  options: BackfillOptions,
): Promise<Measurement> {
  const databaseUrl = await server.create('backfill_run', templateOf(rows))
  try {
    const measured: Partial<Record<Pass, Measured>> = {}
    for (const pass of PASSES) {
      await server.checkpoint()
      const profile = subject === 'ours' ? options.profile : undefined
      const task: BackfillTask = { subject, databaseUrl, rows, pass }
      const answer = await runChild<BackfillTask, BackfillAnswer>('backfill-run', task, { profile })
      const rowsEqual = await check(databaseUrl, subject, pass)
      measured[pass] = { ...answer, rows, rowsEqual }
    }
    return measured as Measurement
  } finally {
    await server.drop('backfill_run')
  }
}

async function makeTables(url: string, rows: number): Promise<void> {
  const typed = WIDE_TYPED.join(', ')
  await withClient(url, async (client) => {
    await client.query(`create table public.wide (id text primary key, ${typed}, extra jsonb not null default '{}',
      _stamp text collate "C" not null, _stamps jsonb, _digest text,
      last_synced_at timestamptz not null default now()) with (fillfactor = 85)`)
    await client.query('create schema stripe')
    await client.query(`create table stripe.wide (id text primary key, ${typed}, last_synced_at timestamptz)`)
    await client.query(`create table bare_wide (id text primary key, ${typed})`)
    for (const version of new Set(Object.values(VERSIONS)))
      await copyExpected(client, `expected_${version}`, rows, version)
  })
  const ours = await openOurs(url, wideApp({ rows, version: 1 }))
  await ours.close()
}

const check = (url: string, subject: BackfillSubject, pass: Pass): Promise<boolean> =>
  withClient(url, async (client) => {
    const differences = await wideDifferences(client, TABLES[subject], `expected_${VERSIONS[pass]}`)
    await client.query(`vacuum analyze ${TABLES[subject]}`)
    return differences === 0
  })

export function printBackfill({ backfill, memory }: BackfillFigures): void {
  const { small, large } = backfill.raw
  const rows = ([small, large] as const).flatMap((size) =>
    Object.entries(size).map(([subject, measurements]: [string, readonly Measurement[]]) => [
      subject,
      String(measurements[0]?.first.rows),
      ...PASSES.map((pass) => String(Math.round(median(measurements.map((m) => m[pass].perSecond))))),
      String(Math.round(median(measurements.map((m) => m.first.peakMb)))),
    ]),
  )
  printTable('Backfill, rows/s', ['subject', 'rows', ...PASSES, 'peak MB'], rows)
  const { raw: _, ...figures } = backfill
  console.log(JSON.stringify({ backfill: figures, memory }))
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      rows: { type: 'string', default: BACKFILL.rows.join(',') },
      'peer-rows': { type: 'string', default: String(BACKFILL.peerRows) },
      rounds: { type: 'string', default: String(BACKFILL.rounds) },
      profile: { type: 'string' },
    },
  })
  const [small = 0, large = 0] = values.rows.split(',').map(Number)
  const options: BackfillOptions = {
    rows: [small, large],
    peerRows: Number(values['peer-rows']),
    rounds: Number(values.rounds),
    profile: values.profile,
  }
  const figures = await withPostgres((server) => benchBackfill(server, options))
  printBackfill(figures)
  if (!figures.backfill.rowsEqual) process.exitCode = 1
}

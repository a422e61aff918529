// How fresh the portal is while its vendor is at work, in the demo's own world (simulators in processes of their own, a
// node, live traffic): from an event at the vendor to its row in Postgres, the read cache under the reads of dashboards,
// and the age of every workspace's mailboxes. Exits 1 where a promise is not kept.
// Options: --minutes N (default 7), --events N (300), --workspaces N (24), --mailboxes N (4000), --traffic N (5 a second).
import { type ChildProcess, spawn } from 'node:child_process'
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Database } from '../src/db/database.ts'
import { embeddedUrl } from '../src/db/embedded/embedded.ts'
import { percentile } from './harness/figures.ts'
import { printTable } from './harness/table.ts'
import { end, root } from './world.ts'

const P95_MAX_MS = 500
const HIT_RATE_MIN = 0.8
const AGE_MAX_S = 300
/** The first sync of 4,000 mailboxes on two busy cores. */
const START_MS_MAX = 600_000
const LOST_MS = 30_000
const LOOK_MS = 4
/** The cache writes down what it did each half minute. */
const REPORT_MS = 35_000
/** Dashboards that are open, and how often each of them asks for all that it shows. */
const DASHBOARDS = 6
const REFRESH_MS = 5_000
const ROUTES = [
  'kpis', 'kpis/warnings', 'volume', 'volume/banner', 'workspaces', 'mailboxes/alerts', 'mailboxes/capacity',
  'mailboxes/status', 'providers', 'revenue', 'health', 'leads?limit=50',
] as const // prettier-ignore

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '7' },
    events: { type: 'string', default: '300' },
    workspaces: { type: 'string', default: '24' },
    mailboxes: { type: 'string', default: '4000' },
    traffic: { type: 'string', default: '5' },
  },
})

interface World {
  readonly db: Database
  /** Of the node's API and of the vendor's simulator. */
  readonly api: string
  readonly vendor: string
}

interface Reads {
  answered: number
  readonly failed: Map<string, number>
}

const home = await mkdtemp(join(tmpdir(), 'lockstep-freshness-'))
await chmod(home, 0o755)
const demo = startDemo(home)
try {
  const url = await whole(demo, home)
  const db = new Database({ url, poolSize: 4, applicationName: 'lockstep-freshness' })
  try {
    await caughtUp(db)
    process.exitCode = (await measure(await world(db, home))) ? 0 : 1
  } finally {
    await db.close()
  }
} finally {
  await end(demo, 'SIGINT')
  await rm(home, { recursive: true, force: true })
}

function startDemo(folder: string): ChildProcess {
  const { workspaces, mailboxes, traffic } = values
  const given = { workspaces, mailboxes, traffic, projects: '300' }
  const args = Object.entries(given).flatMap(([name, value]) => [`--${name}`, value])
  const env = { ...process.env, LOCKSTEP_HOME: folder, PORT: '0', DATABASE_URL: '' }
  return spawn(process.execPath, [join(root, 'bin/lockstep.js'), 'demo', ...args], {
    cwd: folder,
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
}

/** Resolves with the database's URL when everything was read once and traffic runs. */
async function whole(child: ChildProcess, folder: string): Promise<string> {
  let text = ''
  child.stderr?.on('data', (chunk: Buffer) => (text = (text + chunk.toString()).slice(-20_000)))
  const startedAt = performance.now()
  while (!text.includes('Everything is in Postgres')) {
    if (child.exitCode !== null) throw new Error(`the demo ended with ${child.exitCode}: ${text}`)
    if (performance.now() - startedAt > START_MS_MAX) throw new Error(`the demo did not get ready: ${text}`)
    await sleep(200)
  }
  const url = await embeddedUrl(folder)
  if (url === undefined) throw new Error('the demo has no database')
  console.log(`everything was read in ${seconds(startedAt)} s`)
  return url
}

/** The vendor's record of days gone by is some ten thousand events, which come once. */
async function caughtUp(db: Database): Promise<void> {
  const startedAt = performance.now()
  for (;;) {
    const { rows } = await db.query<{ done: boolean }>(
      `select (select count(*) from lockstep.event_log_marks where app = 'portal')
           >= (select count(*) from public.client_registry)
         and not exists (select from lockstep.inbox_queue where app = 'portal' and attempts = 0 offset 200) as done`,
    )
    if (rows[0]?.done === true) break
    if (performance.now() - startedAt > START_MS_MAX)
      throw new Error('the events of the days before were not read')
    await sleep(500)
  }
  console.log(`the events of the days before were counted in ${seconds(startedAt)} s more; measuring`)
}

function seconds(startedAt: number): number {
  return Math.round((performance.now() - startedAt) / 1000)
}

async function world(db: Database, folder: string): Promise<World> {
  const session = JSON.parse(await readFile(join(folder, 'session.json'), 'utf8')) as {
    url: string
    bison: { url: string }
  }
  return { db, api: `${session.url}/api/v1/portal`, vendor: session.bison.url }
}

/** True where every promise was kept. */
async function measure(w: World): Promise<boolean> {
  const ending = new AbortController()
  const { signal } = ending
  const { rows } = await w.db.query<{ now: string }>('select clock_timestamp()::text as now')
  const since = rows[0]?.now ?? ''
  const reads: Reads = { answered: 0, failed: new Map() }
  const ages = new Map<string, number>()
  const dashboards = Array.from({ length: DASHBOARDS }, (_, i) => dashboard(w, reads, i, signal))
  const watching = watchAges(w, ages, signal)
  const endAt = performance.now() + Number(values.minutes) * 60_000
  const latencies = await events(w, Number(values.events), endAt)
  await sleep(Math.max(0, endAt - performance.now()))
  ending.abort()
  await Promise.all([...dashboards, watching])
  await sleep(REPORT_MS)
  return report({ latencies, reads, ages, hits: await hitRates(w.db, since) })
}

/** One person's screen: all its figures, again and again. */
async function dashboard({ api }: World, reads: Reads, place: number, signal: AbortSignal): Promise<void> {
  // They were not all opened at one moment.
  await sleep((REFRESH_MS / DASHBOARDS) * place, undefined, { signal }).catch(() => {})
  while (!signal.aborted) {
    for (const route of ROUTES) {
      const response = await fetch(`${api}/${route}`)
      await response.arrayBuffer()
      if (response.ok) reads.answered++
      else reads.failed.set(route, (reads.failed.get(route) ?? 0) + 1)
    }
    await sleep(REFRESH_MS, undefined, { signal }).catch(() => {})
  }
}

interface Probe {
  readonly id: number
  readonly kind: 'sendEmail' | 'reply'
  readonly at: number
}

/** Lets things happen at the vendor beside its traffic, evenly over the time; how long each took to be a row, ms. */
async function events({ db, vendor }: World, count: number, endAt: number): Promise<number[]> {
  const latencies: number[] = []
  const waiting = new Map<string, Probe>()
  const workspaces = await workspaceIds(vendor)
  const spacingMs = Math.max(50, (endAt - performance.now() - LOST_MS) / count)
  let made = 0
  let nextAt = performance.now()
  while (made < count || waiting.size > 0) {
    if (made < count && performance.now() >= nextAt) {
      const kind = made % 5 === 4 ? 'reply' : 'sendEmail'
      const at = performance.now()
      const id = await act(vendor, kind, workspaces[made % workspaces.length] ?? 0)
      if (id !== undefined) waiting.set(`${kind} ${id}`, { id, kind, at })
      made++
      nextAt += spacingMs
    }
    for (const key of await seen(db, [...waiting.values()])) {
      const probe = waiting.get(key)
      if (probe !== undefined) latencies.push(performance.now() - probe.at)
      waiting.delete(key)
    }
    const lost = [...waiting.values()].find(({ at }) => performance.now() - at > LOST_MS)
    if (lost !== undefined) throw new Error(`${lost.kind} ${lost.id} was no row after ${LOST_MS / 1000} s`)
    await sleep(LOOK_MS)
  }
  return latencies
}

async function workspaceIds(vendor: string): Promise<number[]> {
  const stats = (await (await fetch(`${vendor}/control/stats`)).json()) as {
    workspaces: { id: number; mailboxes: number; webhooks: number }[]
  }
  return stats.workspaces
    .filter(({ mailboxes, webhooks }) => mailboxes > 0 && webhooks > 0)
    .map(({ id }) => id)
}

/** The id of what happened; undefined where the workspace has nothing that could send. */
async function act(vendor: string, op: Probe['kind'], workspace: number): Promise<number | undefined> {
  const response = await fetch(`${vendor}/control/act`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ op, args: [workspace, {}] }),
  })
  const answer = (await response.json()) as { id?: number }
  return response.ok ? answer.id : undefined
}

/** Which of these are rows that another connection reads. */
async function seen(db: Database, probes: readonly Probe[]): Promise<string[]> {
  if (probes.length === 0) return []
  const idsOf = (wanted: Probe['kind']): number[] =>
    probes.filter(({ kind }) => kind === wanted).map(({ id }) => id)
  const { rows } = await db.query<{ key: string }>(
    `select 'sendEmail ' || scheduled_email_id as key from public.email_events
     where event_type = 'email_sent' and scheduled_email_id = any ($1::bigint[])
       and recorded_at > now() - interval '2 minutes'
     union all
     select 'reply ' || bison_reply_numeric_id from public.lead_replies
     where bison_reply_numeric_id = any ($2::bigint[])`,
    [idsOf('sendEmail'), idsOf('reply')],
  )
  return rows.map(({ key }) => key)
}

/**
 * The oldest mailbox of each workspace, looked at every few seconds: read when the last whole pass began, until the next
 * one reaches it; a pass that is under way comes to all of them in the same order.
 */
async function watchAges({ db }: World, ages: Map<string, number>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const { rows } = await db.query<{ name: string; age: number }>(
      `select stream_name as name, extract(epoch from
         coalesce(min(started_at) filter (where status = 'running'), clock_timestamp())
         - max(started_at) filter (where status = 'completed'))::float8 as age
       from lockstep.runs where app = 'portal' and lane = 'backfill' and stream like '%/sender-emails'
       group by stream_name`,
    )
    for (const { name, age } of rows) ages.set(name, Math.max(age, ages.get(name) ?? 0))
    await sleep(3_000, undefined, { signal }).catch(() => {})
  }
}

interface HitRate {
  name: string
  calls: number
  hits: number
}

async function hitRates(db: Database, since: string): Promise<HitRate[]> {
  const { rows } = await db.query<HitRate>(
    `select function_name as name, sum(calls)::int as calls,
       coalesce(sum(calls) filter (where cache_hit), 0)::int as hits
     from public.function_call_logs where called_at > $1::timestamptz and function_name like 'api.%'
     group by 1 order by 1`,
    [since],
  )
  return rows
}

interface Findings {
  readonly latencies: readonly number[]
  readonly reads: Reads
  readonly ages: ReadonlyMap<string, number>
  readonly hits: readonly HitRate[]
}

function percent(part: number, whole: number): string {
  return whole === 0 ? '–' : `${((part / whole) * 100).toFixed(1)}%`
}

function report({ latencies, reads, ages, hits }: Findings): boolean {
  const sorted = latencies.toSorted((a, b) => a - b)
  const [p50, p95, p99] = [0.5, 0.95, 0.99].map((share) => percentile(sorted, share))
  const [calls, served] = [sum(hits.map((one) => one.calls)), sum(hits.map((one) => one.hits))]
  const oldest = [...ages].sort(([, a], [, b]) => b - a)
  const failed = sum([...reads.failed.values()])
  printTable(
    'Cached answers, by route',
    ['route', 'reads', 'from the cache'],
    hits.map((one) => [one.name, String(one.calls), percent(one.hits, one.calls)]),
  )
  printTable(
    'Oldest mailbox of each workspace, at its oldest',
    ['workspace', 'seconds'],
    oldest.map(([name, age]) => [name.replace(/: mailboxes$/, ''), age.toFixed(0)]),
  )
  const promises: readonly (readonly [what: string, measured: string, promise: string, kept: boolean])[] = [
    ['event to row, p50', `${p50?.toFixed(1)} ms`, '', true],
    ['event to row, p95', `${p95?.toFixed(1)} ms`, `< ${P95_MAX_MS} ms`, (p95 ?? Infinity) < P95_MAX_MS],
    ['event to row, p99', `${p99?.toFixed(1)} ms`, '', true],
    ['events measured', String(sorted.length), `≥ ${values.events}`, sorted.length >= Number(values.events)],
    ['cache hit rate', percent(served, calls), `> ${HIT_RATE_MIN * 100}%`, served / calls > HIT_RATE_MIN],
    ['reads of dashboards', String(reads.answered), 'none fails', failed === 0],
    [
      'oldest mailbox',
      `${oldest[0]?.[1].toFixed(0)} s`,
      `< ${AGE_MAX_S} s`,
      (oldest[0]?.[1] ?? Infinity) < AGE_MAX_S,
    ],
  ]
  printTable(
    `Freshness: ${ages.size} workspaces, ${values.mailboxes} mailboxes, ${values.traffic} events a second, ${values.minutes} minutes`,
    ['', 'measured', 'promised', ''],
    promises.map(([what, measured, promise, kept]) => [what, measured, promise, kept ? '' : 'NOT KEPT']),
  )
  for (const [route, times] of reads.failed) console.log(`${route} failed ${times} times`)
  return promises.every(([, , , kept]) => kept)
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, n) => total + n, 0)
}

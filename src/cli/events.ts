import { ConfigError } from '../engine/errors.ts'
import { type EventDetail, listEvents, replayEvents, showEvent } from '../inbox/ledger.ts'
import { withDatabase } from './engine-database.ts'
import { ago, print, printJson, say, table } from './output.ts'

const STATUSES = ['pending', 'processed', 'dead']
const ERROR_SHOWN = 80

interface ListFlags {
  readonly app?: string
  readonly status?: string
  readonly limit?: number
  readonly json?: boolean
}

/** `lockstep events list` and `dead`. */
export async function list(options: Record<string, unknown>): Promise<void> {
  const { app, status, limit = 20, json } = options as ListFlags
  if (status !== undefined && !STATUSES.includes(status)) {
    throw new ConfigError(`--status ${status}: use ${STATUSES.join(', ')}`)
  }
  await withDatabase('events', async ({ db }) => {
    const events = await listEvents(db, { app, status, limit })
    if (json === true) return printJson(events)
    if (events.length === 0) return say('No such events.')
    const now = Date.now()
    const rows = events.map((e) => [
      String(e.id),
      e.app,
      e.event_type,
      e.stream,
      e.entity,
      ago(e.received_at, now),
      e.status,
      e.outcome,
      e.attempts,
      e.deliveries,
      e.processing_ms,
      e.error?.replace(/\s+/g, ' ').slice(0, ERROR_SHOWN) ?? null,
    ])
    const head = [
      'id',
      'app',
      'event',
      'stream',
      'entity',
      'received',
      'status',
      'outcome',
      'tries',
      'deliveries',
      'ms',
      'error',
    ]
    print(table(head, rows))
  })
}

/** `lockstep events show`. */
export async function show(id: string, options: { json?: boolean }): Promise<void> {
  const wanted = readId(id)
  await withDatabase('events', async ({ db }) => {
    const event = await showEvent(db, wanted)
    if (event === undefined) {
      say(
        `lockstep: there is no event ${wanted}. "lockstep events list" shows the newest; settled ones are purged after 30 days`,
      )
      process.exitCode = 1
    } else if (options.json === true) printJson(event)
    else print(describe(event))
  })
}

function describe({ headers, body, error, ...event }: EventDetail): string {
  const facts = Object.entries(event).map(
    ([name, value]) => `${name.padEnd(14)} ${value === null ? '–' : String(value)}`,
  )
  const sent = Object.entries(headers ?? {}).map(([name, value]) => `  ${name}: ${value}`)
  return [
    ...facts,
    ...(error === null ? [] : ['', 'error', error.replace(/^/gm, '  ')]),
    '',
    'headers',
    ...sent,
    '',
    'body',
    pretty(body).replace(/^/gm, '  '),
  ].join('\n')
}

function pretty(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 2)
  } catch {
    return body
  }
}

interface ReplayFlags {
  readonly app?: string
  readonly error?: string
  readonly from?: string
  readonly to?: string
  readonly all?: boolean
  readonly json?: boolean
}

/** `lockstep events replay`. */
export async function replay(ids: readonly string[], options: Record<string, unknown>): Promise<void> {
  const flags = options as ReplayFlags
  const { app, error } = flags
  const wanted = ids.map(readId)
  const [from, to] = [readTime('--from', flags.from), readTime('--to', flags.to)]
  if (wanted.length === 0 && [app, error, from, to].every((filter) => filter === undefined)) {
    throw new ConfigError('say which events: their ids, or at least one of --app, --error, --from, --to')
  }
  await withDatabase('events', async ({ db }) => {
    const replayed = await replayEvents(db, {
      ids: wanted.length === 0 ? undefined : wanted,
      app,
      error,
      from,
      to,
      // Who names an event means that one, whatever became of it.
      deadOnly: wanted.length === 0 && flags.all !== true,
    })
    if (flags.json === true) printJson({ replayed })
    else print(`${replayed} ${replayed === 1 ? 'event is' : 'events are'} pending again.`)
    if (replayed > 0)
      say('A running node takes them up within a second; where none runs, start one with "lockstep up".')
    if (wanted.length > replayed) {
      say(
        `${wanted.length - replayed} of the given ids were not replayed: not there, pending already, or left out by a filter.`,
      )
      process.exitCode = 1
    }
  })
}

function readId(text: string): number {
  const id = Number(text)
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(id))
    throw new ConfigError(`"${text}" is not the id of an event: a whole number`)
  return id
}

const ISO = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$/

/** A time without a zone is this machine's; a bare day begins at 00:00 UTC. */
function readTime(option: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  const at = ISO.test(text) ? Date.parse(text) : Number.NaN
  if (!Number.isFinite(at))
    throw new ConfigError(`${option} ${text}: use ISO 8601, such as 2026-03-21T08:00:00Z`)
  return new Date(at).toISOString()
}

import { ConfigError } from '../../engine/errors.ts'
import { machineClock } from '../clock.ts'
import {
  type Clock,
  type Delivery,
  type EventLog,
  type FetchedRow,
  type KeysRequest,
  type Page,
  type PageRequest,
  ROW,
  type Source,
  type SourceStore,
  type Stream,
  type Usage,
} from '../contract.ts'
import { Activity } from './activity.ts'
import { BisonClient, NotFoundError } from './client.ts'
import { COLUMNS, type Kind } from './columns.ts'
import { bisonDoor, hookOf } from './door.ts'
import { readEventLog } from './event-log.ts'
import { readList } from './paging.ts'
import { type InstanceOf, parseDelivery, type StreamIds } from './parse.ts'
import { decodeRow, GRANULE_US, keyPrefix, object } from './rows.ts'
import { bisonSchedules, type ScheduleReader } from './schedule.ts'
import { bisonStatistics, type StatisticsReader } from './statistics.ts'
import { BisonWebhooks } from './webhooks.ts'
import { asWorkspace, type Instance, scopeOf, type Workspace, Workspaces } from './workspaces.ts'

export interface EmailBisonOptions {
  readonly instances: readonly Instance[]
  /** From which each workspace's webhook path is made. */
  readonly webhookSecret?: string | undefined
  /** Where our webhooks are, without their secrets. */
  readonly webhookUrl: () => string | undefined
  /** Calls a minute to each instance; default 340: what has run for days without a refusal. */
  readonly callsPerMinute?: number
  readonly timeoutMs?: number
  readonly clock?: Clock
  /**
   * How old each kind may get, milliseconds; default mailboxes 5 minutes, campaigns 1 minute, replies 2 minutes.
   * Campaigns and replies of a workspace in which nothing is sent: 5 minutes at least.
   */
  readonly maxAgeMs?: Partial<Record<Kind, number>>
}

/** How the records of each kind are read. */
interface Shape {
  readonly table: string
  readonly path: string
  readonly title: string
  readonly query?: Readonly<Record<string, string>>
  readonly deltas?: false
  readonly maxAgeMs: number
  /** The same where nothing is sent. */
  readonly quietMaxAgeMs: number
}

const MINUTE_MS = 60_000
/** Most lists ignore it and give 15; where one does not, it costs a seventh of the calls. */
const PER_PAGE = '100'
const shapes: Readonly<Record<Exclude<Kind, 'workspaces'>, Shape>> = {
  senders: {
    table: 'sender_emails_cache',
    path: 'sender-emails',
    title: 'mailboxes',
    query: { per_page: PER_PAGE },
    deltas: false,
    maxAgeMs: 5 * MINUTE_MS,
    quietMaxAgeMs: 5 * MINUTE_MS,
  },
  campaigns: {
    table: 'campaigns',
    path: 'campaigns',
    title: 'campaigns',
    query: { per_page: PER_PAGE },
    deltas: false,
    maxAgeMs: MINUTE_MS,
    quietMaxAgeMs: 5 * MINUTE_MS,
  },
  replies: {
    table: 'lead_replies',
    path: 'replies',
    title: 'replies',
    query: { folder: 'all', per_page: PER_PAGE },
    // Webhooks tell of replies at once; this finds what neither they nor the vendor's record of events told.
    maxAgeMs: 2 * MINUTE_MS,
    quietMaxAgeMs: 5 * MINUTE_MS,
  },
}
const KINDS = Object.keys(shapes) as (keyof typeof shapes)[]
const KEYS_MAX = 20
const DISCOVERY_MS = 24 * 3_600_000

/** Email Bison: some installations, each with its workspaces, each with a token of its own. */
export function emailBisonSource(options: EmailBisonOptions, store: SourceStore): EmailBison {
  checkInstances(options.instances)
  return new EmailBisonSource(options, store)
}

function checkInstances(instances: readonly Instance[]): void {
  const names = instances.map(({ name }) => name)
  const wrong = names.find((name) => !/^[a-z0-9-]{1,40}$/.test(name))
  if (wrong !== undefined)
    throw new ConfigError(
      `Email Bison: instance "${wrong}": a name has lower-case letters, digits and hyphens`,
    )
  if (instances.length === 0 || new Set(names).size < names.length)
    throw new ConfigError('Email Bison: "instances" needs at least one, each with a name of its own')
  for (const { name, url, token, tokens = {} } of instances) {
    if (!URL.canParse(url)) throw new ConfigError(`Email Bison: instance ${name}: "${url}" is no address`)
    if (token === undefined && Object.keys(tokens).length === 0)
      throw new ConfigError(`Email Bison: instance ${name}: give a "token", or "tokens" by workspace id`)
  }
}

/** The source, and what it can tell beside records and events. */
export interface EmailBison extends Source {
  readonly statistics: StatisticsReader
  readonly schedules: ScheduleReader
  /** The workspaces that are known. */
  accounts(): readonly Account[]
}

export interface Account {
  readonly scope: string
  readonly name: string
  /** False where nothing of it can be read. */
  readonly hasToken: boolean
}

class EmailBisonSource implements EmailBison {
  readonly vendor = 'email-bison'
  readonly keysMax = KEYS_MAX
  readonly coalesceMs = 1_000
  readonly door: Source['door']
  readonly webhooks: Source['webhooks']
  readonly eventLog: EventLog
  readonly statistics: StatisticsReader
  readonly schedules: ScheduleReader
  private readonly options: EmailBisonOptions
  private readonly store: SourceStore
  private readonly workspaces: Workspaces
  private readonly clients: ReadonlyMap<string, BisonClient>
  private readonly clock: Clock
  private readonly activity = new Activity()

  constructor(options: EmailBisonOptions, store: SourceStore) {
    this.options = options
    this.store = store
    this.clock = options.clock ?? machineClock
    const { callsPerMinute = 340, timeoutMs = 30_000 } = options
    const pace = { callsPerMinute, timeoutMs, concurrency: 6, clock: this.clock }
    this.clients = new Map(
      options.instances.map(({ name, url }) => [name, new BisonClient({ url, ...pace }, store)]),
    )
    this.workspaces = new Workspaces(options.instances, this.clients, store)
    this.door = bisonDoor(options.webhookSecret, this.instanceOf)
    this.webhooks = new BisonWebhooks({
      workspaces: this.workspaces,
      secret: options.webhookSecret,
      base: options.webhookUrl,
    })
    this.eventLog = readEventLog({
      workspaces: this.workspaces,
      hookOf: (scope) => {
        const root = options.webhookUrl()
        return root === undefined ? undefined : hookOf(root, scope, options.webhookSecret)
      },
    })
    this.statistics = bisonStatistics(this.workspaces)
    this.schedules = bisonSchedules(this.workspaces)
  }

  get streams(): readonly Stream[] {
    const instances = this.options.instances.map(({ name }) => this.workspacesStream(name))
    return [
      ...instances,
      ...this.workspaces.all.flatMap((workspace) => KINDS.map((kind) => this.stream(kind, workspace))),
    ]
  }

  private workspacesStream(instance: string): Stream {
    return {
      id: instance,
      name: `Workspaces of ${instance}`,
      table: 'client_registry',
      columns: Object.keys(COLUMNS.workspaces),
      parts: [ROW],
      keyPrefix: `${instance}/`,
      deltas: false,
      maxAgeMs: this.options.maxAgeMs?.workspaces ?? DISCOVERY_MS,
      budget: instance,
    }
  }

  private stream(kind: keyof typeof shapes, workspace: Workspace): Stream {
    const { table, title, deltas, quietMaxAgeMs, path } = shapes[kind]
    const maxAgeMs = this.options.maxAgeMs?.[kind] ?? shapes[kind].maxAgeMs
    const atWork = this.activity.isAtWork(scopeOf(workspace), this.clock.now())
    return {
      id: `${scopeOf(workspace)}/${path}`,
      name: `${workspace.name}: ${title}`,
      table,
      columns: Object.keys(COLUMNS[kind]),
      parts: [ROW],
      keyPrefix: keyPrefix(workspace),
      maxAgeMs: atWork ? maxAgeMs : Math.max(maxAgeMs, quietMaxAgeMs),
      budget: workspace.instance,
      ...(deltas === undefined ? {} : { deltas }),
    }
  }

  accounts(): readonly Account[] {
    return this.workspaces.all.map((workspace) => ({
      scope: scopeOf(workspace),
      name: workspace.name,
      hasToken: this.workspaces.hasToken(workspace),
    }))
  }

  async prepare({ fresh, signal }: { fresh: boolean; signal: AbortSignal }) {
    await this.workspaces.load()
    // A node that died amid its first look left some without a token.
    if (!fresh && this.workspaces.all.length > 0 && !this.workspaces.lacksTokens) return { problems: [] }
    const before = new Set(this.workspaces.all.map(scopeOf))
    const problems = await this.workspaces.discover(signal)
    const url = this.options.webhookUrl()
    const isNew = this.workspaces.all.some((workspace) => !before.has(scopeOf(workspace)))
    if (before.size > 0 && isNew && url !== undefined) {
      const changes = await this.webhooks.register(url, signal)
      for (const { stream, action, error } of changes)
        if (action === 'failed') problems.push(`${stream}: its webhook could not be registered: ${error}`)
    }
    return { problems }
  }

  readonly parse = (delivery: Delivery) => {
    const parsed = parseDelivery(delivery, this.instanceOf, this.streamsOf)
    for (const fact of parsed.facts ?? []) this.activity.hear(fact)
    return parsed
  }

  private readonly instanceOf: InstanceOf = (instanceUrl) => {
    const host = hostOf(instanceUrl)
    return this.options.instances.find(({ url }) => hostOf(url) === host)?.name
  }

  private readonly streamsOf = (scope: string): StreamIds | undefined =>
    this.workspaces.find(scope) === undefined
      ? undefined
      : { senders: `${scope}/${shapes.senders.path}`, replies: `${scope}/${shapes.replies.path}` }

  readonly readPage = async ({ stream, cursor, signal }: PageRequest): Promise<Page> => {
    const place = this.place(stream)
    if (place.kind === 'workspaces') return this.readWorkspaces(place.instance, signal)
    const { kind, workspace } = place
    const { path, query } = shapes[kind]
    const call = {
      path,
      ...this.workspaces.credentials(workspace),
      signal,
      ...(query === undefined ? {} : { query }),
    }
    const { rows, floor, next, total } = await readList(
      this.workspaces.client(workspace.instance),
      call,
      cursor,
    )
    const decoded = rows.map((row) => decodeRow(kind, workspace, row))
    const found = decoded.filter((row): row is FetchedRow => row !== undefined)
    if (kind === 'campaigns')
      this.activity.read(scopeOf(workspace), found, {
        isFirst: cursor === undefined,
        isLast: next === undefined,
      })
    const gaps = found.length < rows.length ? [`${rows.length - found.length} rows without an id`] : []
    return { rows: found, floor, granule: GRANULE_US, next, gaps, ...(total === undefined ? {} : { total }) }
  }

  private async readWorkspaces(instance: Instance, signal: AbortSignal): Promise<Page> {
    const { rows, floor } = await this.workspaces.read(instance, signal)
    const decoded = rows.flatMap((row) => {
      const workspace = asWorkspace(instance.name, row)
      return workspace === undefined ? [] : (decodeRow('workspaces', workspace, row) ?? [])
    })
    return { rows: decoded, floor, granule: GRANULE_US, next: undefined, gaps: [], total: decoded.length }
  }

  /** One call a key: the vendor has no way to ask for several. */
  readonly readKeys = async ({ stream, keys, signal }: KeysRequest): Promise<Page> => {
    const place = this.place(stream)
    if (place.kind === 'workspaces') {
      const page = await this.readWorkspaces(place.instance, signal)
      return { ...page, rows: page.rows.filter(({ key }) => keys.includes(key)) }
    }
    const { kind, workspace } = place
    const client = this.workspaces.client(workspace.instance)
    const asking = this.workspaces.credentials(workspace)
    const rows: FetchedRow[] = []
    const gaps: string[] = []
    let floor = Infinity
    for (const key of keys) {
      const path = `${shapes[kind].path}/${encodeURIComponent(key.slice(keyPrefix(workspace).length))}`
      try {
        const answer = await client.call({ path, ...asking, signal })
        const row = decodeRow(kind, workspace, object(answer.body['data']))
        // Only the vendor's own "not there" says that a record is gone.
        if (row?.key === key) rows.push(row)
        else gaps.push(`${path}: an answer without the record`)
        floor = Math.min(floor, answer.floor)
      } catch (error) {
        if (!(error instanceof NotFoundError)) throw error
        floor = Math.min(floor, error.floor)
      }
    }
    return { rows, floor, granule: GRANULE_US, next: undefined, gaps }
  }

  private place(
    stream: Stream,
  ):
    | { readonly kind: 'workspaces'; readonly instance: Instance }
    | { readonly kind: keyof typeof shapes; readonly workspace: Workspace } {
    const instance = this.options.instances.find(({ name }) => name === stream.id)
    if (instance !== undefined) return { kind: 'workspaces', instance }
    const scope = stream.id.split('/').slice(0, 2).join('/')
    const workspace = this.workspaces.find(scope)
    const kind = KINDS.find((name) => stream.id === `${scope}/${shapes[name].path}`)
    if (workspace === undefined || kind === undefined)
      throw new ConfigError(`Email Bison: no stream "${stream.id}" any more: its workspace is gone`)
    return { kind, workspace }
  }

  dependencies(): readonly [] {
    return []
  }

  async usage(): Promise<Usage> {
    await Promise.all([...this.clients.values()].map((client) => client.keepNotes()))
    const day = new Date(this.clock.now()).toISOString().slice(0, 10)
    const { calls, rejected } = await this.store.countCalls(day, 0, 0, 0)
    const blocked = [...this.clients.values()].flatMap((client) => client.blocked ?? [])
    const last = blocked.reduce<(typeof blocked)[number] | undefined>(
      (latest, one) => (latest === undefined || one.untilMs > latest.untilMs ? one : latest),
      undefined,
    )
    return {
      day,
      calls,
      rejected,
      dailyCap: undefined,
      blockedUntilMs: last?.untilMs,
      blockedBy: last?.by,
    }
  }
}

const hostOf = (url: string): string | undefined => (URL.canParse(url) ? new URL(url).host : undefined)

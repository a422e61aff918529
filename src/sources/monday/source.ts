import { ConfigError } from '../../engine/errors.ts'
import type { Json } from '../../engine/observation.ts'
import {
  type Clock,
  type Dependency,
  type Preparation,
  ROW,
  type Source,
  type SourceStore,
  type Stream,
} from '../contract.ts'
import { machineClock } from '../clock.ts'
import { type BoardSchema, readableFormulas, readBoardSchema } from './board-schema.ts'
import { MondayClient } from './client.ts'
import { dependenciesOf, FORMULA } from './dependencies.ts'
import { BOARDS, USERS } from './documents.ts'
import { type DoorOptions, mondayDoor } from './door.ts'
import { type BoardMapping, itemProperties } from './mapping.ts'
import { parseDelivery } from './parse.ts'
import { MondayReader } from './reader.ts'
import { type BoardContext, boardContext } from './rows.ts'
import { mondayWebhooks } from './webhooks.ts'

/** monday's plans, by what they allow. */
export const plans = {
  standard: { callsPerMinute: 1_000, callsPerDay: 1_000, concurrency: 40, coalesceMs: 120_000 },
  pro: { callsPerMinute: 2_500, callsPerDay: 10_000, concurrency: 100, coalesceMs: 10_000 },
  enterprise: { callsPerMinute: 5_000, callsPerDay: 25_000, concurrency: 250, coalesceMs: 1_000 },
} as const

export interface MondayOptions extends DoorOptions {
  readonly token: string
  readonly boards: readonly BoardMapping[]
  /** The account's plan, for its limits; default `pro`. */
  readonly plan?: keyof typeof plans
  /** Overrides the plan's daily cap; 0 for none, as marketplace apps have. */
  readonly callsPerDay?: number | undefined
  /** `YYYY-MM`; default 2026-10. */
  readonly apiVersion?: string
  /** Another endpoint than monday's own, for a proxy or the simulator. */
  readonly endpoint?: string | undefined
  /** The zone whose days the `date` decoder takes for values with a time; default UTC. */
  readonly timeZone?: string
  /** Items a page; default 200. Halved where monday finds a page too heavy. */
  readonly pageSize?: number
  /** Of one call; default and at most 60 s. */
  readonly timeoutMs?: number
  readonly formulaCellsPerMinute?: number
  /**
   * How long rows whose mirrors or formulas changed wait for others, so that one call serves up to a hundred;
   * milliseconds. The default spends at most some half of the plan's daily calls on them.
   */
  readonly coalesceMs?: number
  /** Default: the machine's. */
  readonly clock?: Clock
}

export const API_VERSION = '2026-10'
const FORMULA_CELLS_PER_MINUTE = 9_000
const USERS_PAGE = 200
/** Its SDK takes no longer one, and says so only with each call. */
const TIMEOUT_MAX_MS = 60_000
const IDS_MAX = 100

/** The monday.com source for the boards that the mappings name. */
export function mondaySource(options: MondayOptions, store: SourceStore): Source {
  return new MondaySource(options, store)
}

/** A client for commands that only ask, such as `init` and `doctor`. */
export function mondayClient(options: MondayOptions, store: SourceStore): MondayClient {
  const plan = plans[options.plan ?? 'pro']
  const timeoutMs = options.timeoutMs ?? TIMEOUT_MAX_MS
  if (!(timeoutMs > 0 && timeoutMs <= TIMEOUT_MAX_MS))
    throw new ConfigError(
      `monday: timeoutMs is ${timeoutMs}; give milliseconds, more than 0 and at most ${TIMEOUT_MAX_MS}`,
    )
  const daily = options.callsPerDay ?? plan.callsPerDay
  const limits = {
    callsPerMinute: plan.callsPerMinute,
    callsPerDay: daily === 0 ? undefined : daily,
    rejectedWeight: 0.1,
  }
  return new MondayClient(
    {
      token: options.token,
      apiVersion: options.apiVersion ?? API_VERSION,
      endpoint: options.endpoint,
      limits,
      // A few at a time are as fast as monday answers, and leave room for the account's other users.
      concurrency: Math.min(8, plan.concurrency),
      timeoutMs,
      clock: options.clock ?? machineClock,
    },
    store,
  )
}

class MondaySource implements Source {
  readonly vendor = 'monday'
  readonly keysMax = IDS_MAX
  readonly coalesceMs: number
  readonly door: Source['door']
  readonly webhooks: Source['webhooks']
  private readonly client: MondayClient
  private readonly reader: MondayReader
  private readonly options: MondayOptions
  private readonly store: SourceStore
  private contexts: ReadonlyMap<string, BoardContext> = new Map()
  private edges: readonly Dependency[] = []

  constructor(options: MondayOptions, store: SourceStore) {
    this.options = options
    this.store = store
    this.client = mondayClient(options, store)
    this.door = mondayDoor(options)
    this.coalesceMs = options.coalesceMs ?? plans[options.plan ?? 'pro'].coalesceMs
    this.webhooks = mondayWebhooks(this.client, store, options.boards)
    this.reader = new MondayReader(this.client, (id) => this.board(id), {
      pageSize: options.pageSize ?? 200,
      formulaCellsPerMinute: options.formulaCellsPerMinute ?? FORMULA_CELLS_PER_MINUTE,
      clock: options.clock ?? machineClock,
    })
  }

  get streams(): readonly Stream[] {
    return this.options.boards.map(({ board, name, table, fields }) => {
      const schema = this.contexts.get(board)?.schema
      const hasFormulas = schema !== undefined && readableFormulas(schema).length > 0
      const parts = hasFormulas ? [ROW, FORMULA] : [ROW]
      return { id: board, name, table, columns: Object.keys(fields), parts }
    })
  }

  async prepare({ fresh, signal }: { fresh: boolean; signal: AbortSignal }): Promise<Preparation> {
    const kept = await this.store.read('board')
    const complete = this.options.boards.every(({ board }) => board in kept)
    if (fresh || !complete) {
      await this.fetchBoards(signal)
      await this.fetchPeople(signal)
    }
    await this.load()
    return {
      problems: this.options.boards.flatMap((mapping) =>
        problemsOf(mapping, this.contexts.get(mapping.board)?.schema),
      ),
    }
  }

  private async fetchBoards(signal: AbortSignal): Promise<void> {
    const ids = this.options.boards.map(({ board }) => board)
    const variables = { ids, limit: ids.length }
    const { data } = await this.client.call({ operation: 'Boards', document: BOARDS, variables, signal })
    const boards = (data['boards'] ?? []) as ({ id: string; columns: Json } | null)[]
    // In a partial answer a board, or its columns, may be null.
    const whole = boards.filter((board) => board !== null).filter(({ columns }) => Array.isArray(columns))
    const found = new Map(whole.map((board) => [String(board.id), board]))
    for (const id of ids) {
      const raw = found.get(id)
      // A board that is not visible now keeps what is known of it: its events can still be read.
      if (raw !== undefined) await this.store.write('board', id, readBoardSchema(raw) as unknown as Json)
    }
    await this.store.write('boards', 'visible', [...found.keys()])
  }

  private async fetchPeople(signal: AbortSignal): Promise<void> {
    const names: Record<string, string> = {}
    for (let page = 1; ; page++) {
      const variables = { limit: USERS_PAGE, page }
      const { data } = await this.client.call({ operation: 'Users', document: USERS, variables, signal })
      const users = (data['users'] ?? []) as ({ id: string; name: string } | null)[]
      for (const user of users) if (user !== null) names[user.id] = user.name
      if (users.length < USERS_PAGE) break
    }
    await this.store.write('people', 'all', names)
  }

  private async load(): Promise<void> {
    const boards = await this.store.read('board')
    const people = new Map(
      Object.entries(((await this.store.read('people'))['all'] ?? {}) as Record<string, string>),
    )
    const zone = this.options.timeZone ?? 'UTC'
    this.contexts = new Map(
      this.options.boards.flatMap((mapping) => {
        const schema = boards[mapping.board] as unknown as BoardSchema | undefined
        return schema === undefined
          ? []
          : [[mapping.board, boardContext(mapping, schema, people, zone)] as const]
      }),
    )
    this.edges = dependenciesOf(this.contexts)
  }

  private board(id: string): BoardContext {
    const context = this.contexts.get(id)
    if (context === undefined) {
      throw new ConfigError(
        `monday board ${id} was never seen: it does not exist, or the token may not see it. Check the id, and share the board with the token's user`,
      )
    }
    return context
  }

  readonly parse: Source['parse'] = (delivery) =>
    parseDelivery(this.contexts, delivery, new Set(this.options.boards.map(({ board }) => board)))
  readonly dependencies: Source['dependencies'] = () => this.edges
  readonly usage: Source['usage'] = () => this.client.usage()
  readonly readPage: Source['readPage'] = (request) => this.reader.readPage(request)
  readonly readKeys: Source['readKeys'] = (request) => this.reader.readKeys(request)
}

function problemsOf(mapping: BoardMapping, schema: BoardSchema | undefined): string[] {
  if (schema === undefined) {
    return [
      `board ${mapping.board} (${mapping.name}) cannot be read: it does not exist, or the token may not see it. Check the id, and share the board with the token's user`,
    ]
  }
  const columns = new Map(schema.columns.map((column) => [column.id, column]))
  const readable = new Set(readableFormulas(schema).map((column) => column.id))
  const properties = new Set<string>(itemProperties)
  const state =
    schema.state === 'active' ? [] : [`board ${mapping.board} (${schema.name}) is ${schema.state} at monday`]
  const fields = Object.entries(mapping.fields).flatMap(([name, { column }]) => {
    const where = `board ${mapping.board} (${schema.name}): ${mapping.table}.${name}`
    const found = columns.get(column)
    if (found === undefined && !properties.has(column)) {
      return [
        `${where} shows column "${column}", which the board no longer has; the values that it had are kept. Map another column, or run "lockstep init" again`,
      ]
    }
    if (found?.type === 'formula' && !readable.has(column)) {
      return [
        `${where} shows formula "${found.title}" (${column}), which uses mirror or connected columns: monday's API gives no value for those`,
      ]
    }
    return []
  })
  return [...state, ...fields]
}

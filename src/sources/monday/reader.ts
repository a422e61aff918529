import { VendorRefusedError, VendorUnavailableError } from '../../engine/errors.ts'
import type { Json } from '../../engine/observation.ts'
import { type Pace, paceWaitMs, spend, unhurried } from '../../engine/pacer.ts'
import {
  type Clock,
  type FetchedRow,
  type KeysRequest,
  type Page,
  type PageRequest,
  type Refetch,
  ROW,
} from '../contract.ts'
import { readableFormulas, rowColumns } from './board-schema.ts'
import type { MondayClient, Result } from './client.ts'
import { FORMULA } from './dependencies.ts'
import { FIRST_PAGE, ITEMS, NEXT_PAGE } from './documents.ts'
import { type BoardContext, GRANULE, type Item, toFormulaRow, toRow } from './rows.ts'

export interface ReaderOptions {
  readonly pageSize: number
  readonly formulaCellsPerMinute: number
  readonly clock: Clock
}

/** Where a pass stands: monday's cursor, and, for formulas, which group of columns it reads. */
interface Cursor {
  readonly at: string | null
  readonly group: number
}

interface RawPage {
  cursor: string | null
  items: Item[]
}

const PAGE_MIN = 25
/** monday answers for at most five formula columns a request. */
const FORMULAS_MAX = 5
/** Tries at one page size before a smaller one: a page too heavy fails by time-out or 5xx however often. */
const TRIES_PER_SIZE = 2

/** Reads boards page by page and items by id, as the engine asks. */
export class MondayReader {
  private readonly client: MondayClient
  private readonly board: (id: string) => BoardContext
  private readonly options: ReaderOptions
  private pace: Pace = unhurried
  private readonly sizes = new Map<string, number>()

  constructor(client: MondayClient, board: (id: string) => BoardContext, options: ReaderOptions) {
    this.client = client
    this.board = board
    this.options = options
  }

  async readPage(request: PageRequest): Promise<Page> {
    const board = this.board(request.stream.id)
    const cursor = (request.cursor ?? { at: null, group: 0 }) as unknown as Cursor
    const groups = columnGroups(board, request.part)
    const columns = groups[cursor.group]
    // What made pages fail may have been a bad hour: each pass begins with whole pages.
    if (cursor.at === null) this.sizes.delete(request.stream.id)
    if (columns === undefined) return { rows: [], floor: 0, granule: GRANULE, next: undefined, gaps: [] }
    const { result, raw, total } = await this.fetchPage(request, cursor, columns)
    const page = this.toPage(board, request.part, raw.items, result)
    const next = nextCursor(cursor, raw.cursor, groups.length)
    return { ...page, next, ...(total === undefined ? {} : { total: total * groups.length }) }
  }

  private async fetchPage(request: PageRequest, cursor: Cursor, columns: readonly string[]) {
    const { stream, part, signal } = request
    for (;;) {
      const limit = this.sizes.get(stream.id) ?? this.options.pageSize
      if (part === FORMULA) await this.paceFormulas(limit * columns.length, signal)
      try {
        return await this.callPage(request, cursor, { limit, columns })
      } catch (error) {
        const tooHeavy = error instanceof VendorUnavailableError && error.retryAfterMs === undefined
        if (!tooHeavy || limit <= PAGE_MIN || signal.aborted) throw error
        this.sizes.set(stream.id, Math.max(PAGE_MIN, Math.floor(limit / 2)))
      }
    }
  }

  private async callPage(
    { stream, newestFirst, signal }: PageRequest,
    cursor: Cursor,
    shape: { limit: number; columns: readonly string[] },
  ): Promise<{ result: Result; raw: RawPage; total: number | undefined }> {
    const base = { signal, triesMax: TRIES_PER_SIZE }
    if (cursor.at !== null) {
      const variables = { cursor: cursor.at, ...shape }
      const result = await this.client.call({
        ...base,
        operation: 'NextPage',
        document: NEXT_PAGE,
        variables,
      })
      return { result, raw: rawPage(result, result.data['next_items_page'], stream.id), total: undefined }
    }
    const order = newestFirst
      ? { order_by: [{ column_id: '__last_updated__', direction: 'desc' }] }
      : undefined
    const variables = { board: [stream.id], order, ...shape }
    const result = await this.client.call({
      ...base,
      operation: 'FirstPage',
      document: FIRST_PAGE,
      variables,
    })
    const board = (
      result.data['boards'] as ({ items_page?: unknown; items_count?: number | null } | null)[] | null
    )?.[0]
    if (board === undefined || board === null) throw invisible(stream.id, result)
    return {
      result,
      raw: rawPage(result, board.items_page, stream.id),
      total: board.items_count ?? undefined,
    }
  }

  async readKeys({ stream, part, keys, signal }: KeysRequest): Promise<Page> {
    const board = this.board(stream.id)
    const groups = columnGroups(board, part)
    const pages: Page[] = []
    for (const columns of groups) {
      if (part === FORMULA) await this.paceFormulas(keys.length * columns.length, signal)
      pages.push(await this.readItems(board, part, { keys, columns, signal }))
    }
    const first = pages[0]
    if (first === undefined) return { rows: [], floor: 0, granule: GRANULE, next: undefined, gaps: [] }
    return {
      ...first,
      rows: pages.flatMap((page) => page.rows),
      floor: Math.min(...pages.map((page) => page.floor)),
      gaps: pages.flatMap((page) => page.gaps),
    }
  }

  private async readItems(
    board: BoardContext,
    part: string,
    { keys, columns, signal }: { keys: readonly string[]; columns: readonly string[]; signal: AbortSignal },
  ): Promise<Page> {
    const id = board.mapping.board
    const variables = { ids: keys, limit: keys.length, board: [id], columns }
    const result = await this.client.call({ operation: 'Items', document: ITEMS, variables, signal })
    const visible = ((result.data['boards'] as unknown[] | null)?.[0] ?? null) !== null
    const items = ((result.data['items'] ?? []) as (Item | null)[]).filter((item) => item !== null)
    const page = this.toPage(board, part, items, result)
    const gap = visible ? [] : [`board ${id} is not visible to this token`]
    return { ...page, gaps: [...page.gaps, ...gap] }
  }

  private toPage(board: BoardContext, part: string, items: readonly Item[], result: Result): Page {
    const formulas = board.schema.columns.filter((c) => c.type === 'formula').map((c) => c.id)
    const refetches: Refetch[] = []
    const partial = result.gaps.length > 0
    // Without its state nobody knows whether an item is deleted.
    const stateless = items.filter((item) => item.state === null).map((item) => item.id)
    const rows = items.flatMap((item): FetchedRow[] => {
      if (item.state === null) return []
      const home = item.board?.id
      if (home !== undefined && home !== board.mapping.board) {
        refetches.push({ stream: home, part: ROW, keys: [item.id], reason: 'moved from another board' })
        return [{ key: item.id, values: {}, gone: true }]
      }
      return [part === FORMULA ? toFormulaRow(board, item) : toRow(board, item, { formulas, partial })]
    })
    const gaps = stateless.length === 0 ? [] : [`no state was told of ${stateless.slice(0, 3).join(', ')}`]
    return {
      rows,
      floor: result.floor,
      granule: GRANULE,
      next: undefined,
      gaps: [...result.gaps, ...gaps],
      refetches,
    }
  }

  private async paceFormulas(cells: number, signal: AbortSignal): Promise<void> {
    for (;;) {
      const now = this.options.clock.now()
      const wait = paceWaitMs(this.pace, this.options.formulaCellsPerMinute, cells, now)
      if (wait === 0) {
        this.pace = spend(this.pace, cells, now)
        return
      }
      await this.options.clock.sleep(wait, signal)
    }
  }
}

/** The columns of a read, in groups of what one request may ask for. */
function columnGroups({ schema }: BoardContext, part: string): string[][] {
  if (part === ROW) return [rowColumns(schema).map((column) => column.id)]
  const ids = readableFormulas(schema).map((column) => column.id)
  return Array.from({ length: Math.ceil(ids.length / FORMULAS_MAX) }, (_, i) =>
    ids.slice(i * FORMULAS_MAX, (i + 1) * FORMULAS_MAX),
  )
}

function nextCursor({ group }: Cursor, at: string | null, groups: number): Json | undefined {
  if (at !== null) return { at, group }
  return group + 1 < groups ? { at: null, group: group + 1 } : undefined
}

function rawPage(result: Result, raw: unknown, board: string): RawPage {
  const page = raw as { cursor?: string | null; items?: (Item | null)[] | null } | null | undefined
  if (page === null || page === undefined || !Array.isArray(page.items)) throw invisible(board, result)
  return { cursor: page.cursor ?? null, items: page.items.filter((item) => item !== null) }
}

const invisible = (board: string, { gaps }: Result): VendorRefusedError =>
  new VendorRefusedError(
    `monday board ${board} cannot be read: it does not exist, or the token may not see it${gaps.length > 0 ? ` (${gaps.join('; ')})` : ''}. Check the id, and share the board with the token's user`,
  )

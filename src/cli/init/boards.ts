import type { JsonObject } from '../../engine/observation.ts'
import { ConfigError, VendorRefusedError } from '../../engine/errors.ts'
import {
  type BoardColumn,
  type BoardSchema,
  linkedBoards,
  readBoardSchema,
} from '../../sources/monday/board-schema.ts'
import type { MondayClient } from '../../sources/monday/client.ts'
import { ALL_BOARDS, FIRST_PAGE, ME } from '../../sources/monday/documents.ts'
import { mondayClient } from '../../sources/monday/source.ts'
import { memoryStore } from '../memory-store.ts'

/** A board that the token sees. */
export interface VisibleBoard extends BoardSchema {
  readonly items: number | undefined
  readonly isSubitems: boolean
}

/** A board to mirror, and, for subitems, the board that owns them. */
export interface ChosenBoard {
  readonly board: VisibleBoard
  readonly parent: VisibleBoard | undefined
}

const BOARDS_PAGE = 100
const SAMPLE = 100
const CALL_TIMEOUT_MS = 60_000

export const openClient = (token: string): MondayClient =>
  mondayClient(
    {
      token,
      boards: [],
      endpoint: process.env['MONDAY_API_ENDPOINT'] || undefined,
      audience: () => undefined,
    },
    memoryStore(),
  )

/** Whose token it is. Throws a ConfigError where monday does not take it. */
export async function checkToken(client: MondayClient): Promise<string> {
  try {
    const { data } = await client.call({
      operation: 'Me',
      document: ME,
      signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
    })
    const me = data['me'] as { name: string; account: { name: string } | null } | null
    if (me === null || me === undefined)
      throw new VendorRefusedError('monday does not say whose token this is')
    return me.account === null ? me.name : `${me.name}, ${me.account.name}`
  } catch (error) {
    if (error instanceof VendorRefusedError) throw new ConfigError(error.message, { cause: error.cause })
    throw error
  }
}

type RawBoard = JsonObject & { readonly type?: string | null; readonly items_count?: number | null }

/** Every active board that the token sees, with its columns. */
export async function readBoards(client: MondayClient): Promise<VisibleBoard[]> {
  const boards: VisibleBoard[] = []
  for (let page = 1; ; page++) {
    const variables = { limit: BOARDS_PAGE, page }
    const signal = AbortSignal.timeout(CALL_TIMEOUT_MS)
    const { data } = await client.call({ operation: 'AllBoards', document: ALL_BOARDS, variables, signal })
    const raw = (data['boards'] ?? []) as RawBoard[]
    for (const board of raw) {
      const schema = readBoardSchema(board)
      boards.push({
        ...schema,
        items: board.items_count ?? undefined,
        isSubitems: board.type === 'sub_items_board',
      })
    }
    if (raw.length < BOARDS_PAGE) return boards
  }
}

const subitemBoards = (board: VisibleBoard): string[] =>
  board.columns.filter((column) => column.type === 'subtasks').flatMap(linkedBoards)

/**
 * The chosen boards, each followed by the board of its subitems where it has one that the token sees. Throws a
 * ConfigError for an id that is not there.
 */
export function withSubitems(all: readonly VisibleBoard[], ids: readonly string[]): ChosenBoard[] {
  const byId = new Map(all.map((board) => [board.id, board]))
  const chosen = new Map<string, ChosenBoard>()
  for (const id of ids) {
    const board = byId.get(id)
    if (board === undefined) {
      throw new ConfigError(
        `monday board ${id} does not exist, is archived, or the token may not see it. Check the id (the number in the board's address), and share the board with the token's user`,
      )
    }
    const parent = all.find((other) => subitemBoards(other).includes(id))
    if (board.isSubitems && parent === undefined) {
      throw new ConfigError(
        `monday board ${id} (${board.name}) holds subitems, and the token may not see the board that owns them: share that board with the token's user`,
      )
    }
    if (!chosen.has(id)) chosen.set(id, { board, parent: board.isSubitems ? parent : undefined })
    for (const sub of subitemBoards(board)) {
      const subitems = byId.get(sub)
      if (subitems !== undefined && !chosen.has(sub)) chosen.set(sub, { board: subitems, parent: board })
    }
  }
  return [...chosen.values()]
}

/** Date columns in which at least one of the first items has a time of day. */
export async function columnsWithTime(
  client: MondayClient,
  board: BoardSchema,
): Promise<ReadonlySet<string>> {
  const dates: BoardColumn[] = board.columns.filter((column) => column.type === 'date')
  if (dates.length === 0) return new Set()
  const variables = { board: [board.id], limit: SAMPLE, columns: dates.map((column) => column.id) }
  const signal = AbortSignal.timeout(CALL_TIMEOUT_MS)
  const { data } = await client.call({ operation: 'FirstPage', document: FIRST_PAGE, variables, signal })
  const [found] = (data['boards'] ?? []) as { items_page?: { items?: SampleItem[] } | null }[]
  const cells = (found?.items_page?.items ?? []).flatMap((item) => item.column_values)
  return new Set(cells.filter(({ value }) => hasTime(value)).map(({ id }) => id))
}

interface SampleItem {
  readonly column_values: readonly { readonly id: string; readonly value: unknown }[]
}

const hasTime = (value: unknown): boolean =>
  /"time"\s*:\s*"\d/.test(typeof value === 'string' ? value : JSON.stringify(value ?? null))

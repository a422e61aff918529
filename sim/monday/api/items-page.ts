import type { Board, Item } from '../world/model.ts'
import type { ApiContext } from './context.ts'
import { invalidArgument, RequestError } from './errors.ts'
import { type ItemsQuery, selectItems } from './items-query.ts'
import { cursorError } from './limit-errors.ts'

const LIMIT_MAX = 500

export interface ItemsResponse {
  readonly cursor: string | null
  readonly items: readonly Item[]
}

function checkLimit(limit: number): void {
  if (limit < 1 || limit > LIMIT_MAX)
    throw invalidArgument(`limit must be between 1 and ${LIMIT_MAX}`, { limit })
}

export function firstPage(
  context: ApiContext,
  board: Board,
  limit: number,
  query: ItemsQuery | null | undefined,
): ItemsResponse {
  checkLimit(limit)
  const { cursors, faults, random } = context.service
  const ordered = (query?.order_by?.length ?? 0) > 0
  const selected = selectItems(context.world, board, query).map((item) => item.id)
  const ids = ordered ? selected : selected.filter(() => !random.chance(faults.omitted))
  if (faults.unstableOrder && !ordered) random.shuffle(ids)
  // A chain is kept only if it has a second page.
  if (ids.length <= limit) return { cursor: null, items: active(context, ids) }
  return take(context, { ids, id: cursors.open(ids), offset: 0 }, limit)
}

/** The next page of a chain: what left the board since is skipped, what came to it since is not seen. */
export function nextPage(context: ApiContext, cursor: string, limit: number): ItemsResponse {
  checkLimit(limit)
  const { cursors, faults, random } = context.service
  const found = cursors.find(cursor)
  if (found === 'unknown') throw invalidArgument('Invalid cursor', { cursor })
  if (found === 'expired' || random.chance(faults.cursorExpired))
    throw new RequestError(cursorError(random.int(3)))
  return take(context, { ids: found.chain.ids, id: found.id, offset: found.offset }, limit)
}

function active(context: ApiContext, ids: readonly number[]): Item[] {
  const items: Item[] = []
  for (const id of ids) {
    const item = context.view(context.world.items.get(id))
    if (item?.state === 'active') items.push(item)
  }
  return items
}

function take(
  context: ApiContext,
  chain: { ids: readonly number[]; id: number; offset: number },
  limit: number,
): ItemsResponse {
  const items: Item[] = []
  let at = chain.offset
  while (at < chain.ids.length && items.length < limit) {
    const item = context.view(context.world.items.get(chain.ids[at++] as number))
    if (item?.state === 'active') items.push(item)
  }
  return { cursor: at < chain.ids.length ? context.service.cursors.token(chain.id, at) : null, items }
}

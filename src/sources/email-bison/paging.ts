import type { Json, JsonObject } from '../../engine/observation.ts'
import type { BisonClient, Call } from './client.ts'
import { number, object } from './rows.ts'

export interface Listing {
  readonly rows: readonly JsonObject[]
  readonly floor: number
  readonly next: Json | undefined
  readonly total: number | undefined
}

export type ListCall = Pick<Call, 'path' | 'query' | 'token' | 'account' | 'signal'>

/**
 * One page of a list, newest first. The address of the next is built anew each time: the vendor's own links lose how
 * they were asked. Where an installation answers by page number though a cursor was asked for, it is followed by page.
 */
export async function readList(
  client: BisonClient,
  call: ListCall,
  cursor: Json | undefined,
): Promise<Listing> {
  const at = object(cursor)
  const where =
    typeof at['page'] === 'number'
      ? { page: String(at['page']) }
      : { pagination_type: 'cursor', ...(typeof at['cursor'] === 'string' ? { cursor: at['cursor'] } : {}) }
  const { body, floor } = await client.call({ ...call, query: { ...call.query, ...where } })
  const { data } = body
  // An answer without rows is not an empty list: somebody in between made it.
  if (!Array.isArray(data)) throw new TypeError(`Email Bison ${call.path}: an answer without data`)
  const meta = object(body['meta'])
  return {
    rows: data.map((row) => object(row as Json)),
    floor,
    next: nextOf(meta),
    total: number(meta['total']) ?? undefined,
  }
}

function nextOf(meta: JsonObject): Json | undefined {
  const { next_cursor: cursor, current_page: page, last_page: last } = meta
  if (typeof cursor === 'string') return { cursor }
  if (typeof page === 'number' && typeof last === 'number' && page < last) return { page: page + 1 }
  return undefined
}

/** All pages of a list that is never long. */
export async function readAll(
  client: BisonClient,
  call: ListCall,
): Promise<{ rows: readonly JsonObject[]; floor: number }> {
  const rows: JsonObject[] = []
  let floor = Infinity
  let cursor: Json | undefined
  do {
    const page = await readList(client, call, cursor)
    rows.push(...page.rows)
    floor = Math.min(floor, page.floor)
    cursor = page.next
  } while (cursor !== undefined)
  return { rows, floor }
}

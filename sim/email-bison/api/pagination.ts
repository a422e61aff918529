import type { Answer, Call } from './call.ts'
import { invalid } from './errors.ts'

/** A list of rows, newest first, as long as somebody goes on reading. */
export interface Listing<Row extends { readonly id: number }> {
  /** Those whose id is less than `before`; all without it. */
  rows(before: number | undefined): Iterable<Row>
  total(): number
}

interface Options<Row> {
  readonly show: (row: Row) => unknown
  /** `per_page` counts, in cursor mode; elsewhere it is ignored without a word. */
  readonly perPage?: boolean
  /** Refuses to be read by page. */
  readonly cursorOnly?: boolean
}

interface Cursor {
  readonly id: number
  readonly forward: boolean
}

export function encodeCursor({ id, forward }: Cursor): string {
  return Buffer.from(JSON.stringify({ id, _pointsToNextItems: forward })).toString('base64url')
}

/** Laravel takes what it cannot read for no cursor at all, and begins again. */
function decodeCursor(text: string | null): Cursor | undefined {
  if (text === null) return undefined
  try {
    const read = JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as Record<string, unknown>
    if (typeof read['id'] !== 'number') return undefined
    return { id: read['id'], forward: read['_pointsToNextItems'] !== false }
  } catch {
    return undefined
  }
}

/** A page of a list, in the mode that was asked for or that the installation is in. */
export function paginate<Row extends { readonly id: number }>(
  call: Call,
  listing: Listing<Row>,
  options: Options<Row>,
): Answer {
  const { faults, query, world } = call
  const asked = query.get('pagination_type') === 'cursor' ? 'cursor' : 'page'
  if (asked === 'page' && options.cursorOnly === true && world.settings.eventsByCursorOnly)
    throw invalid({ pagination_type: 'The selected pagination type is invalid.' })
  const mode = faults.pagination === 'asked' ? asked : faults.pagination
  return mode === 'cursor' ? cursorPage(call, listing, options) : offsetPage(call, listing, options)
}

function pageSize({ faults, query, world }: Call, honoured: boolean): number {
  const asked = query.get('per_page')
  if (asked === null || !honoured || faults.perPageIgnored) return world.settings.pageSize
  const size = Number(asked)
  if (!Number.isInteger(size) || size < 1)
    throw invalid({ per_page: 'The per page field must be at least 1.' })
  if (size > world.settings.perPageMax)
    throw invalid({ per_page: `The per page field must not be greater than ${world.settings.perPageMax}.` })
  return size
}

/** The vendor's own links lose `pagination_type` and `search`: who follows one is back at page 1. */
function link(call: Call, set: Readonly<Record<string, string>>): string {
  const kept = new URLSearchParams(call.query)
  for (const lost of ['pagination_type', 'search', 'cursor', 'page']) kept.delete(lost)
  for (const [name, value] of Object.entries(set)) kept.set(name, value)
  return `${call.world.origin}${call.path}?${kept}`
}

function cursorPage<Row extends { readonly id: number }>(
  call: Call,
  listing: Listing<Row>,
  { show, perPage }: Options<Row>,
): Answer {
  const size = pageSize(call, perPage === true || call.world.settings.perPageEverywhere)
  const cursor = decodeCursor(call.query.get('cursor'))
  const { rows, before, after } =
    cursor?.forward === false ? readBack(listing, cursor.id, size) : readOn(listing, cursor?.id, size)
  const first = rows[0]
  const last = rows.at(-1)
  const next = after && last !== undefined ? encodeCursor({ id: last.id, forward: true }) : null
  const prev = before && first !== undefined ? encodeCursor({ id: first.id, forward: false }) : null
  return {
    status: 200,
    body: {
      data: rows.map(show),
      links: {
        first: null,
        last: null,
        prev: prev === null ? null : link(call, { cursor: prev }),
        next: next === null ? null : link(call, { cursor: next }),
      },
      meta: {
        path: call.world.origin + call.path,
        per_page: size,
        next_cursor: next,
        prev_cursor: prev,
      },
    },
  }
}

interface Read<Row> {
  readonly rows: Row[]
  readonly before: boolean
  readonly after: boolean
}

function readOn<Row extends { readonly id: number }>(
  listing: Listing<Row>,
  from: number | undefined,
  size: number,
): Read<Row> {
  const rows: Row[] = []
  for (const row of listing.rows(from)) {
    if (rows.length === size) return { rows, before: from !== undefined, after: true }
    rows.push(row)
  }
  return { rows, before: from !== undefined, after: false }
}

/** Upwards from an id: the page that comes before it. */
function readBack<Row extends { readonly id: number }>(
  listing: Listing<Row>,
  from: number,
  size: number,
): Read<Row> {
  const newer: Row[] = []
  for (const row of listing.rows(undefined)) {
    if (row.id <= from) break
    newer.push(row)
  }
  return { rows: newer.slice(-size), before: newer.length > size, after: true }
}

function offsetPage<Row extends { readonly id: number }>(
  call: Call,
  listing: Listing<Row>,
  { show }: Options<Row>,
): Answer {
  const { settings, origin } = call.world
  const page = Math.max(1, Math.floor(Number(call.query.get('page') ?? '1')) || 1)
  if (page > settings.pageDepthMax)
    throw invalid({
      page: `The page field must not be greater than ${settings.pageDepthMax}. Use cursor pagination.`,
    })
  const size = settings.pageSize
  const total = listing.total()
  const rows = take(listing, (page - 1) * size, size)
  const last = Math.max(1, Math.ceil(total / size))
  const from = rows.length === 0 ? null : (page - 1) * size + 1
  return {
    status: 200,
    body: {
      data: rows.map(show),
      links: {
        first: link(call, { page: '1' }),
        last: link(call, { page: String(last) }),
        prev: page > 1 ? link(call, { page: String(page - 1) }) : null,
        next: page < last ? link(call, { page: String(page + 1) }) : null,
      },
      meta: {
        current_page: page,
        from,
        last_page: last,
        path: origin + call.path,
        per_page: size,
        to: from === null ? null : from + rows.length - 1,
        total,
      },
    },
  }
}

function take<Row extends { readonly id: number }>(listing: Listing<Row>, skip: number, size: number): Row[] {
  const rows: Row[] = []
  let seen = 0
  for (const row of listing.rows(undefined)) {
    if (seen++ < skip) continue
    rows.push(row)
    if (rows.length === size) break
  }
  return rows
}

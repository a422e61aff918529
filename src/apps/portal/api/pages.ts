import { z } from '@hono/zod-openapi'
import { isRefusal, type Queryable } from '../../../db/database.ts'
import { RefusedError } from '../../refused.ts'
import { int, stringOrNull } from './answers.ts'
import { count, oneOf, text } from './fields.ts'

/** Lists in pages: each page goes on behind the last row of the one before, so that none is cut and none comes twice. */

export interface List {
  /** The columns of a row. */
  readonly columns: string
  readonly from: string
  /** What tells rows apart, and its type. */
  readonly key: string
  readonly keyType: 'uuid' | 'text' | 'bigint'
  /** Expressions to sort by, which are never null. */
  readonly sorts: Readonly<Record<string, Sort>>
  /** Expressions over all rows that the filter lets through. */
  readonly sums?: Readonly<Record<string, string>>
}

export interface Sort {
  readonly sql: string
  readonly type: string
}

export interface PageRequest {
  readonly filter: Filter
  readonly sort: string
  readonly order: 'asc' | 'desc'
  readonly limit: number
  readonly cursor?: string | undefined
}

export interface Page<Row, Sums> {
  /** Of all pages together. */
  readonly total: number
  readonly sums: Sums
  readonly rows: Row[]
  readonly next_cursor: string | null
}

/** Conditions with their values; of a value that was not given, none. */
export class Filter {
  readonly conditions: string[] = []
  readonly values: unknown[] = []

  /** @param condition gets the parameter's place, such as `$3` */
  where<T>(value: T | undefined, condition: (place: string) => string): this {
    if (value !== undefined) {
      this.values.push(value)
      this.conditions.push(condition(`$${this.values.length}`))
    }
    return this
  }

  and(condition: string | undefined): this {
    if (condition !== undefined) this.conditions.push(condition)
    return this
  }

  get sql(): string {
    return this.conditions.length === 0 ? 'true' : this.conditions.join(' and ')
  }
}

/** The part of a text, in any case, in any of these columns. */
export const holds =
  (...columns: readonly string[]) =>
  (place: string): string =>
    `(${columns.map((column) => `strpos(lower(${column}), lower(${place})) > 0`).join(' or ')})`

export const search = text(200).optional()

/** What every list takes. */
export const pageQuery = <const S extends readonly [string, ...string[]]>(
  sorts: S,
  order: 'asc' | 'desc' = 'desc',
) => ({
  sort: oneOf(sorts).default(sorts[0] as S[number]),
  order: oneOf(['asc', 'desc']).default(order),
  limit: count(1, 500, 50, 'Rows of a page.'),
  cursor: text(2_000).optional().openapi({ description: 'next_cursor of the page before.' }),
})

/** What every list answers beside its rows. */
export const PAGE = {
  total: int.openapi({ description: 'Rows of all pages together.' }),
  next_cursor: stringOrNull.openapi({ description: 'Gives the next page; null where this is the last.' }),
}

const place = z.tuple([z.string(), z.string(), z.string()])

/** One page, the number of rows and their sums, of one moment. */
export async function readPage<Row, Sums = object>(
  db: Queryable,
  list: List,
  request: PageRequest,
): Promise<Page<Row, Sums>> {
  const { filter, sort, order, limit, cursor } = request
  const by = list.sorts[sort]
  if (by === undefined) throw new Error(`the list has no sort "${sort}"`)
  const shape = `${sort} ${order}`
  const after = cursor === undefined ? undefined : decode(cursor, shape)
  const values = [...filter.values, limit + 1]
  const behind =
    after === undefined
      ? 'true'
      : `(${by.sql}, ${list.key}) ${order === 'asc' ? '>' : '<'} ($${values.push(after.at)}::${by.type}, $${values.push(after.key)}::${list.keyType})`
  const sums = Object.entries(list.sums ?? {}).map(([name, sql]) => `'${name}', ${sql}`)
  try {
    const { rows } = await db.query<{ total: number; sums: Sums; rows: Raw<Row>[] }>(
      `with page as (
         select (${by.sql})::text as at, (${list.key})::text as key, to_json(columns) as row
         from ${list.from} cross join lateral (select ${list.columns}) as columns
         where ${filter.sql} and ${behind}
         order by ${by.sql} ${order}, ${list.key} ${order} limit $${filter.values.length + 1}
       )
       select t.total, t.sums, coalesce((select json_agg(p) from page as p), '[]') as rows
       from (
         select count(*) as total, json_build_object(${sums.join(', ')}) as sums from ${list.from} where ${filter.sql}
       ) as t`,
      values,
    )
    const [found] = rows
    if (found === undefined) throw new Error('the page has no total')
    const shown = found.rows.slice(0, limit)
    const last = found.rows.length > limit ? shown.at(-1) : undefined
    return {
      total: found.total,
      sums: found.sums,
      rows: shown.map(({ row }) => row),
      next_cursor: last === undefined ? null : encode(shape, last),
    }
  } catch (error) {
    // What was decoded may still not be what the column holds.
    if (cursor !== undefined && isRefusal(error)) throw noCursor(error)
    throw error
  }
}

interface Raw<Row> {
  readonly at: string
  readonly key: string
  readonly row: Row
}

const encode = (shape: string, { at, key }: Raw<unknown>): string =>
  Buffer.from(JSON.stringify([shape, at, key])).toString('base64url')

function decode(cursor: string, shape: string): { at: string; key: string } {
  const told = place.safeParse(parseJson(Buffer.from(cursor, 'base64url').toString()))
  if (!told.success || told.data.some((part) => part.includes('\u0000'))) throw noCursor(told.error)
  const [of, at, key] = told.data
  if (of !== shape)
    throw new RefusedError(
      400,
      'invalid',
      `query "cursor": it goes on with a list in the order "${of}": ask with the same sort and order`,
    )
  return { at, key }
}

function parseJson(given: string): unknown {
  try {
    return JSON.parse(given)
  } catch {
    return undefined
  }
}

const noCursor = (cause: unknown): RefusedError =>
  new RefusedError(400, 'invalid', 'query "cursor": give the next_cursor of the page before, as it is', {
    cause,
  })

import type { Queryable } from '../db/database.ts'

/** That something changed; an empty scope is everybody's. */
export interface Mark {
  readonly topic: string
  readonly scope: string
}

export interface Changes {
  /** Nothing is known of the time before: anything may have changed. */
  readonly all: boolean
  readonly marks: readonly Mark[]
}

export interface ChangeSource {
  /** What was committed since the last call that returned. */
  readonly poll: () => Promise<Changes>
}

export interface MarksOptions {
  /** A table with `xact xid8`, `topic` and `scope`, into which each transaction puts what it changes. */
  readonly table: string
  /** How long its rows are kept at least, milliseconds. */
  readonly keptMs: number
  readonly now: () => number
}

/**
 * Reads marks by snapshot: those of every transaction that the last look could not see. An order by number or time
 * would miss a transaction that began first and committed last.
 */
export class Marks implements ChangeSource {
  private readonly db: Queryable
  private readonly options: MarksOptions
  private last: { readonly snapshot: string; readonly at: number } | undefined

  constructor(db: Queryable, options: MarksOptions) {
    this.db = db
    this.options = options
  }

  readonly poll = async (): Promise<Changes> => {
    const { table, keptMs, now } = this.options
    const at = now()
    const known = this.last !== undefined && at - this.last.at < keptMs ? this.last.snapshot : null
    // A database that was restored, or another one, counts its transactions anew: then nothing is known.
    this.last = undefined
    const { rows } = await this.db.query<{ snapshot: string; marks: Mark[] }>(
      `select pg_current_snapshot()::text as snapshot, coalesce((
         select json_agg(json_build_object('topic', m.topic, 'scope', m.scope)) from (
           select distinct topic, scope from ${table}
           where xact >= pg_snapshot_xmin($1::pg_snapshot) and not pg_visible_in_snapshot(xact, $1::pg_snapshot)
         ) as m), '[]') as marks`,
      [known],
    )
    const [row] = rows
    if (row === undefined) throw new Error(`no snapshot was read for ${table}`)
    this.last = { snapshot: row.snapshot, at }
    return { all: known === null, marks: row.marks }
  }
}

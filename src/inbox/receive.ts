import { createHash } from 'node:crypto'
import { type Database, isOutage } from '../db/database.ts'
import type { Json } from '../engine/observation.ts'
import { encodeJson, storable } from '../db/storable.ts'

/** One webhook request that was found genuine, to be kept before it is answered. */
export interface Incoming {
  readonly app: string
  /** The vendor's own identity of the event; undefined where it has none. */
  readonly identity: string | undefined
  /** How long the vendor may send the same body again, for bodies without identity. */
  readonly horizonMs: number
  readonly type: string | undefined
  readonly stream: string | undefined
  readonly entity: string | undefined
  readonly clientIp: string | undefined
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
  readonly payload: Json
}

export interface Receipt {
  readonly id: number
  readonly duplicate: boolean
}

/** The inbox takes no more now: answer 503 and let the vendor come back. */
export class InboxFullError extends Error {
  override readonly name = 'InboxFullError'
}

export interface ReceiverOptions {
  /** Deliveries that may wait for their commit at one time. */
  readonly waitingMax?: number
  /** Bytes of bodies that may wait for their commit at one time. */
  readonly waitingBytesMax?: number
  /** Longest that a delivery waits for its commit, milliseconds; default 5 s. */
  readonly waitMaxMs?: number
  /** Called after each commit that brought something new. */
  readonly onCommit?: (apps: ReadonlySet<string>) => void
}

interface Waiting {
  readonly incoming: Incoming
  readonly key: string
  readonly resolve: (receipt: Receipt) => void
  readonly reject: (error: unknown) => void
  /** Refused because it waited too long. */
  expired: boolean
}

const BATCH_MAX = 500
/** Two commits at a time: while one waits for the disk, the next batch gathers. */
const FLUSHES_MAX = 2
/**
 * A server that is gone answers at once, but one behind a pooler or a dead link does not answer at all: PgBouncer
 * holds queries for two minutes, TCP for a quarter of an hour. Vendors give up long before.
 */
const WAIT_MAX_MS = 5_000

/**
 * Group commit: deliveries that arrive while a commit is under way share the next one. A lone delivery is committed
 * at once; under load the cost of a commit is spread over hundreds. `accept` resolves after the commit (I1).
 */
export class Receiver {
  private readonly waiting: Waiting[] = []
  private waitingBytes = 0
  private flushes = 0
  private readonly db: Database
  private readonly options: ReceiverOptions

  constructor(db: Database, options: ReceiverOptions = {}) {
    this.db = db
    this.options = options
  }

  /** Resolves when the delivery, or the one that it repeats, is committed. Rejects where it could not be. */
  accept(incoming: Incoming): Promise<Receipt> {
    const { waitingMax = 5_000, waitingBytesMax = 64 << 20 } = this.options
    if (this.waiting.length >= waitingMax || this.waitingBytes + incoming.body.length > waitingBytesMax) {
      return Promise.reject(new InboxFullError(`${this.waiting.length} deliveries wait for their commit`))
    }
    return new Promise((resolve, reject) => {
      this.waiting.push(
        this.withDeadline({ incoming, key: dedupeKey(incoming), resolve, reject, expired: false }),
      )
      this.waitingBytes += incoming.body.length
      this.flushSoon()
    })
  }

  /** Where the database does not answer, the vendor is told to come again. It may have been kept all the same. */
  private withDeadline(waiting: Waiting): Waiting {
    const { waitMaxMs = WAIT_MAX_MS } = this.options
    const timer = setTimeout(() => {
      entry.expired = true
      waiting.reject(new InboxFullError(`not committed within ${waitMaxMs} ms`))
    }, waitMaxMs)
    const entry: Waiting = {
      ...waiting,
      resolve(receipt) {
        clearTimeout(timer)
        waiting.resolve(receipt)
      },
      reject(error) {
        clearTimeout(timer)
        waiting.reject(error)
      },
    }
    return entry
  }

  /** Deliveries that are not yet committed. */
  get depth(): number {
    return this.waiting.length
  }

  private flushSoon(): void {
    if (this.flushes >= FLUSHES_MAX || this.waiting.length === 0) return
    this.flushes++
    // Requests that this turn of the event loop has already read join the batch.
    setImmediate(() => {
      void this.flush().finally(() => {
        this.flushes--
        this.flushSoon()
      })
    })
  }

  private async flush(): Promise<void> {
    const taken = this.waiting.splice(0, BATCH_MAX)
    for (const { incoming } of taken) this.waitingBytes -= incoming.body.length
    const batch = taken.filter(({ expired }) => !expired)
    if (batch.length === 0) return
    try {
      const receipts = await insert(this.db, batch)
      for (const { key, incoming, resolve } of batch) {
        const receipt = receipts.get(`${incoming.app} ${key}`)
        if (receipt === undefined) throw new Error(`the inbox did not report on ${key}`)
        resolve({ id: receipt.id, duplicate: receipt.taken || !receipt.fresh })
        receipt.taken = true
      }
      const fresh = [...receipts.values()].filter((r) => r.fresh)
      if (fresh.length > 0) this.options.onCommit?.(new Set(fresh.map((r) => r.app)))
    } catch (error) {
      if (batch.length === 1 || isOutage(error)) for (const { reject } of batch) reject(error)
      else await this.flushOneByOne(batch)
    }
  }

  /** Something in the batch is refused by the database: the others must not go down with it. */
  private async flushOneByOne(batch: readonly Waiting[]): Promise<void> {
    for (const waiting of batch) {
      try {
        const [receipt] = (await insert(this.db, [waiting])).values()
        if (receipt === undefined) throw new Error(`the inbox did not report on ${waiting.key}`)
        waiting.resolve({ id: receipt.id, duplicate: !receipt.fresh })
        if (receipt.fresh) this.options.onCommit?.(new Set([receipt.app]))
      } catch (error) {
        waiting.reject(error)
      }
    }
  }
}

/** What a vendor puts where an id belongs must fit an index entry. */
const ID_MAX = 200

function dedupeKey({ identity, body }: Incoming): string {
  const digest = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('base64url')
  if (identity === undefined) return `hash:${digest(body)}`
  const plain = storable(identity)
  return plain.length <= ID_MAX ? `id:${plain}` : `id:${digest(plain)}`
}

const clip = (text: string | undefined): string | null =>
  text === undefined ? null : storable(text).slice(0, ID_MAX)

interface Inserted {
  readonly app: string
  readonly id: number
  readonly fresh: boolean
  taken: boolean
}

async function insert(db: Database, batch: readonly Waiting[]): Promise<Map<string, Inserted>> {
  const unique = new Map<string, { first: Waiting; deliveries: number }>()
  for (const waiting of batch) {
    const name = `${waiting.incoming.app} ${waiting.key}`
    const known = unique.get(name)
    unique.set(name, { first: known?.first ?? waiting, deliveries: (known?.deliveries ?? 0) + 1 })
  }
  // In one order, so that two nodes that were sent the same deliveries do not lock each other out.
  const entries = [...unique.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry)
  const hashed = entries.filter(({ first }) => first.incoming.identity === undefined)
  return db.transaction(async (tx) => {
    if (hashed.length > 0)
      await releaseOldHashes(
        tx,
        hashed.map(({ first }) => first),
      )
    const { rows } = await tx.query<{ id: number; app: string; dedupe_key: string; fresh: boolean }>(
      `insert into lockstep.inbox as i
         (app, dedupe_key, event_type, stream, entity, client_ip, headers, body, payload, deliveries)
       select app, key, type, stream, entity, ip, headers::jsonb, body, payload::jsonb, deliveries
       from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bytea[],
         $9::text[], $10::int[]) as d (app, key, type, stream, entity, ip, headers, body, payload, deliveries)
       on conflict (app, dedupe_key) do update
         set deliveries = i.deliveries + excluded.deliveries, last_delivery_at = clock_timestamp()
       returning i.id, i.app, i.dedupe_key, i.xmax = 0 as fresh`,
      columns(entries),
    )
    return new Map(
      rows.map(({ id, app, dedupe_key, fresh }) => [
        `${app} ${dedupe_key}`,
        { app, id, fresh, taken: false },
      ]),
    )
  })
}

function columns(entries: readonly { first: Waiting; deliveries: number }[]): unknown[] {
  const pick = <T>(of: (w: Incoming) => T): T[] => entries.map(({ first }) => of(first.incoming))
  return [
    pick((i) => i.app),
    entries.map(({ first }) => first.key),
    pick((i) => clip(i.type)),
    pick((i) => clip(i.stream)),
    pick((i) => clip(i.entity)),
    pick((i) => clip(i.clientIp)),
    pick((i) => encodeJson(i.headers)),
    pick((i) => Buffer.from(i.body)),
    pick((i) => encodeJson(i.payload)),
    entries.map(({ deliveries }) => deliveries),
  ]
}

/**
 * A body without an id is the same event only within the vendor's retry horizon: the same thing may truly happen
 * twice. Past it the old event gives up its key; the unique index still lets only one of two nodes take it.
 */
async function releaseOldHashes(
  tx: { query(sql: string, params: readonly unknown[]): Promise<unknown> },
  hashed: readonly Waiting[],
): Promise<void> {
  await tx.query(
    `update lockstep.inbox as i set dedupe_key = i.dedupe_key || '@' || i.id
     from unnest($1::text[], $2::text[], $3::float8[]) as d (app, key, horizon_ms)
     where i.app = d.app and i.dedupe_key = d.key
       and i.received_at < clock_timestamp() - make_interval(secs => d.horizon_ms / 1000)`,
    [hashed.map((w) => w.incoming.app), hashed.map((w) => w.key), hashed.map((w) => w.incoming.horizonMs)],
  )
}

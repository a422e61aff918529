import { isUtf8 } from 'node:buffer'
import { createHash } from 'node:crypto'
import { byteaArray, textArray } from '../db/arrays.ts'
import type { Database, Queryable } from '../db/database.ts'
import { storable } from '../db/storable.ts'

/** One webhook request that was found genuine, to be kept before it is answered. */
export interface Incoming {
  readonly app: string
  /** The vendor's own identity of the event; undefined where it has none. */
  readonly identity: string | undefined
  /** What is hashed where there is no identity; default the body. */
  readonly sameAs?: string | undefined
  /** How long the vendor may send the same body again, for bodies without identity. */
  readonly horizonMs: number
  readonly type: string | undefined
  readonly stream: string | undefined
  readonly entity: string | undefined
  readonly clientIp: string | undefined
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
  /** Default: by webhook. `log`: read from the vendor's own record of its events. */
  readonly via?: 'webhook' | 'log'
}

/** A delivery and the key under which it is kept. */
interface Keyed {
  readonly incoming: Incoming
  readonly key: string
}

/** What a vendor puts where an id belongs must fit an index entry. */
const ID_MAX = 200

/** What tells a delivery from another: the vendor's identity of its event, else the hash of its body. */
export function dedupeKey({ identity, sameAs, body }: Incoming): string {
  const digest = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('base64url')
  if (identity === undefined) return `hash:${digest(sameAs ?? body)}`
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

/** Commits deliveries; each event once, whoever sends it how often. Returns what is kept, by app and key. */
export async function insertDeliveries(
  db: Database,
  batch: readonly Keyed[],
): Promise<Map<string, Inserted>> {
  const unique = new Map<string, { first: Keyed; deliveries: number }>()
  for (const waiting of batch) {
    const name = `${waiting.incoming.app} ${waiting.key}`
    const known = unique.get(name)
    unique.set(name, { first: known?.first ?? waiting, deliveries: (known?.deliveries ?? 0) + 1 })
  }
  // In one order, so that two nodes that were sent the same deliveries do not lock each other out.
  const entries = [...unique.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry)
  const hashed = entries.filter(({ first }) => first.incoming.identity === undefined)
  const rows = await (hashed.length === 0
    ? db.statement<Kept>(KEEP, columns(entries))
    : db.transaction(async (tx) => {
        await releaseOldHashes(
          tx,
          hashed.map(({ first }) => first),
        )
        return tx.query<Kept>(KEEP, columns(entries))
      }))
  return new Map(
    rows.rows.map(({ id, app, dedupe_key, fresh }) => [
      `${app} ${dedupe_key}`,
      { app, id, fresh, taken: false },
    ]),
  )
}

/** Keeps those events that no delivery has brought yet; one that did is left as it is. Returns what was missing. */
export async function insertMissing(db: Database, batch: readonly Keyed[]): Promise<Incoming[]> {
  const unique = new Map(batch.map((keyed) => [keyed.key, keyed]))
  const entries = [...unique.values()].sort((a, b) => (a.key < b.key ? -1 : 1))
  if (entries.length === 0) return []
  const { rows } = await db.statement<Kept>(KEEP, columns(entries.map((first) => ({ first, deliveries: 0 }))))
  return rows.flatMap(({ dedupe_key }) => unique.get(dedupe_key)?.incoming ?? [])
}

interface Kept {
  id: number
  app: string
  dedupe_key: string
  fresh: boolean
}

/** In the database (migration 0012): its plan is kept from one batch to the next, through poolers as well. */
const KEEP = `select id, app, dedupe_key, fresh from lockstep.keep_deliveries($1::text[], $2::text[], $3::text[],
  $4::text[], $5::text[], $6::text[], $7::text[], $8::bytea[], $9::text[], $10::text[], $11::text[])`

/** Postgres's text is UTF-8 without NUL. */
const isPlain = (body: Uint8Array): boolean => isUtf8(body) && !body.includes(0)

function columns(entries: readonly { first: Keyed; deliveries: number }[]): Buffer[] {
  const texts = (of: (incoming: Incoming) => string | null): Buffer =>
    textArray(entries.map(({ first }) => of(first.incoming)))
  return [
    texts((i) => i.app),
    textArray(entries.map(({ first }) => first.key)),
    texts((i) => clip(i.type)),
    texts((i) => clip(i.stream)),
    texts((i) => clip(i.entity)),
    texts((i) => clip(i.clientIp)),
    texts((i) => storable(JSON.stringify(i.headers))),
    byteaArray(entries.map(({ first }) => first.incoming.body)),
    texts(({ body }) => (isPlain(body) ? 't' : 'f')),
    textArray(entries.map(({ deliveries }) => String(deliveries))),
    texts((i) => i.via ?? 'webhook'),
  ]
}

/**
 * A body without an id is the same event only within the vendor's retry horizon: the same thing may truly happen
 * twice. Past it the old event gives up its key; the unique index still lets only one of two nodes take it.
 */
async function releaseOldHashes(tx: Queryable, hashed: readonly Keyed[]): Promise<void> {
  await tx.query(
    `update lockstep.inbox_events as i set dedupe_key = i.dedupe_key || '@' || i.id
     from unnest($1::text[], $2::text[], $3::float8[]) as d (app, key, horizon_ms)
     where i.app = d.app and i.dedupe_key = d.key
       and i.received_at < clock_timestamp() - make_interval(secs => d.horizon_ms / 1000)`,
    [hashed.map((w) => w.incoming.app), hashed.map((w) => w.key), hashed.map((w) => w.incoming.horizonMs)],
  )
}

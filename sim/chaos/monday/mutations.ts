import type { Database } from '../../../src/db/database.ts'
import { type FetchedRow, type Page, ROW } from '../../../src/sources/contract.ts'
import type { Mutation } from '../kind.ts'
import type { ReadRequest } from '../node.ts'

const ONE_MOMENT = Date.UTC(2026, 10, 2, 9, 0, 0) * 1000

/** Forgets what was deleted. */
const FORGET = `
create schema chaos_bug;
create function chaos_bug.forget() returns trigger language plpgsql as $$
begin
  delete from lockstep.tombstones where table_name = new.table_name and key = new.key and dead;
  return null;
end $$;
create trigger chaos_bug after insert or update on lockstep.tombstones for each row when (new.deleted)
  execute function chaos_bug.forget()`

export const mutations: Readonly<Record<string, Mutation>> = {
  /** Only the vendor's time decides: of two observations of one moment the first stays. */
  'no-tie-rule': {
    intercept: (sql) =>
      /nextval\('lockstep\.arrival'\) as n/.test(sql) ? [{ seen: ONE_MOMENT, n: 0 }] : undefined,
    delivery: (delivery) => ({ ...delivery, n: 0, receivedAt: ONE_MOMENT }),
  },
  'no-tombstone': { sql: FORGET },
  /** A row stands for the moment at which it was read: one from a lagging replica hides a newer event. */
  'no-settle': {
    page: (page) => ({ ...page, rows: page.rows.map(({ updatedAt: _updatedAt, ...row }) => row) }),
  },
  /** A row counts to the end of the second of its change, even where it was read before that: later events lose. */
  'no-floor': { page: (page) => ({ ...page, floor: page.floor + page.granule }) },
  'settle-outside': { settleOutside: true },
  'absence-as-delete': { page: deleteTheAbsent },
}

const met = new WeakMap<Database, Map<string, Set<string>>>()

/** A key that a pass did not meet is taken to be gone. */
async function deleteTheAbsent(
  page: Page,
  { stream, part, cursor, newestFirst }: ReadRequest,
  admin: Database,
): Promise<Page> {
  if (part !== ROW || cursor === null || newestFirst) return page
  const passes = met.get(admin) ?? new Map<string, Set<string>>()
  met.set(admin, passes)
  const keys = cursor === undefined ? new Set<string>() : (passes.get(stream.id) ?? new Set<string>())
  passes.set(stream.id, keys)
  for (const row of page.rows) keys.add(row.key)
  if (page.next !== undefined) return page
  const { rows } = await admin.query<{ key: string }>(`select monday_id as key from public."${stream.table}"`)
  const absent = rows.filter(({ key }) => !keys.has(key))
  return {
    ...page,
    rows: [...page.rows, ...absent.map(({ key }): FetchedRow => ({ key, values: {}, gone: true }))],
  }
}

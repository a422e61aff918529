import { textArray } from '../db/arrays.ts'
import type { Queryable } from '../db/database.ts'
import { isLive, lowestStamp, type Registers } from '../engine/merge.ts'
import { NEVER, stampFloor } from '../engine/stamp.ts'
import type { MirrorTable } from './mirror-table.ts'
import { runInChunks } from './run-in-chunks.ts'
import { carriedColumns, digestStatement, sameStatement } from './statements.ts'
import { mostlySame, type RowChunk, type TableBatch } from './table-batch.ts'

interface Look {
  readonly tx: Queryable
  readonly table: MirrorTable
  /** As a parameter, of statements on tables that have a parent. */
  readonly parentId: readonly string[]
  readonly batch: TableBatch
}

/**
 * The keys of rows of which the vendor says that nothing changed, and that are equal: to write their stamp would be
 * in vain. Where some rows in a row all differ, the others are not looked at.
 *
 * @param concerned keys that a parent's move concerns: those are never the same
 */
export async function findSame(look: Look, concerned: ReadonlySet<string>): Promise<ReadonlySet<string>> {
  const { tx, table, parentId, batch } = look
  const asserted = batch.registers.filter(
    (r) => r.unchangedSince !== undefined && isLive(r) && !concerned.has(r.key),
  )
  // Where each read leaves something out, such as formulas, no row has a digest.
  if (!table.digests || !asserted.some((r) => lowestStamp(r) !== NEVER)) return compare(look, asserted)
  const same = new Set<string>()
  const untold = new Set<string>()
  await runInChunks<{ key: string; same: boolean }, RowChunk>(
    tx,
    digestStatement(table.spec),
    batch.chunksOf(asserted),
    async (chunk) => [...parentId, chunk.keys, floorsOf(chunk), chunk.digests],
    (rows) => {
      for (const row of rows) (row.same ? same : untold).add(row.key)
      return rows.length > 0
    },
  )
  if (same.size > asserted.length / 2) mostlySame.add(table)
  else mostlySame.delete(table)
  if (untold.size === 0) return same
  const compared = await compare(
    look,
    asserted.filter((r) => untold.has(r.key)),
  )
  return new Set([...same, ...compared])
}

/** Value by value. */
async function compare(
  { tx, table, parentId, batch }: Look,
  asserted: readonly Registers[],
): Promise<ReadonlySet<string>> {
  const columns = carriedColumns(table.spec, asserted)
  const sql = sameStatement(table.spec, columns)
  const same = new Set<string>()
  const encoded = async (chunk: RowChunk): Promise<unknown[]> => [
    ...parentId,
    chunk.keys,
    floorsOf(chunk),
    chunk.extra,
    ...(await chunk.columns(columns)),
  ]
  await runInChunks<{ key: string }, RowChunk>(tx, sql, batch.chunksOf(asserted), encoded, (rows) => {
    for (const { key } of rows) same.add(key)
    return rows.length > 0
  })
  return same
}

/** The least stamps that rows have which were written after the moment since which nothing changed. */
const floorsOf = (chunk: RowChunk): Buffer =>
  textArray(chunk.rows.map((r) => stampFloor((r.unchangedSince ?? 0) + 1)))

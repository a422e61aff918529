import type { Queryable } from '../db/database.ts'

/** Runs a statement on some rows at a time: while the database works on them, the next are encoded. `goOn` may end it early. */
export async function runInChunks<Row extends object, Chunk>(
  tx: Queryable,
  sql: string,
  chunks: readonly Chunk[],
  encoded: (chunk: Chunk) => Promise<unknown[]>,
  goOn: (found: readonly Row[]) => boolean = () => true,
): Promise<Row[]> {
  const found: Row[] = []
  const encodeAt = async (i: number): Promise<unknown[] | undefined> => {
    const chunk = chunks[i]
    return chunk === undefined ? undefined : encoded(chunk)
  }
  let params = await encodeAt(0)
  for (let next = 1; params !== undefined; next++) {
    const running = tx.query<Row>(sql, params)
    // It is awaited after the next chunk is ready; until then nobody listens to its failure.
    running.catch(() => {})
    params = await encodeAt(next)
    const { rows } = await running
    for (const row of rows) found.push(row)
    if (!goOn(rows)) break
  }
  return found
}

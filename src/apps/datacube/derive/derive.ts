import type { Database, Transaction } from '../../../db/database.ts'
import type { Change } from '../../../mirror/apply.ts'
import { type Affected, findAffected, type Touched, touchedBy } from './affected.ts'
import { deriveProjects } from './projects.ts'
import { deriveSubitems } from './subitems.ts'

/** One lock for all of this app's derivations: "datacube", shortened to an int. */
const DERIVE_LOCK = 1_684_108_385

/**
 * Every statement here looks up a few hundred keys by index. Right after the first load the tables have no
 * statistics yet, and the planner would read them whole for each page; and where it is told not to, it takes what
 * is left for so dear that it would compile it.
 */
const PLANNING = ['enable_seqscan', 'enable_hashjoin', 'enable_mergejoin', 'jit'] as const
const lookUps = PLANNING.map((name) => `set local ${name} to off`).join(';')
const asBefore = PLANNING.map((name) => `set local ${name} to default`).join(';')

/**
 * Recomputes what depends on these changes, in their transaction.
 *
 * Rows that exist are locked first, in key order, subitems before projects: the order in which every batch takes
 * them, as each merges one board's page before. Row locks do not show what another batch has inserted and not yet
 * committed (a hidden item here, the subitem of its name there), so the reading happens under one lock that lasts
 * until the commit: whoever comes second sees the first's rows. It is taken after the row locks; the other way about,
 * its holder would wait for rows of those who wait for it.
 */
export async function derive(tx: Transaction, changes: readonly Change[]): Promise<void> {
  if (changes.length === 0) return
  const touched = touchedBy(changes)
  await tx.query(lookUps)
  await findAffected(tx, touched, { lock: true })
  await recompute(tx, () => findAffected(tx, touched, { lock: false }))
  await tx.query(asBefore)
}

async function recompute(tx: Transaction, find: () => Promise<Affected>): Promise<void> {
  await tx.query('select pg_advisory_xact_lock($1)', [DERIVE_LOCK])
  const { subitems, projects } = await find()
  await deriveSubitems(tx, subitems)
  await deriveProjects(tx, projects)
}

/** Rows of one transaction of `recomputeAll`; the lock is held for some 50 ms at most. */
const CHUNK = 500

/** Recomputes everything, in chunks: for settings that change what is derived. Ends after the last key. */
export async function recomputeAll(db: Database): Promise<void> {
  for (const table of ['subitems', 'projects'] as const) {
    for (let after: string | undefined = ''; after !== undefined;)
      after = await recomputeChunk(db, table, after)
  }
}

async function recomputeChunk(
  db: Database,
  table: keyof Affected,
  after: string,
): Promise<string | undefined> {
  return db.transaction(async (tx) => {
    const { rows } = await tx.query<{ key: string }>(
      `select monday_id as key from public.${table} where monday_id > $1 order by monday_id limit ${CHUNK}`,
      [after],
    )
    const keys = rows.map((row) => row.key)
    const nothing: Touched = { projects: [], subitems: [], parents: [], hiddenItems: [], hiddenNames: [] }
    await tx.query(lookUps)
    await findAffected(tx, { ...nothing, [table]: keys }, { lock: true })
    await recompute(tx, () => Promise.resolve({ subitems: [], projects: [], [table]: keys }))
    return keys.at(-1)
  })
}

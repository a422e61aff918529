import type { Database } from '../../db/database.ts'
import { recomputeAll } from './derive/derive.ts'

const WON_STAGES = 'datacube.won_stages'
/** What the stored status categories were computed with, written after they were. */
const APPLIED = 'datacube.won_stages_applied'

const WRITE = `insert into lockstep.settings as s (key, value) values ($1, $2)
  on conflict (key) do update set value = excluded.value, updated_at = clock_timestamp()
  where s.value is distinct from excluded.value`

/**
 * Sets which stages count as won; without `stages` what is set stays, or the default. Where the stored categories
 * were made with other stages (the setting may have been changed by hand, or a recomputation killed), all are
 * computed again.
 */
export async function applyWonStages(db: Database, stages: readonly string[] | undefined): Promise<boolean> {
  if (stages !== undefined) await db.query(WRITE, [WON_STAGES, JSON.stringify(stages)])
  const { rows } = await db.query<{ wanted: string; applied: boolean }>(
    `select to_jsonb(datacube.won_stages())::text as wanted, exists (
       select from lockstep.settings where key = $1 and value = to_jsonb(datacube.won_stages())) as applied`,
    [APPLIED],
  )
  const [current] = rows
  if (current === undefined || current.applied) return false
  await recomputeAll(db)
  await db.query(WRITE, [APPLIED, current.wanted])
  return true
}

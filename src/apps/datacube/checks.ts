import type { Queryable } from '../../db/database.ts'
import type { Check } from '../contract.ts'

/** Check of the SQL function → how grave it is, what it means and what to do. */
const meanings: Readonly<Record<string, { level: Check['level']; detail: string }>> = {
  orphaned_subitems: {
    level: 'warning',
    detail: 'Subitems whose project is not here. Run "lockstep verify datacube --repair" to read both again.',
  },
  subitems_without_hidden_item: {
    level: 'info',
    detail:
      'Subitems with neither a link to a hidden item nor one that only could be meant by name or number. Link them on the board.',
  },
  projects_without_account: {
    level: 'info',
    detail:
      'Projects whose account neither a subitem nor the mirror column tells. They are left out of account segments.',
  },
  projects_without_product: {
    level: 'info',
    detail: 'Projects whose product type neither a subitem nor the mirror column tells.',
  },
  unconfirmed_tables: {
    level: 'warning',
    detail: 'Tables that were never read to their end. Run "lockstep sync datacube --full".',
  },
}

/** Looks for rows that do not fit together. */
export async function checkDataConsistency(db: Queryable): Promise<Check[]> {
  const { rows } = await db.query<{ check_name: string; rows: number; examples: string[] }>(
    'select check_name, rows, examples from public.check_data_consistency()',
  )
  return rows.map(({ check_name: name, rows: count, examples }) => {
    const { level, detail } = meanings[name] ?? { level: 'warning', detail: name }
    return { name, count, level: count === 0 ? 'ok' : level, detail, examples }
  })
}

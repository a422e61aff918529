import { describe, expect, it } from 'vitest'
import { datacube } from '../../src/apps/datacube/app.ts'
import type { BoardMapping } from '../../src/sources/monday/mapping.ts'
import { fields, hidden, project, row, subitem, withWorld } from './support/world.ts'

const noSource = (): never => {
  throw new Error('no source in this test')
}
const app = (wonStages?: readonly string[]) =>
  datacube(wonStages === undefined ? {} : { wonStages }, () => noSource)

describe('datacube app', () => {
  it('hands its boards to the source', () => {
    let seen: BoardMapping[] = []
    datacube({ boards: { subitems: '7' } }, (mappings) => {
      seen = mappings
      return noSource
    })
    expect(seen.map(({ board }) => board)).toEqual(['1825138260', '1825117125', '7'])
  })

  it('computes the status again when another set of stages counts as won', async () => {
    await withWorld(async (world) => {
      const stages = [
        'Won - Closed (Invoiced)',
        'Won - Open (Order Received)',
        'Won Via Other Ref',
        'Lost',
        'Open Enquiry',
      ]
      await world.apply(
        ...stages.map((stage, n) => project(`p${n}`, { pipeline_stage: stage })),
        project('none'),
      )
      const categories = async (): Promise<string> =>
        (await world.db.query('select status_category as c from projects order by monday_id')).rows
          .map(({ c }) => c)
          .join()
      const initial = 'Open,Won,Won,Won,Lost,Open'
      expect(await categories()).toBe(initial)
      await app().start?.(world.db)
      expect(await categories()).toBe(initial)
      await app(['Won - Closed (Invoiced)']).start?.(world.db)
      expect(await categories()).toBe('Open,Won,Open,Open,Lost,Open')
      await app().start?.(world.db)
      expect(await categories(), 'without the option the setting stays').toBe('Open,Won,Open,Open,Lost,Open')
      await world.apply(fields('projects', 'p1', { pipeline_stage: 'Won - Closed (Invoiced)' }))
      expect(await categories()).toBe('Open,Won,Won,Open,Lost,Open')
      await world.db.query(`delete from lockstep.settings where key = 'datacube.won_stages'`)
      await app().start?.(world.db)
      expect(await categories(), 'a change by hand is found at the next start').toBe(
        'Open,Won,Won,Won,Lost,Open',
      )
    })
  })

  it('finds what does not fit together', async () => {
    await withWorld(async (world) => {
      await world.apply(
        project('p1', { item_name: '10' }, { lookup_mkq010zk: 'Acme', lookup_mkt3xgz1: 'XPS' }),
        project('p2'),
        subitem('s1', 'p1', { item_name: '10_25.01 - A' }),
        subitem('s2', 'lost', { item_name: '11_25.01 - A' }),
        hidden('h1', { item_name: '10_25.01 - A' }),
      )
      await world.db.query(`insert into lockstep.freshness (app, stream, table_name, full_pass_at)
        values ('datacube', '1', 'projects', now()), ('datacube', '2', 'public.subitems', null)`)
      const checks = (await app().checks?.(world.db)) ?? []
      expect(checks.map(({ name, count, level, examples }) => [name, count, level, examples])).toEqual([
        ['orphaned_subitems', 1, 'warning', ['s2']],
        ['subitems_without_hidden_item', 1, 'info', ['s2']],
        ['projects_without_account', 1, 'info', ['p2']],
        ['projects_without_product', 1, 'info', ['p2']],
        ['unconfirmed_tables', 2, 'warning', ['hidden_items', 'subitems']],
      ])
      expect(await world.value('(select array_agg(monday_id) from find_orphaned_subitems())')).toEqual(['s2'])
    })
  })

  it('moves updated_at and the version with what can be seen, not with stamps', async () => {
    await withWorld(async (world) => {
      const version = async (
        table: 'projects' | 'subitems' | 'hidden_items',
        key: string,
      ): Promise<unknown[]> => {
        const { updated_at: updated, sync_version: sync } = await world.get(table, key)
        return [sync, updated]
      }
      await world.apply(project('10', { item_name: '10' }))
      const first = await version('projects', '10')
      await world.apply(project('10', { item_name: '10' }))
      expect(await version('projects', '10'), 'the same again').toEqual(first)
      await world.apply(hidden('h', { item_name: '10_25.01 - A', project_name: 'Roof' }))
      const derived = await version('projects', '10')
      expect(derived[0], 'derived from elsewhere').toBe(Number(first[0]) + 1)
      expect(derived[1]).not.toBe(first[1])
      await world.apply(project('10', { item_name: '10', funding: 'CIF' }))
      expect((await version('projects', '10'))[0], 'changed at the vendor').toBe(Number(derived[0]) + 1)
      await world.apply(row('hidden_items', 'h', { item_name: '10_25.01 - A', designer: 'Jo' }))
      expect((await version('hidden_items', 'h'))[0]).toBe(2)
    })
  })

  it('watches every derived column for changes', async () => {
    await withWorld(async (world) => {
      for (const spec of app().tables) {
        const definition = await world.value<string | null>(
          `(select pg_get_triggerdef(oid) from pg_trigger where tgname = $1)`,
          [`${spec.name}_touch`],
        )
        const { rows } = await world.db.query<{ name: string }>(
          `select attname as name from pg_attribute where attrelid = ('public.' || $1)::regclass and attgenerated = 's'`,
          [spec.name],
        )
        const generated = new Set(rows.map(({ name }) => name))
        for (const [name, { owner }] of Object.entries(spec.columns)) {
          if (owner === 'derived' && !generated.has(name))
            expect(definition).toMatch(new RegExp(`\\bnew\\.${name}\\b`))
        }
      }
    })
  })
})

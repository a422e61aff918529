import { describe, expect, it } from 'vitest'
import { datacube } from '../../src/apps/datacube/app.ts'
import { NO_NODE } from '../support/node.ts'
import { insertEvents } from '../support/inbox.ts'
import { hidden, project, subitem, type World, withWorld } from './support/world.ts'

const rows = async (world: World, sql: string): Promise<unknown[]> => (await world.db.query(sql)).rows

describe('views', () => {
  it('show the ledger of runs and the inbox under their own names, of this app alone', async () => {
    await withWorld(async (world) => {
      await world.db
        .query(`insert into lockstep.runs (app, lane, stream, stream_name, status, processed, created, finished_at)
        select app, lane, '1', 'Board', status, 10, 4, clock_timestamp() from (values ('datacube', 'backfill', 'completed'),
          ('datacube', 'sweep', 'failed'), ('datacube', 'delta', 'partial'), ('datacube', 'refetch', 'completed'),
          ('datacube', 'reset', 'completed'), ('portal', 'delta', 'completed')) as v (app, lane, status)`)
      const event = { stream: '1', entity: '2', type: 'update_column_value' }
      await insertEvents(world.db, [
        { ...event, app: 'datacube', key: 'k0', status: 'pending', attempts: 0 },
        { ...event, app: 'datacube', key: 'k1', status: 'processed', attempts: 1 },
        { ...event, app: 'datacube', key: 'k8', status: 'dead', attempts: 8 },
        { ...event, app: 'portal', key: 'k8', status: 'dead', attempts: 8 },
      ])
      expect(
        await rows(
          world,
          'select sync_type, status, items_processed, items_created from sync_log order by 1, 2',
        ),
      ).toEqual([
        { sync_type: 'delta', status: 'partial', items_processed: 10, items_created: 4 },
        { sync_type: 'full', status: 'completed', items_processed: 10, items_created: 4 },
        { sync_type: 'full', status: 'failed', items_processed: 10, items_created: 4 },
        { sync_type: 'reset', status: 'completed', items_processed: 10, items_created: 4 },
        { sync_type: 'webhook', status: 'completed', items_processed: 10, items_created: 4 },
      ])
      expect(
        await rows(
          world,
          'select event_id, item_id, status, retry_count from webhook_events order by received_at, id',
        ),
      ).toEqual([
        { event_id: 'k0', item_id: '2', status: 'pending', retry_count: 0 },
        { event_id: 'k1', item_id: '2', status: 'processed', retry_count: 0 },
        { event_id: 'k8', item_id: '2', status: 'failed', retry_count: 7 },
      ])
      expect(
        await rows(world, 'select board_id, successful_syncs, partial_syncs, failed_syncs from sync_health'),
      ).toEqual([{ board_id: '1', successful_syncs: 3, partial_syncs: 1, failed_syncs: 1 }])
    })
  })

  it('tell freshness from when a table was confirmed', async () => {
    await withWorld(async (world) => {
      await world.apply(project('1'), project('2'), subitem('3', '1'))
      await world.db.query(`update projects set last_synced_at = now() - interval '3 days'`)
      await world.db.query(`update subitems set last_synced_at = now() - interval '3 days'`)
      await world.db.query(`insert into lockstep.freshness (app, stream, table_name, full_pass_at, delta_at)
        values ('datacube', '1', 'projects', now() - interval '2 days', now() - interval '10 minutes')`)
      const shown =
        'table_name, total_records, fresh_1h, fresh_24h, last_full_pass is not null as passed, newest_sync - oldest_sync as span'
      expect(
        await rows(world, `select ${shown.split(', newest')[0]} from get_data_freshness() order by 1`),
      ).toEqual([
        { table_name: 'hidden_items', total_records: 0, fresh_1h: 0, fresh_24h: 0, passed: false },
        { table_name: 'projects', total_records: 2, fresh_1h: 2, fresh_24h: 2, passed: true },
        { table_name: 'subitems', total_records: 1, fresh_1h: 0, fresh_24h: 0, passed: false },
      ])
    })
  })

  it('give the figures of a segment, and refresh them while they are read', async () => {
    await withWorld(async (world) => {
      const today = new Date()
      const yearsAgo = (years: number): string => `${today.getUTCFullYear() - years}-01-15`
      const stages = [['Lost', 1], ['Won Via Other Ref', 1], ['Open Enquiry', 1], ['Lost', 4], ['Lost', 9]] as const // prettier-ignore
      const designs = ['2025-01-11', '2025-01-21', '2025-01-31']
      await world.apply(
        ...stages.map(([stage, years], n) =>
          project(`p${n}`, {
            item_name: `${n}`,
            type: 'New Build',
            category: 'Healthcare',
            pipeline_stage: stage,
            date_created: yearsAgo(years),
          }),
        ),
        ...designs.map((date, n) =>
          hidden(`h${n}`, {
            item_name: `${n}_25.01 - A`,
            date_design_completed: '2025-01-01',
            invoice_date: date,
          }),
        ),
      )
      await datacube({}, () => () => { throw new Error('none') }).jobs?.[0]?.run(world.db, today, NO_NODE) // prettier-ignore
      const figures = `account, type, category, product_key, total_projects, won_projects, lost_projects, open_projects,
        win_rate, closed_win_rate, avg_gestation::float8, p25_gestation, median_gestation, p75_gestation`
      const common = { account: '', type: 'New Build', category: 'Health', product_key: '', won_projects: 1, open_projects: 1,
        avg_gestation: 20, p25_gestation: 15, median_gestation: 20, p75_gestation: 25 } // prettier-ignore
      expect(await rows(world, `select ${figures} from conversion_metrics`)).toEqual([
        { ...common, total_projects: 4, lost_projects: 2, win_rate: '0.2500', closed_win_rate: '0.3333' },
      ])
      expect(await rows(world, `select ${figures} from conversion_metrics_recent`)).toEqual([
        { ...common, total_projects: 3, lost_projects: 1, win_rate: '0.3333', closed_win_rate: '0.5000' },
      ])
    })
  })

  it('join projects with their quotes', async () => {
    await withWorld(async (world) => {
      await world.apply(
        project('1'),
        project('2'),
        subitem('3', '1', {}, { mirror77__1: '10' }),
        subitem('4', '1', {}, { mirror77__1: '30' }),
      )
      const sql =
        'select monday_id, subitem_count, total_quote_value, avg_quote_value::float8 from project_analytics order by 1'
      expect(await rows(world, sql)).toEqual([
        { monday_id: '1', subitem_count: 2, total_quote_value: '40', avg_quote_value: 20 },
        { monday_id: '2', subitem_count: 0, total_quote_value: null, avg_quote_value: null },
      ])
    })
  })

  it('find projects by words, number, and likeness', async () => {
    await withWorld(async (world) => {
      await world.apply(
        project('a', { item_name: '17425', project_name: 'Riverside Primary School', category: 'Education' }),
        project(
          'b',
          { item_name: '17426', project_name: 'Harbour Hospital' },
          { lookup_mkq010zk: 'Riverside Roofing' },
        ),
        project('c', { item_name: '17427' }),
      )
      const found = async (query: string, max = 20): Promise<unknown[]> =>
        (await world.db.query('select monday_id from search_projects($1, $2)', [query, max])).rows.map(
          ({ monday_id }) => monday_id,
        )
      expect(new Set(await found('riverside'))).toEqual(new Set(['a', 'b']))
      expect(await found('riverside', 1)).toHaveLength(1)
      expect(await found('schools education')).toEqual(['a'])
      expect(await found('17427')).toEqual(['c'])
      expect(await found('Harbor Hospitl')).toEqual(['b'])
      expect(await found('nothing like it')).toEqual([])
      expect(await found(`"'):*&|`)).toEqual([])
    })
  })
})

describe('access', () => {
  it('lets readers with a role read the tables and nothing else, and the service do all', async () => {
    await withWorld(async (world) => {
      await world.apply(project('1'), subitem('2', '1'))
      const as = async (role: string, claims: object, sql: string): Promise<unknown> =>
        world.db
          .transaction(async (tx) => {
            await tx.query(
              `select set_config('request.jwt.claims', $1, true), set_config('role', $2, true)`,
              [JSON.stringify(claims), role],
            )
            return (await tx.query(sql)).rowCount
          })
          .catch((error: Error) => error.message)
      const claims = (role: string): object => ({ app_metadata: { role } })
      for (const role of ['admin', 'operator', 'viewer']) {
        expect(await as('authenticated', claims(role), 'select * from projects')).toBe(1)
        expect(await as('authenticated', claims(role), 'select * from project_analytics')).toBe(1)
      }
      expect(await as('authenticated', claims('stranger'), 'select * from projects')).toBe(0)
      expect(await as('authenticated', {}, 'select * from subitems')).toBe(0)
      expect(await as('authenticated', claims('admin'), 'select * from search_projects($$1$$)')).toBe(1)
      for (const [role, sql] of [
        ['anon', 'select * from projects'],
        ['authenticated', `update projects set funding = 'x'`],
        ['authenticated', 'select * from webhook_events'],
        ['authenticated', 'select * from conversion_metrics'],
        ['authenticated', 'select refresh_analytics_views()'],
      ] as const) {
        expect(await as(role, claims('admin'), sql)).toMatch(/permission denied/)
      }
      for (const sql of [
        'select * from projects',
        `update projects set funding = 'x'`,
        'select refresh_analytics_views()',
      ]) {
        expect(await as('service_role', {}, sql)).toBe(1)
      }
      for (const view of [
        'sync_log',
        'webhook_events',
        'sync_health',
        'data_freshness',
        'conversion_metrics',
        'check_data_consistency()',
      ]) {
        expect(await as('service_role', {}, `select * from ${view}`), view).toBeTypeOf('number')
      }
    })
  })
})

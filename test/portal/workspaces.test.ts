import { describe, expect, it } from 'vitest'
import { app, fact, gone, mailbox, reply, row, type World, withWorld, workspace } from './support/world.ts'

const names = (world: World): Promise<unknown[]> =>
  world.rows(`select workspace_name as name from client_registry
    union all select workspace_name from sender_emails_cache union all select workspace_name from campaigns
    union all select workspace_name from lead_replies union all select workspace_name from client_metrics
    union all select workspace_name from client_leads union all select workspace_name from pipeline_stage_history
    union all select workspace_name from user_workspace_access`)

const fill = async (world: World, scope: string): Promise<void> => {
  await world.apply(
    mailbox(scope, 1, {}),
    row('campaigns', scope, 1, { bison_campaign_id: 1, campaign_name: 'C', status: 'active' }),
    reply(scope, 1, { bison_lead_id: 1, lead_email: 'a@x.test', vendor_created_at: '2026-03-05T10:00:00Z' }),
  )
}

describe('workspaces', () => {
  it('name their rows whichever came first, and rename them everywhere', async () => {
    await withWorld(async (world) => {
      await fill(world, 'send/37')
      expect(await world.value('(select workspace_name from client_metrics)')).toBe('Workspace 37')
      await world.apply(workspace('send/37', 'Northwind'))
      await world.db.query(`insert into user_workspace_access values (gen_random_uuid(), 'Northwind')`)
      const of = async (): Promise<string[]> => [
        ...new Set((await names(world)).map((n) => JSON.stringify(n))),
      ]
      expect(await of()).toEqual(['{"name":"Northwind"}'])
      await world.apply(workspace('send/37', 'Southwind'))
      expect(await of()).toEqual(['{"name":"Southwind"}'])
    })
  })

  it('keep their names apart, and may swap them', async () => {
    await withWorld(async (world) => {
      await fill(world, 'send/1')
      await fill(world, 'dedi/1')
      await world.apply(workspace('send/1', 'Acme'))
      await world.apply(workspace('dedi/1', 'Acme'))
      const stored = (): Promise<unknown[]> =>
        world.rows('select scope, workspace_name as name from client_metrics order by scope')
      expect(await stored()).toEqual([
        { scope: 'dedi/1', name: 'Acme (dedi/1)' },
        { scope: 'send/1', name: 'Acme' },
      ])
      await world.apply(workspace('dedi/1', 'Other'))
      await world.apply(workspace('dedi/1', 'Acme'), workspace('send/1', 'Other'))
      expect(await stored()).toEqual([
        { scope: 'dedi/1', name: 'Acme' },
        { scope: 'send/1', name: 'Other' },
      ])
    })
  })

  it('keep what people entered when they go and come back', async () => {
    await withWorld(async (world) => {
      await world.apply(workspace('send/1', 'Acme'))
      await world.db.query(`update client_registry set price_per_lead = 30, monthly_kpi_target = 5`)
      await world.apply(gone('client_registry', 'send/1/'))
      expect(await world.rows('select 1 from client_registry')).toEqual([])
      await world.record(fact('send/1', 'lead_interested', 'reply:1', '2026-03-05T10:00:00Z'))
      await world.apply({ ...workspace('send/1', 'Acme'), kind: 'row', deleted: false })
      expect(
        await world.row('select workspace_name, price_per_lead, monthly_kpi_target from client_registry'),
      ).toEqual({
        workspace_name: 'Acme',
        price_per_lead: '30.00',
        monthly_kpi_target: 5,
      })
    })
  })

  it('start with what costs nothing and bills nothing, in spellings that are checked', async () => {
    await withWorld(async (world) => {
      await world.apply(workspace('send/1', 'Acme'))
      expect(
        await world.row(
          `select is_active, billing_type, price_per_lead, monthly_kpi_target, workspace_id from client_registry`,
        ),
      ).toEqual({
        is_active: true,
        billing_type: 'per_lead',
        price_per_lead: '0.00',
        monthly_kpi_target: 0,
        workspace_id: 1,
      })
      await expect(world.db.query(`update client_registry set billing_type = 'per-lead'`)).rejects.toThrow(
        /check/,
      )
      await expect(world.db.query(`update client_registry set bison_instance = 'Send'`)).rejects.toThrow(
        /check/,
      )
    })
  })

  it('checks name what does not fit', async () => {
    await withWorld(async (world) => {
      await world.apply(workspace('send/1', 'Acme'), workspace('dedi/1', 'Acme'), mailbox('send/2', 1, {}))
      const checks = (await app.checks?.(world.db)) ?? []
      expect(checks.map(({ name, count, level, examples }) => [name, count, level, examples])).toEqual([
        ['client_hooks_without_workspace', 0, 'ok', []],
        ['rows_without_workspace', 1, 'warning', ['send/2/1']],
        ['workspaces_of_one_name', 1, 'warning', ['Acme (send/1)']],
        ['workspaces_without_target', 2, 'info', ['Acme', 'Acme (send/1)']],
        ['workspaces_without_price', 2, 'info', ['Acme', 'Acme (send/1)']],
        ['workspaces_unreadable', 0, 'ok', []],
        ['drift_beyond_tolerance', 0, 'ok', []],
        ['counts_unlike_the_ledger', 0, 'ok', []],
      ])
    })
  })
})

import { describe, expect, it } from 'vitest'
import { fact, mailbox, reply, type World, withWorld, workspace } from './support/world.ts'

const USER = '00000000-0000-0000-0000-000000000001'

/** What a reader gets: rows, or the database's refusal. */
async function as(world: World, role: string, claims: object, sql: string): Promise<unknown> {
  return world.db
    .transaction(async (tx) => {
      await tx.query(`select set_config('request.jwt.claims', $1, true)`, [JSON.stringify(claims)])
      await tx.query(`set local role ${role}`)
      return (await tx.query(sql)).rows
    })
    .catch((error: Error) => error.message)
}
const claims = (role: string, workspaces: readonly string[] = []): object => ({
  sub: USER,
  app_metadata: { role, workspaces },
})

async function fill(world: World): Promise<void> {
  await world.apply(workspace('send/1', 'Acme'), workspace('send/2', 'Bolt'))
  for (const scope of ['send/1', 'send/2']) {
    await world.apply(
      mailbox(scope, 1, {}),
      reply(scope, 1, {
        bison_lead_id: 1,
        lead_email: 'a@x.test',
        is_interested: true,
        vendor_created_at: '2026-03-05T10:00:00Z',
      }),
    )
    await world.record(fact(scope, 'email_sent', 'mail:1', '2026-03-05T10:00:00Z'))
  }
}

const OWN = ['client_leads', 'lead_replies', 'client_metrics', 'pipeline_stage_history', 'pipeline_leads', 'lead_conversations'] // prettier-ignore

describe('access', () => {
  it('a client sees the workspaces that its token names, and no others', async () => {
    await withWorld(async (world) => {
      await fill(world)
      for (const table of OWN) {
        const sql = `select distinct workspace_name as w from public.${table} order by 1`
        expect(await as(world, 'authenticated', claims('client', ['Bolt']), sql), table).toEqual([
          { w: 'Bolt' },
        ])
        expect(await as(world, 'authenticated', claims('client'), sql), table).toEqual([])
        expect(await as(world, 'authenticated', {}, sql), table).toEqual([])
        expect(await as(world, 'authenticated', claims('viewer'), sql), table).toEqual([
          { w: 'Acme' },
          { w: 'Bolt' },
        ])
        expect(await as(world, 'anon', claims('admin'), sql), table).toMatch(/permission denied/)
      }
      const mine = 'select workspace_name as w from get_my_workspaces()'
      expect(await as(world, 'authenticated', claims('client', ['Bolt']), mine)).toEqual([{ w: 'Bolt' }])
    })
  })

  it('or those of its own in user_workspace_access, unless the portal is closed to the workspace', async () => {
    await withWorld(async (world) => {
      await fill(world)
      await world.db.query(`insert into user_workspace_access values ($1, 'Acme')`, [USER])
      const sql = 'select distinct workspace_name as w from client_leads order by 1'
      expect(await as(world, 'authenticated', claims('client', ['Bolt']), sql)).toEqual([
        { w: 'Acme' },
        { w: 'Bolt' },
      ])
      expect(
        await as(world, 'authenticated', { ...claims('client'), sub: USER.replace(/1$/, '2') }, sql),
      ).toEqual([])
      await world.db.query(
        `update client_registry set portal_access_enabled = false where workspace_name = 'Acme'`,
      )
      expect(await as(world, 'authenticated', claims('client', ['Bolt']), sql)).toEqual([{ w: 'Bolt' }])
    })
  })

  it('nobody but programs writes, counts, or reads what is for programs', async () => {
    await withWorld(async (world) => {
      await fill(world)
      const refused = [
        `update client_leads set notes = 'x'`,
        `select increment_metric('Acme', 'opens_mtd')`,
        `select move_lead(id, 'lost') from client_leads`,
        `select set_business_time_zone('UTC')`,
        `select portal.recount_all()`,
        'select * from function_call_logs',
        'select * from webhook_delivery_log',
      ]
      for (const sql of refused)
        for (const role of ['anon', 'authenticated'])
          expect(await as(world, role, claims('admin'), sql), `${role}: ${sql}`).toMatch(/permission denied/)
      for (const sql of refused.slice(0, 4))
        expect(await as(world, 'service_role', {}, sql), sql).toBeInstanceOf(Array)
    })
  })

  it('what the agency earns and pays is its own', async () => {
    await withWorld(async (world) => {
      await fill(world)
      for (const table of ['client_registry', 'client_costs', 'sender_emails_cache', 'vendor_metrics'])
        expect(
          await as(world, 'authenticated', claims('client', ['Acme']), `select * from ${table}`),
          table,
        ).toEqual([])
      for (const call of ['portal_kpis()', 'portal_revenue()', 'portal_volume()'])
        expect(
          await as(world, 'authenticated', claims('client', ['Acme']), `select * from ${call}`),
          call,
        ).toEqual([])
      expect(
        await as(world, 'authenticated', claims('operator'), 'select workspace_name as w from portal_kpis()'),
      ).toEqual([{ w: 'Acme' }, { w: 'Bolt' }])
    })
  })

  it('row security is on for every table of the app, and every view runs with the reader’s rights', async () => {
    await withWorld(async (world) => {
      expect(
        await world.rows(`select c.oid::regclass::text as name from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
          where n.nspname in ('public', 'portal') and (c.relkind = 'r' and not c.relrowsecurity
            or c.relkind = 'v' and not coalesce('security_invoker=true' = any (c.reloptions), false))`),
      ).toEqual([])
    })
  })
})

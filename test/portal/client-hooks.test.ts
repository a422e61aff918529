import { describe, expect, it } from 'vitest'
import { portal } from '../../src/apps/portal/index.ts'
import { defineConfig } from '../../src/config/config.ts'
import { messagesLoop } from '../../src/cli/messages.ts'
import { Metrics } from '../../src/http/metrics.ts'
import { silentLog } from '../../src/jobs/log.ts'
import { until } from '../support/node.ts'
import { type Estate, register, withEstate, workspaceAt } from './support/estate.ts'

/** Somebody shows interest, and the webhook has come. */
async function lead(estate: Estate, id: number): Promise<void> {
  const marks = async (): Promise<number> =>
    (await estate.rows(`select 1 from lockstep.inbox_events where event_type = 'lead_interested'`)).length
  const before = await marks()
  estate.sim.act.reply(id, { email: estate.sim.act.sendEmail(id).id, interested: true })
  await until('the delivery', marks, (n) => n > before)
  await estate.settle()
}

describe('clients’ own hooks', () => {
  it('get their new leads, by name or by scope; the others’ go to the team, and replies always do', async () => {
    await withEstate(
      {
        sim: { workspaces: 3, mailboxes: 60 },
        hooks: (slack) => ({
          clientSlack: {
            'Bluebird Agency': slack.hook('bluebird'),
            'send/3': slack.hook('third'),
            'Nobody at All': slack.hook('nobody'),
            'Switched Off': '',
          },
        }),
      },
      async (estate) => {
        expect(workspaceAt(estate, 0).name).toBe('Bluebird Agency')
        expect(workspaceAt(estate, 1).scope).toBe('send/3')
        await estate.sync()
        await register(estate)
        for (const place of [0, 1, 2]) await lead(estate, workspaceAt(estate, place).id)
        const channel = async (name: string): Promise<string[]> => estate.told(name)
        expect(await channel('leads')).toEqual([`🟢 New lead for ${workspaceAt(estate, 2).name}`])
        expect(await channel('bluebird')).toEqual(['🟢 New lead for Bluebird Agency'])
        expect(await channel('third')).toEqual([`🟢 New lead for ${workspaceAt(estate, 1).name}`])
        expect((await channel('replies')).length).toBe(3)
        const checks = await estate.app.checks?.(estate.db)
        expect(checks?.find(({ name }) => name === 'client_hooks_without_workspace')).toMatchObject({
          count: 1,
          level: 'warning',
          examples: ['Nobody at All'],
        })
        // The workspace goes by another name: its leads are the team's until the configuration says so.
        estate.sim.act.renameWorkspace(workspaceAt(estate, 0).id, { name: 'Redbird' })
        await estate.run('portal-discovery')
        await lead(estate, workspaceAt(estate, 0).id)
        expect((await channel('leads')).at(-1)).toBe('🟢 New lead for Redbird')
      },
    )
  })

  it('are nobody else’s, though another workspace is called the same', async () => {
    await withEstate(
      { hooks: (slack) => ({ clientSlack: { 'Bluebird Agency': slack.hook('bluebird') } }) },
      async (estate) => {
        await estate.sync()
        const other = workspaceAt(estate, 1)
        estate.sim.act.renameWorkspace(other.id, { name: 'Bluebird Agency' })
        await estate.run('portal-discovery')
        await register(estate)
        await lead(estate, other.id)
        expect(await estate.told('bluebird')).toEqual([])
        expect(await estate.told('leads')).toEqual([`🟢 New lead for Bluebird Agency (${other.scope})`])
      },
    )
  })

  it('are kept nowhere: not in the database, an error, an alert or an answer', async () => {
    const secret = 'T0SECRET/B0SECRET/verysecretindeed'
    await withEstate(
      {
        hooks: (slack) => ({
          clientSlack: {
            'Bluebird Agency': slack.hook('bluebird').replace(/services.*/, `services/${secret}`),
          },
        }),
      },
      async (estate) => {
        await estate.sync()
        await register(estate)
        await lead(estate, workspaceAt(estate, 0).id)
        await estate.told('bluebird')
        const [sent] = await estate.rows<{ purpose: string; status: string; error: string }>(
          `select purpose, status, error from lockstep.notifications where purpose like 'leads%'`,
        )
        expect(sent).toMatchObject({
          purpose: 'leads:Bluebird Agency',
          status: 'dead',
          error: expect.any(String),
        })
        const tables = await estate.rows<{ name: string }>(
          `select format('%I.%I', n.nspname, c.relname) as name from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
           where c.relkind in ('r', 'v') and n.nspname in ('public', 'portal', 'lockstep')`,
        )
        for (const { name } of tables) {
          const rows = await estate.rows<{ text: string }>(`select t::text as text from ${name} as t`)
          expect(
            rows.filter(({ text }) => text.includes('verysecret')),
            name,
          ).toEqual([])
        }
        expect(JSON.stringify(estate.app)).not.toContain('verysecret')
        const status = await (await fetch(`${estate.url}/api/v1/status`)).text()
        expect(status).toContain('leads:Bluebird Agency')
        expect(status).not.toContain('verysecret')
      },
    )
  })

  it('that are no https address stop the node at its start, without being shown', async () => {
    await withEstate({}, async ({ db, pipeline }) => {
      const app = portal({ clientSlack: { Acme: 'hooks.slack.com/verysecret' }, instances: [] })
      const start = (): unknown =>
        messagesLoop({
          db,
          config: defineConfig({ apps: [app] }),
          settings: { slack: {} },
          pipelines: [pipeline],
          metrics: new Metrics(),
          log: silentLog,
        })
      expect(start).toThrow(/the Slack webhook for "leads:Acme" is no https URL/)
      expect(start).not.toThrow(/verysecret/)
    })
  })
})

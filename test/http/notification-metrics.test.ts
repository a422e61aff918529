import { it } from 'vitest'
import { notify } from '../../src/alerts/outbox.ts'
import { portal } from '../../src/apps/portal/index.ts'
import { migrateAll, openPipelines } from '../../src/cli/node.ts'
import { startServer } from '../../src/cli/server.ts'
import { defineConfig } from '../../src/config/config.ts'
import { readSettings } from '../../src/config/environment.ts'
import { silentLog } from '../../src/jobs/log.ts'
import { SMALL, withEmailBisonSim } from '../../sim/email-bison/with-sim.ts'
import { withSlackSim } from '../../sim/slack/with-sim.ts'
import { withDatabase } from '../support/database.ts'
import { until } from '../support/node.ts'

it('messages that were sent, given up, tried in vain and wait are in the metrics, by purpose', async () => {
  await withSlackSim({}, (slack) =>
    withEmailBisonSim(SMALL, (sim) =>
      withDatabase(async (db) => {
        const app = portal({
          instances: [{ name: 'send', url: sim.url, token: sim.token }],
          callsPerMinute: 1e6,
        })
        await migrateAll(db, [app])
        const pipelines = await openPipelines(db, [app], { secretKey: 'a key for the tests alone' })
        const hooks = Object.fromEntries(
          ['alerts', 'summary', 'team'].map((purpose) => [purpose, slack.hook(purpose)]),
        )
        slack.setHook('summary', 'no_active_hooks')
        const server = await startServer({
          db,
          config: defineConfig({ apps: [app], slack: hooks }),
          pipelines,
          settings: readSettings({ PORT: '0', LOCKSTEP_LOG: 'silent' }),
          role: 'all',
          log: silentLog,
        })
        try {
          const message = { title: 'x', tone: 'neutral' as const }
          for (const purpose of ['alerts', 'summary']) await notify(db, { app: 'portal', purpose, message })
          await until(
            'both to be dealt with',
            async () => (await fetch(`${server.url}/metrics`)).text(),
            (text) =>
              /lockstep_notifications_total\{app="portal",purpose="alerts",result="sent"\} [1-9]/.test(
                text,
              ) &&
              text.includes('lockstep_notifications_total{app="portal",purpose="summary",result="dead"} 1') &&
              text.includes('lockstep_notifications_dead_24h{app="portal",purpose="summary"} 1') &&
              text.includes('lockstep_notifications_waiting{app="portal",purpose="summary"} 0'),
          )
          slack.faults.http500 = 1
          await notify(db, { app: 'portal', purpose: 'team', message })
          await until(
            'one that waits',
            async () => (await fetch(`${server.url}/metrics`)).text(),
            (text) =>
              text.includes(
                'lockstep_notifications_total{app="portal",purpose="team",result="postponed"} 1',
              ) &&
              text.includes('lockstep_notifications_waiting{app="portal",purpose="team"} 1') &&
              /lockstep_notifications_oldest_waiting_seconds\{app="portal",purpose="team"\} \d/.test(text),
          )
        } finally {
          await server.stop()
        }
      }),
    ),
  )
})

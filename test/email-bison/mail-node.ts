import { defineConfig } from '../../src/config/config.ts'
import { readSettings } from '../../src/config/environment.ts'
import { type Role, startServer } from '../../src/cli/server.ts'
import type { WatchTimes } from '../../src/cli/webhook-watch.ts'
import { silentLog } from '../../src/jobs/log.ts'
import type { EmailBisonOptions } from '../../src/sources/email-bison/source.ts'
import type { EmailBisonSimOptions } from '../../sim/email-bison/index.ts'
import { type MailRun, withMail } from './mail-app.ts'

export interface MailNode extends MailRun {
  readonly url: string
  readonly hook: string
}

export interface MailNodeOptions {
  readonly sim?: EmailBisonSimOptions
  readonly source?: Partial<EmailBisonOptions>
  readonly watchTimes?: Partial<WatchTimes>
  readonly register?: boolean
  readonly role?: Role
  /** Purpose → Slack webhook. */
  readonly slack?: Readonly<Record<string, string>>
}

/** A whole node of the source alone, its tables full and its webhooks registered. */
export async function withMailNode(
  test: (node: MailNode) => Promise<void>,
  options: MailNodeOptions = {},
): Promise<void> {
  const base: { hook: string | undefined } = { hook: undefined }
  const source = { webhookUrl: () => base.hook, ...options.source }
  await withMail(
    async (run) => {
      await run.sync()
      const server = await startServer({
        db: run.db,
        config: defineConfig({
          apps: [run.app],
          ...(options.slack === undefined ? {} : { slack: options.slack }),
        }),
        pipelines: [run.pipeline],
        settings: readSettings({ PORT: '0', LOCKSTEP_LOG: 'silent' }),
        role: options.role ?? 'all',
        log: silentLog,
        watchTimes: options.watchTimes,
      })
      try {
        const hook = `${server.url}/webhooks/mail`
        base.hook = hook
        if (options.register !== false)
          await run.pipeline.source.webhooks.register(hook, AbortSignal.timeout(30_000))
        await test({ ...run, url: server.url, hook })
      } finally {
        await server.stop()
      }
    },
    { ...(options.sim === undefined ? {} : { sim: options.sim }), source },
  )
}

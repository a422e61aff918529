import { ConfigError } from '../engine/errors.ts'
import { openAll, publicWebhookUrl, readContext, refuseOpenDoors } from './context.ts'
import { progressBar, say } from './output.ts'
import { createLog, type Role, startServer, untilSignal } from './server.ts'

/** `lockstep up`: migrate, then serve until a signal ends it. */
export async function up(options: { role: string }): Promise<void> {
  const role = readRole(options.role)
  const context = await readContext()
  const { settings } = context
  const log = createLog(settings.logLevel)
  const opened = await openAll(context, `lockstep-${role}`)
  try {
    refuseOpenDoors(settings, opened.pipelines)
    const bar = progressBar()
    const server = await startServer({
      ...opened,
      settings,
      role,
      log,
      onProgress: (_app, progress) => bar.update(progress),
      onSynced: () => bar.end(),
    })
    say(`Lockstep is up: ${server.url}`)
    say(
      `  database   ${opened.owned ? 'embedded ("lockstep db url" prints its URL)' : new URL(opened.db.url).host}`,
    )
    for (const app of opened.config.apps) {
      const path = publicWebhookUrl(settings)(app, undefined) ?? `${server.url}/webhooks/${app.name}`
      say(
        `  webhooks   ${path}${settings.publicUrl === undefined ? '  (set LOCKSTEP_PUBLIC_URL so that vendors can call it)' : ''}`,
      )
    }
    const signal = await untilSignal()
    say(`${signal}: stopping`)
    endAfter(END_MAX_MS)
    await server.stop()
  } finally {
    await opened.close()
  }
}

/** Service managers kill what does not end by itself, and nothing here is worth waiting for: all of it can go on later. */
const END_MAX_MS = 9_500

/** A query that a dead link or a pooler holds must not keep the process. */
function endAfter(ms: number): void {
  const end = (): void => {
    say('not everything ended in time; what was under way goes on at the next start')
    process.exit(1)
  }
  setTimeout(end, ms).unref()
}

function readRole(text: string): Role {
  if (text === 'all' || text === 'ingest' || text === 'worker') return text
  throw new ConfigError(`--role ${text}: use all, ingest or worker`)
}

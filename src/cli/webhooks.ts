import type { Settings } from '../config/environment.ts'
import { ConfigError } from '../engine/errors.ts'
import type { Pipeline } from '../lanes/pipeline.ts'
import type { WebhookChange } from '../sources/contract.ts'
import { findPipeline, openAll, readContext, webhookUrl } from './context.ts'
import { abortOnSignal } from './interrupt.ts'
import { print, printJson, say, table } from './output.ts'

interface WebhookFlags {
  readonly url?: string
  readonly json?: boolean
}

/** `lockstep webhooks register|list|remove`. */
export async function webhooks(verb: string, app: string, options: Record<string, unknown>): Promise<void> {
  const flags = options as WebhookFlags
  const context = await readContext()
  const base = verb === 'register' ? readBase(flags.url, context.settings) : ''
  const opened = await openAll(context, 'lockstep-webhooks')
  try {
    const pipeline = findPipeline(opened.pipelines, app)
    const signal = abortOnSignal()
    if (verb === 'list') await list(pipeline, signal, flags)
    else if (verb === 'remove') report(pipeline, await pipeline.source.webhooks.remove(signal), flags)
    else await register(pipeline, base, signal, flags)
  } finally {
    await opened.close()
  }
}

/** Where the vendor reaches us, without the path. Throws a ConfigError where nothing says it. */
function readBase(given: string | undefined, { publicUrl }: Settings): string {
  const url = given ?? publicUrl
  if (url === undefined) {
    throw new ConfigError(
      'how does the vendor reach this installation? Give --url https://your.host, or set LOCKSTEP_PUBLIC_URL. For a try on your own machine a tunnel (ngrok, cloudflared) gives such an address',
    )
  }
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw new ConfigError(`--url ${url}: use http:// or https://`)
  if (/\/webhooks(\/|$)/.test(new URL(url).pathname)) {
    throw new ConfigError(
      '--url is the address alone, such as https://your.host: Lockstep adds /webhooks, the app and the secret',
    )
  }
  const base = url.replace(/\/+$/, '')
  if (publicUrl !== undefined && publicUrl !== base) {
    say(
      `Note: LOCKSTEP_PUBLIC_URL is ${publicUrl}. Signed webhooks name the address they were registered with; the node must have the same one.`,
    )
  }
  return base
}

async function register(
  pipeline: Pipeline,
  base: string,
  signal: AbortSignal,
  flags: WebhookFlags,
): Promise<void> {
  const { app, source } = pipeline
  if (!source.door.guarded) {
    throw new ConfigError(
      `the webhooks of ${app} would be accepted from anybody: nothing proves who calls. For monday set MONDAY_WEBHOOK_SECRET (a long random path part), MONDAY_SIGNING_SECRET (app webhooks), or MONDAY_HMAC_SECRET (a signing proxy)`,
    )
  }
  const changes = await source.webhooks.register(webhookUrl(base, app, source.door.pathSecret), signal)
  report(pipeline, changes, flags)
  if (!changes.some(({ action }) => action === 'failed')) return
  say(
    `${source.vendor} asks ${base} to answer a challenge before it takes a webhook: is "lockstep up" running, with the same configuration, and does that address reach it? Try: curl ${base}/healthz`,
  )
}

async function list(pipeline: Pipeline, signal: AbortSignal, flags: WebhookFlags): Promise<void> {
  const { app, source } = pipeline
  const found = await source.webhooks.list(signal)
  if (flags.json === true) return printJson({ app, webhooks: found })
  if (found.length === 0)
    return say(`${source.vendor} has none. Make them with "lockstep webhooks register ${app}".`)
  const name = streamNames(pipeline)
  print(
    table(
      ['stream', 'event', 'made by', 'id'],
      found.map((w) => [name(w.stream), w.event, w.ours ? 'lockstep' : 'others', w.id]),
    ),
  )
}

function report(pipeline: Pipeline, changes: readonly WebhookChange[], flags: WebhookFlags): void {
  const name = streamNames(pipeline)
  if (flags.json === true) printJson({ app: pipeline.app, webhooks: changes })
  else if (changes.length === 0) say('There is nothing to do.')
  else
    print(
      table(
        ['stream', 'event', 'result', 'id'],
        changes.map((c) => [name(c.stream), c.event, c.action, c.id ?? null]),
      ),
    )
  for (const { stream, event, error } of changes)
    if (error !== undefined) say(`${name(stream)}, ${event}: ${error}`)
  if (changes.some(({ action }) => action === 'failed')) process.exitCode = 1
}

function streamNames({ source }: Pipeline): (id: string) => string {
  const names = new Map(source.streams.map((stream) => [stream.id, stream.name]))
  return (id) => names.get(id) ?? id
}

import { ConfigError, describeError } from '../../engine/errors.ts'
import type { Json } from '../../engine/observation.ts'
import type { WebhookAdmin, WebhookChange, WebhookInfo } from '../contract.ts'
import { type Answer, NotFoundError } from './client.ts'
import { hookOf } from './door.ts'
import { readAll } from './paging.ts'
import { EVENT_TYPES } from './parse.ts'
import { object, text } from './rows.ts'
import { scopeOf, type Workspace, type Workspaces } from './workspaces.ts'

/** Five tries within 24 hours, and some time for the last of them. */
const RETRY_HORIZON_MS = 26 * 3_600_000
const NAME = 'Lockstep'
/** All that can be subscribed to is one webhook here. */
const EVENTS = 'all'

interface Hook {
  readonly id: string
  readonly url: string
  readonly events: readonly string[]
}

export interface WebhookOptions {
  readonly workspaces: Workspaces
  readonly secret: string | undefined
  /** Where ours are, without their secrets; undefined where that is not known. */
  readonly base: () => string | undefined
}

/** One webhook a workspace, for every type of event. */
export class BisonWebhooks implements WebhookAdmin {
  readonly retryHorizonMs = RETRY_HORIZON_MS
  private readonly options: WebhookOptions

  constructor(options: WebhookOptions) {
    this.options = options
  }

  get wanted(): WebhookAdmin['wanted'] {
    return this.options.workspaces.all.map((workspace) => ({ stream: scopeOf(workspace), event: EVENTS }))
  }

  register(url: string, signal: AbortSignal): Promise<WebhookChange[]> {
    const root = url.replace(/\/+$/, '')
    return this.forEach(async (workspace) => [await this.ensure(workspace, root, signal)])
  }

  async list(signal: AbortSignal): Promise<WebhookInfo[]> {
    const root = this.options.base()
    const infos: WebhookInfo[] = []
    for (const workspace of this.options.workspaces.all) {
      for (const hook of await this.read(workspace, signal)) {
        const event = hook.events.length >= EVENT_TYPES.length ? EVENTS : hook.events.join(', ')
        infos.push({ id: hook.id, stream: scopeOf(workspace), event, ours: isOurs(root, hook) })
      }
    }
    return infos
  }

  remove(signal: AbortSignal): Promise<WebhookChange[]> {
    const root = this.options.base()
    if (root === undefined)
      throw new ConfigError('which webhooks are ours is told by LOCKSTEP_PUBLIC_URL: set it')
    return this.forEach(async (workspace) => {
      const changes: WebhookChange[] = []
      for (const hook of (await this.read(workspace, signal)).filter((h) => isOurs(root, h))) {
        await this.send(workspace, 'DELETE', { path: `webhook-url/${hook.id}`, signal }).catch(
          (error: unknown) => {
            if (!(error instanceof NotFoundError)) throw error
          },
        )
        changes.push({ stream: scopeOf(workspace), event: EVENTS, id: hook.id, action: 'removed' })
      }
      return changes
    })
  }

  private async ensure(workspace: Workspace, root: string, signal: AbortSignal): Promise<WebhookChange> {
    const { secret } = this.options
    const change = { stream: scopeOf(workspace), event: EVENTS }
    const url = hookOf(root, scopeOf(workspace), secret)
    const found = (await this.read(workspace, signal)).find((hook) => hook.url === url)
    if (found === undefined) {
      const { body } = await this.send(workspace, 'POST', { path: 'webhook-url', signal, url })
      return { ...change, id: text(object(body['data'])['id']) ?? undefined, action: 'created' }
    }
    const complete = EVENT_TYPES.every((type) => found.events.includes(type))
    if (!complete) await this.send(workspace, 'PUT', { path: `webhook-url/${found.id}`, signal, url })
    return { ...change, id: found.id, action: complete ? 'kept' : 'created' }
  }

  private async read(workspace: Workspace, signal: AbortSignal): Promise<Hook[]> {
    const { workspaces } = this.options
    const call = { path: 'webhook-url', ...workspaces.credentials(workspace), signal }
    const { rows } = await readAll(workspaces.client(workspace.instance), call)
    return rows.map((row) => ({
      id: text(row['id']) ?? '',
      url: text(row['url']) ?? '',
      events: Array.isArray(row['events']) ? row['events'].map((event) => eventId(event as Json)) : [],
    }))
  }

  private send(
    workspace: Workspace,
    method: 'POST' | 'PUT' | 'DELETE',
    { path, signal, url }: { path: string; signal: AbortSignal; url?: string },
  ): Promise<Answer> {
    const { workspaces } = this.options
    const body = url === undefined ? {} : { body: { name: NAME, url, events: [...EVENT_TYPES] } }
    const call = { method, path, ...workspaces.credentials(workspace), signal, ...body }
    return workspaces.client(workspace.instance).call(call)
  }

  /** A workspace that fails does not keep the others from theirs. */
  private async forEach(work: (workspace: Workspace) => Promise<WebhookChange[]>): Promise<WebhookChange[]> {
    const changes: WebhookChange[] = []
    for (const workspace of this.options.workspaces.all) {
      try {
        changes.push(...(await work(workspace)))
      } catch (error) {
        const failed = { stream: scopeOf(workspace), event: EVENTS, id: undefined, action: 'failed' } as const
        changes.push({ ...failed, error: describeError(error) })
      }
    }
    return changes
  }
}

const isOurs = (root: string | undefined, hook: Hook): boolean =>
  root !== undefined && (hook.url === root || hook.url.startsWith(`${root}/`))

/** Events come as ids, or as objects that have one. */
const eventId = (event: Json): string => (text(event) ?? text(object(event)['id']) ?? '').toLowerCase()

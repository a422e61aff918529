import {
  type JsonObject,
  jsonText,
  type SourceStore,
  type WebhookAdmin,
  type WebhookChange,
  type WebhookInfo,
} from 'lockstep'
import { listOf, NotFoundError, type StripeClient } from './client.ts'
import { EVENT_TYPES, SCOPE } from './parse.ts'

/** Stripe tries for three days. */
const RETRY_HORIZON_MS = 3 * 24 * 3_600_000
const SECRETS = 'webhook'
/** How long secrets are kept in memory: another process of ours may register a webhook. */
const SECRETS_KEPT_MS = 5_000
const EVENT = EVENT_TYPES.join(', ')

/** One endpoint at Stripe, for all events that are kept. */
export class StripeWebhooks implements WebhookAdmin {
  readonly retryHorizonMs = RETRY_HORIZON_MS
  readonly wanted = [{ stream: SCOPE, event: EVENT }]
  private readonly client: StripeClient
  private readonly store: SourceStore
  private readonly given: string | undefined
  private known: { readonly at: number; readonly secrets: Promise<readonly string[]> } | undefined

  /** @param given the secret of an endpoint that was made by hand */
  constructor(client: StripeClient, store: SourceStore, given: string | undefined) {
    this.client = client
    this.store = store
    this.given = given
  }

  /** Secrets by which a delivery may be signed. */
  readonly secrets = (): Promise<readonly string[]> => {
    if (this.given !== undefined) return Promise.resolve([this.given])
    const now = this.client.now()
    if (this.known === undefined || now - this.known.at > SECRETS_KEPT_MS) {
      const secrets = this.store.readSecrets(SECRETS).then((kept) => Object.values(kept))
      this.known = { at: now, secrets }
      secrets.catch(() => (this.known = undefined))
    }
    return this.known.secrets
  }

  async register(url: string, signal: AbortSignal): Promise<WebhookChange[]> {
    const ours = await this.store.readSecrets(SECRETS)
    const all = await this.endpoints(signal)
    for (const id of Object.keys(ours))
      if (!all.some((endpoint) => endpoint['id'] === id)) await this.forget(id)
    const same = all.filter((endpoint) => endpoint['url'] === url)
    const usable = same.find(({ id }) => this.given !== undefined || jsonText(id) in ours)
    if (usable !== undefined) {
      const id = jsonText(usable['id'])
      const complete =
        EVENT_TYPES.every((type) => eventsOf(usable).includes(type)) && usable['status'] === 'enabled'
      if (!complete) await this.post(`webhook_endpoints/${id}`, [['disabled', 'false'], ...events], signal)
      return [change(id, complete ? 'kept' : 'created')]
    }
    // Stripe tells an endpoint's secret once, when it is made. One at our URL whose secret is lost is of no use.
    for (const { id } of same) await this.delete(jsonText(id), signal)
    return [await this.create(url, signal)]
  }

  async list(signal: AbortSignal): Promise<WebhookInfo[]> {
    const ours = await this.store.readSecrets(SECRETS)
    return (await this.endpoints(signal)).map((endpoint) => {
      const id = jsonText(endpoint['id'])
      return { id, stream: SCOPE, event: eventsOf(endpoint).join(', '), ours: id in ours }
    })
  }

  async remove(signal: AbortSignal): Promise<WebhookChange[]> {
    const changes: WebhookChange[] = []
    for (const id of Object.keys(await this.store.readSecrets(SECRETS))) {
      await this.delete(id, signal)
      await this.forget(id)
      changes.push(change(id, 'removed'))
    }
    return changes
  }

  private async create(url: string, signal: AbortSignal): Promise<WebhookChange> {
    const { body } = await this.post(
      'webhook_endpoints',
      [['url', url], ['description', 'Lockstep'], ...events],
      signal,
    )
    const id = jsonText(body['id'])
    try {
      await this.store.writeSecret(SECRETS, id, jsonText(body['secret']))
    } catch (error) {
      await this.delete(id, signal)
      throw error
    }
    this.known = undefined
    return change(id, 'created')
  }

  private async forget(id: string): Promise<void> {
    await this.store.remove(`secret ${SECRETS}`, id)
    this.known = undefined
  }

  private async endpoints(signal: AbortSignal): Promise<JsonObject[]> {
    const found: JsonObject[] = []
    for (let more = true; more;) {
      const after = found.at(-1)?.['id']
      const { body } = await this.client.call({
        path: 'webhook_endpoints',
        params: [
          ['limit', '100'],
          ...(after === undefined ? [] : [['starting_after', jsonText(after)] as const]),
        ],
        signal,
      })
      const page = listOf(body)
      found.push(...page)
      more = body['has_more'] === true && page.length > 0
    }
    return found
  }

  private post(path: string, params: readonly (readonly [string, string])[], signal: AbortSignal) {
    return this.client.call({ method: 'POST', path, params, signal })
  }

  private async delete(id: string, signal: AbortSignal): Promise<void> {
    await this.client
      .call({ method: 'DELETE', path: `webhook_endpoints/${id}`, signal })
      .catch((error: unknown) => {
        if (!(error instanceof NotFoundError)) throw error
      })
  }
}

const events = EVENT_TYPES.map((type, i) => [`enabled_events[${i}]`, type] as const)

const eventsOf = (endpoint: JsonObject): readonly string[] =>
  Array.isArray(endpoint['enabled_events']) ? (endpoint['enabled_events'] as string[]) : []

const change = (id: string, action: WebhookChange['action']): WebhookChange => ({
  stream: SCOPE,
  event: EVENT,
  id,
  action,
})

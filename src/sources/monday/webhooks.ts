import { createHash } from 'node:crypto'
import { describeError, VendorRefusedError } from '../../engine/errors.ts'
import { type JsonObject, jsonText } from '../../engine/observation.ts'
import type { SourceStore, WebhookAdmin, WebhookChange, WebhookInfo } from '../contract.ts'
import type { MondayClient } from './client.ts'
import { CREATE_WEBHOOK, DELETE_WEBHOOK, WEBHOOKS } from './documents.ts'
import type { BoardMapping } from './mapping.ts'

const BOARD_EVENTS = [
  'change_column_value', 'change_name', 'create_item', 'item_archived', 'item_deleted', 'item_restored',
  'item_moved_to_any_group',
] as const // prettier-ignore
/** monday takes no webhook on a board of subitems: their events are the parent board's. */
const SUBITEM_EVENTS = [
  'create_subitem', 'change_subitem_column_value', 'change_subitem_name', 'move_subitem', 'subitem_archived',
  'subitem_deleted',
] as const // prettier-ignore

/** monday sends again once a minute for half an hour. */
const RETRY_HORIZON_MS = 31 * 60_000
const URL_MAX = 255

interface Known {
  readonly id: string
  readonly url: string
}

export function mondayWebhooks(
  client: MondayClient,
  store: SourceStore,
  boards: readonly BoardMapping[],
): WebhookAdmin {
  const wanted = boards.flatMap(({ board, parentBoard }) =>
    parentBoard === undefined
      ? BOARD_EVENTS.map((event) => ({ board, event: event as string }))
      : SUBITEM_EVENTS.map((event) => ({ board: parentBoard, event: event as string })),
  )
  const onBoards = [...new Set(wanted.map(({ board }) => board))]
  const admin = new Admin(client, store)
  return {
    retryHorizonMs: RETRY_HORIZON_MS,
    wanted: wanted.map(({ board, event }) => ({ stream: board, event })),
    async register(url, signal) {
      if (url.length > URL_MAX) {
        throw new VendorRefusedError(
          `monday takes webhook URLs of at most ${URL_MAX} characters; this one has ${url.length}`,
        )
      }
      const present = await admin.present(onBoards, signal)
      const changes: WebhookChange[] = []
      for (const { board, event } of wanted)
        changes.push(await admin.ensure(board, event, url, present, signal))
      return changes
    },
    async list(signal) {
      const ours = new Set((await admin.known()).values().map((k) => k.id))
      const infos: WebhookInfo[] = []
      for (const [id, { board, event }] of await admin.present(onBoards, signal)) {
        infos.push({ id, stream: board, event, ours: ours.has(id) })
      }
      return infos
    },
    async remove(signal) {
      const changes: WebhookChange[] = []
      for (const [key, { id }] of await admin.known()) changes.push(await admin.drop(key, id, signal))
      return changes
    },
  }
}

type Present = ReadonlyMap<string, { readonly board: string; readonly event: string }>

class Admin {
  private readonly client: MondayClient
  private readonly store: SourceStore

  constructor(client: MondayClient, store: SourceStore) {
    this.client = client
    this.store = store
  }

  /** The webhooks that we made, as we remember them; monday does not tell a webhook's URL. */
  async known(): Promise<Map<string, Known>> {
    return new Map(
      Object.entries(await this.store.read('webhook')).map(([key, v]) => [key, v as unknown as Known]),
    )
  }

  async present(boards: readonly string[], signal: AbortSignal): Promise<Present> {
    const found = new Map<string, { board: string; event: string }>()
    for (const board of boards) {
      const { data } = await this.client.call({
        operation: 'Webhooks',
        document: WEBHOOKS,
        variables: { board },
        signal,
      })
      for (const { id, event } of (data['webhooks'] ?? []) as { id: string; event: string }[]) {
        found.set(String(id), { board, event })
      }
    }
    return found
  }

  async ensure(
    board: string,
    event: string,
    url: string,
    present: Present,
    signal: AbortSignal,
  ): Promise<WebhookChange> {
    const key = `${board}:${event}`
    const fingerprint = createHash('sha256').update(url).digest('base64url')
    const known = (await this.known()).get(key)
    if (known !== undefined && present.has(known.id)) {
      if (known.url === fingerprint) return { stream: board, event, id: known.id, action: 'kept' }
      await this.drop(key, known.id, signal)
    }
    try {
      const variables = { board, url, event }
      const { data, gaps } = await this.client.call({
        operation: 'CreateWebhook',
        document: CREATE_WEBHOOK,
        variables,
        signal,
      })
      const made = data['create_webhook'] as JsonObject | null
      if (made === null || made === undefined)
        throw new VendorRefusedError(gaps.join('; ') || 'monday made none')
      const id = jsonText(made['id'])
      await this.store.write('webhook', key, { id, url: fingerprint })
      return { stream: board, event, id, action: 'created' }
    } catch (error) {
      return { stream: board, event, id: undefined, action: 'failed', error: describeError(error) }
    }
  }

  async drop(key: string, id: string, signal: AbortSignal): Promise<WebhookChange> {
    const [stream = '', event = ''] = key.split(':')
    try {
      await this.client.call({
        operation: 'DeleteWebhook',
        document: DELETE_WEBHOOK,
        variables: { id },
        signal,
      })
    } catch (error) {
      // Already gone at monday is what was wanted; anything else is told.
      if (!(error instanceof VendorRefusedError)) {
        return { stream, event, id, action: 'failed', error: describeError(error) }
      }
    }
    await this.store.remove('webhook', key)
    return { stream, event, id, action: 'removed' }
  }
}

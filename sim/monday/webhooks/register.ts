import { randomBytes } from 'node:crypto'
import { FieldError, invalidArgument } from '../api/errors.ts'
import { newId } from '../world/create-world.ts'
import type { Webhook, World } from '../world/model.ts'
import type { Dispatcher } from './dispatcher.ts'
import { postJson } from './post-json.ts'
import { isSubitem } from './subscribed.ts'

const URL_CHARACTERS_MAX = 255
const SUBITEM = /subitem/

export interface WebhookInput {
  boardId: string
  url: string
  event: string
  config: string | null
}

/** Adds a webhook once its receiver has echoed a challenge. */
export async function registerWebhook(
  world: World,
  dispatcher: Dispatcher,
  input: WebhookInput,
): Promise<Webhook> {
  const board = world.boards.get(input.boardId)
  const data = { board_id: Number(input.boardId) }
  if (board === undefined || board.state === 'deleted') throw invalidArgument('Board not found', data)
  if (isSubitem(board)) throw invalidArgument("Creating webhook on subitems board isn't allowed", data)
  if (input.url.length > URL_CHARACTERS_MAX)
    throw invalidArgument('url is too long (maximum is 255 characters)', data)
  if (SUBITEM.test(input.event) && board.subitemBoardId === null)
    throw invalidArgument('Board has no subitems', data)
  if (input.event === 'change_specific_column_value') checkColumn(board.columns.has(columnId(input.config)))
  // Not drawn from the world's seed: a challenge is a secret between two processes, and moves nothing in the world.
  const challenge = randomBytes(32).toString('base64url')
  const body = JSON.stringify({ challenge })
  const answer = await postJson(input.url, body, dispatcher.headersFor(input.url), dispatcher.agent)
  if (answer.status !== 200 || echoed(answer.body) !== challenge)
    throw new FieldError('Failed to verify challenge of the webhook url', {
      code: 'InvalidArgumentException',
      status_code: 200,
      error_data: { url: input.url, response_status: answer.status },
    })
  const webhook: Webhook = { id: String(newId(world)), ...input }
  world.webhooks.set(webhook.id, webhook)
  world.version++
  return webhook
}

function columnId(config: string | null): string {
  return config === null ? '' : String((JSON.parse(config) as Record<string, unknown>)['columnId'])
}

function checkColumn(known: boolean): void {
  if (!known) throw invalidArgument('config.columnId must name a column of the board')
}

function echoed(body: string): unknown {
  try {
    return (JSON.parse(body) as Record<string, unknown>)['challenge']
  } catch {
    return undefined
  }
}

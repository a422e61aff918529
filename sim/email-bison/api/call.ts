import type { Random } from '../../monday/world/random.ts'
import type { Acts } from '../acts/acts.ts'
import type { Faults } from '../faults.ts'
import type { Dispatcher } from '../webhooks/dispatcher.ts'
import type { Token, World, Workspace } from '../world/model.ts'
import type { Replica } from './replica.ts'

/** One instance as the API's handlers see it. */
export interface Service {
  readonly world: World
  readonly acts: Acts
  readonly dispatcher: Dispatcher
  readonly faults: Faults
  readonly random: Random
  readonly replica: Replica
  /** Takes a mail that the API was given to send. */
  readonly queueSend: (
    workspace: Workspace,
    send: { replyId: number; senderId: number; text: string },
  ) => void
}

export interface Call extends Service {
  readonly token: Token
  /** The token's. `workspace_id` in a query is read by no one. */
  readonly workspace: Workspace
  readonly path: string
  readonly params: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  readonly body: Readonly<Record<string, unknown>>
}

export interface Answer {
  readonly status: 200 | 201 | 400 | 403 | 404 | 405 | 422 | 429 | 500
  readonly body: unknown
}

export type Handler = (call: Call) => Answer | Promise<Answer>
/** `GET /api/campaigns/:id` → its handler. */
export type Routes = Readonly<Record<string, Handler>>

export const ok = (data: unknown): Answer => ({ status: 200, body: { data } })

/** The form of most acknowledgements and of some refusals. */
export const outcome = (success: boolean, message: string, status: Answer['status'] = 200): Answer => ({
  status,
  body: { data: { success, message } },
})

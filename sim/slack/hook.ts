/** What a webhook's channel or installation has come to; each has its answer. */
export type HookState =
  | 'active'
  | 'no_active_hooks'
  | 'channel_not_found'
  | 'channel_is_archived'
  | 'action_prohibited'
  | 'posting_to_general_channel_denied'
  | 'team_disabled'
  | 'user_not_found'

export interface SlackMessage {
  readonly at: number
  /** The name under which the hook was asked for. */
  readonly hook: string
  /** Of the hook: a `channel` in the payload is ignored. */
  readonly channel: string
  readonly text: string
  /** The payload as it came. */
  readonly payload: Readonly<Record<string, unknown>>
}

export interface Hook {
  readonly name: string
  readonly channel: string
  /** `/services/T…/B…/…` */
  readonly path: string
  state: HookState
  /** Messages that may still come at once. */
  tokens: number
  refilledAt: number
  /** Refusals since the last message that was taken. */
  refusals: number
  readonly messages: SlackMessage[]
}

import type { HookState } from './hook.ts'

/** Every body is plain text. Permanent but for 429 and 5xx. */
export interface SlackAnswer {
  readonly status: 200 | 400 | 403 | 404 | 410 | 429 | 500
  readonly text: string
  readonly retryAfterSeconds?: number
}

const answer = (status: SlackAnswer['status'], text: string): SlackAnswer => ({ status, text })

export const OK = answer(200, 'ok')
export const INVALID_PAYLOAD = answer(400, 'invalid_payload')
export const NO_TEXT = answer(400, 'no_text')
export const TOO_MANY_ATTACHMENTS = answer(400, 'too_many_attachments')
export const ROLLUP_ERROR = answer(500, 'rollup_error')
export const NO_TEAM = answer(404, 'no_team')
export const NO_SERVICE = answer(404, 'no_service')
export const INVALID_TOKEN = answer(403, 'invalid_token')

export const tooMany = (seconds: number): SlackAnswer => ({
  status: 429,
  text: 'rate_limited',
  retryAfterSeconds: seconds,
})

/** Which statuses go with which words is documented for some (https://api.slack.com/changelog/2016-05-17-changes-to-errors-for-incoming-webhooks), assumed for the rest. */
export const OF_STATE: Readonly<Record<Exclude<HookState, 'active'>, SlackAnswer>> = {
  no_active_hooks: answer(404, 'no_active_hooks'),
  channel_not_found: answer(404, 'channel_not_found'),
  channel_is_archived: answer(410, 'channel_is_archived'),
  action_prohibited: answer(403, 'action_prohibited'),
  posting_to_general_channel_denied: answer(403, 'posting_to_general_channel_denied'),
  team_disabled: answer(403, 'team_disabled'),
  user_not_found: answer(400, 'user_not_found'),
}

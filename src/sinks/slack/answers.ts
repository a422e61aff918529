import { type LockstepError, VendorRefusedError, VendorUnavailableError } from '../../engine/errors.ts'

/** What Slack says where it names no time to come again; with 429 it should always. */
const RETRY_AFTER_MS = 30_000
const TEXT_MAX = 120

const hookIsGone =
  'make a new incoming webhook for this channel in Slack (Your apps, Incoming Webhooks) and set its URL'
const messageIsWrong = 'that is a fault of ours: the message itself is kept with its error'
const anotherChannel = 'choose another channel and set the URL of its own webhook'

/**
 * Slack's errors are a word of plain text. Whether one is permanent its status says; this says what to do.
 * https://api.slack.com/changelog/2016-05-17-changes-to-errors-for-incoming-webhooks
 */
const remedies: Readonly<Record<string, string>> = {
  invalid_payload: messageIsWrong,
  no_text: messageIsWrong,
  too_many_attachments: messageIsWrong,
  user_not_found: `the person to whom this webhook wrote is gone: ${anotherChannel}`,
  channel_not_found: `the channel is gone: ${anotherChannel}`,
  channel_is_archived: `the channel was archived: unarchive it, or ${anotherChannel}`,
  posting_to_general_channel_denied: `only some may write to #general: ${anotherChannel}`,
  action_prohibited: 'an admin of the Slack workspace has restricted webhooks: ask them to allow this one',
  team_disabled: 'the Slack workspace was closed: set the URL of a webhook in another one',
  no_team: 'there is no such Slack workspace: check the URL for a part that is missing',
  no_service: `the webhook was removed or switched off: ${hookIsGone}`,
  no_service_id: `the URL lacks the part that names the webhook: ${hookIsGone}`,
  no_active_hooks: `the webhook was switched off: ${hookIsGone}`,
  invalid_token: `the last part of the URL is not, or no longer, right: ${hookIsGone}`,
  rollup_error: 'Slack failed inside',
}

/** The error that an answer stands for; undefined where the message was taken. `text` holds nothing secret. */
export function errorOf(status: number, text: string, retryAfter: string | null): LockstepError | undefined {
  const word = text
    .replace(/<[^>]*>|\s+/g, ' ')
    .trim()
    .slice(0, TEXT_MAX)
  if (status >= 200 && status < 300) return isOk(text) ? undefined : notSlack(status, word)
  if (status >= 300 && status < 400) return notSlack(status, 'a redirect')
  const remedy = remedies[word]
  const what = `Slack answered ${status} ${word}${remedy === undefined ? '' : ` (${remedy})`}`.trim()
  if (status === 429) return new VendorUnavailableError(what, { retryAfterMs: waitMs(retryAfter) })
  if (status >= 400 && status < 500) return new VendorRefusedError(what)
  return new VendorUnavailableError(what, retryAfter === null ? {} : { retryAfterMs: waitMs(retryAfter) })
}

/** `ok`; or JSON that says so, as webhooks of Slack's workflows do. */
const isOk = (text: string): boolean => /^\s*(ok|\{\s*"ok"\s*:\s*true\b.*)\s*$/is.test(text)

/** A login page or a proxy that answers 200 to everything must not count as delivered. */
const notSlack = (status: number, got: string): VendorRefusedError =>
  new VendorRefusedError(
    `the webhook's address answered ${status} and not "ok" but "${got}": that is no incoming webhook of Slack's. Check its URL, and any proxy before it`,
  )

/** Slack names whole seconds. */
function waitMs(retryAfter: string | null): number {
  const seconds = Number(retryAfter)
  return retryAfter === null || retryAfter.trim() === '' || !(seconds >= 0) || seconds === Infinity
    ? RETRY_AFTER_MS
    : seconds * 1000
}

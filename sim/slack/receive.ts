import {
  INVALID_PAYLOAD,
  NO_TEXT,
  OF_STATE,
  OK,
  type SlackAnswer,
  TOO_MANY_ATTACHMENTS,
  tooMany,
} from './answers.ts'
import type { Hook } from './hook.ts'

const ATTACHMENTS_MAX = 100

/** Assumptions, but for the one message a second, which is documented. */
export interface SlackLimits {
  perSecond: number
  /** Messages that may come at once after a quiet time. */
  burst: number
  /** Refusals in a row after which the hook is dead; continued abuse is said to have that end. Null: never. */
  disableAfter: number | null
}

export const DEFAULT_LIMITS: SlackLimits = { perSecond: 1, burst: 4, disableAfter: null }

type Payload = Readonly<Record<string, unknown>>

/** JSON, or a form whose `payload` is JSON. */
function parsePayload(body: string, contentType: string): Payload | undefined {
  const text = contentType.includes('form-urlencoded') ? new URLSearchParams(body).get('payload') : body
  try {
    const payload: unknown = JSON.parse(text ?? '')
    return typeof payload === 'object' && payload !== null && !Array.isArray(payload)
      ? (payload as Payload)
      : undefined
  } catch {
    return undefined
  }
}

function hasContent({ text, blocks, attachments }: Payload): boolean {
  if (typeof text === 'string' && text !== '') return true
  return [blocks, attachments].some((list) => Array.isArray(list) && list.length > 0)
}

/** Takes a message, or says why not. Refusals cost nothing of the rate. */
export function receive(
  hook: Hook,
  { body, contentType, now }: { body: string; contentType: string; now: number },
  limits: SlackLimits,
): SlackAnswer {
  if (hook.state !== 'active') return OF_STATE[hook.state]
  const payload = parsePayload(body, contentType)
  if (payload === undefined) return INVALID_PAYLOAD
  if (!hasContent(payload)) return NO_TEXT
  const { attachments, text } = payload
  if (Array.isArray(attachments) && attachments.length > ATTACHMENTS_MAX) return TOO_MANY_ATTACHMENTS
  const wait = takeToken(hook, now, limits)
  if (wait > 0) return refuse(hook, wait, limits)
  hook.refusals = 0
  const words = typeof text === 'string' ? text : ''
  hook.messages.push({ at: now, hook: hook.name, channel: hook.channel, text: words, payload })
  return OK
}

/** Seconds until there is room; 0 where there is. */
function takeToken(hook: Hook, now: number, { perSecond, burst }: SlackLimits): number {
  const refilled = (Math.max(0, now - hook.refilledAt) / 1000) * perSecond
  hook.tokens = Math.min(burst, hook.tokens + refilled)
  hook.refilledAt = now
  if (hook.tokens < 1) return (1 - hook.tokens) / perSecond
  hook.tokens--
  return 0
}

function refuse(hook: Hook, wait: number, { disableAfter }: SlackLimits): SlackAnswer {
  hook.refusals++
  if (disableAfter !== null && hook.refusals >= disableAfter) hook.state = 'no_active_hooks'
  return tooMany(Math.max(1, Math.ceil(wait)))
}

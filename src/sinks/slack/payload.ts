import type { Link, Message } from '../contract.ts'

const TITLE_MAX = 300
const TEXT_MAX = 3_000
const FIELDS_MAX = 20
const FIELD_MAX = 1_000
/** More are left out by Slack. */
const BUTTONS_MAX = 5
const BUTTON_MAX = 75

const looks: Readonly<Record<Message['tone'], { color: string; mark: string }>> = {
  neutral: { color: '#6b7280', mark: '' },
  good: { color: 'good', mark: '🟢 ' },
  warning: { color: 'warning', mark: '🟡 ' },
  critical: { color: 'danger', mark: '🔴 ' },
}

interface Attachment {
  readonly color: string
  readonly fallback: string
  readonly title: string
  readonly text?: string
  readonly fields?: readonly { title: string; value: string; short: boolean }[]
  readonly actions?: readonly { type: 'button'; text: string; url: string }[]
  readonly footer?: string
  /** Seconds since 1970. */
  readonly ts?: number
  readonly mrkdwn_in: readonly string[]
}

/**
 * One attachment: that is what carries a colour. What people or vendors wrote is shown as it is: no part of it is
 * formatted, becomes a link, or calls a whole channel.
 */
export function toPayload(message: Message): { attachments: Attachment[] } {
  const { color, mark } = looks[message.tone]
  const title = mark + plain(message.title, TITLE_MAX)
  const at = message.at === undefined ? Number.NaN : Date.parse(message.at)
  const fields = (message.fields ?? []).slice(0, FIELDS_MAX).map(({ title, value, wide = false }) => ({
    title: plain(title, TITLE_MAX),
    value: plain(value, FIELD_MAX),
    short: !wide,
  }))
  const actions = (message.links ?? [])
    .filter(isWebLink)
    .slice(0, BUTTONS_MAX)
    .map(({ label, url }) => ({ type: 'button' as const, text: plain(label, BUTTON_MAX), url }))
  const attachment: Attachment = {
    color,
    fallback: title,
    title,
    ...(message.text === undefined ? {} : { text: plain(message.text, TEXT_MAX) }),
    ...(fields.length === 0 ? {} : { fields }),
    ...(actions.length === 0 ? {} : { actions }),
    ...(message.footer === undefined ? {} : { footer: plain(message.footer, TITLE_MAX) }),
    ...(Number.isNaN(at) ? {} : { ts: Math.floor(at / 1000) }),
    mrkdwn_in: [],
  }
  return { attachments: [attachment] }
}

const isWebLink = ({ url }: Link): boolean => /^https?:\/\//i.test(url)

/** Cut first, so that no escape is cut in two. These three characters are Slack's own. */
function plain(text: string, max: number): string {
  const cut = text.length > max ? `${text.slice(0, max - 1)}…` : text
  return cut.toWellFormed().replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

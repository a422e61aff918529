import type { Message } from '../sinks/contract.ts'

/** What the message about an alert says of it. */
export interface AlertFacts {
  readonly app: string
  readonly stream: string
  readonly condition: string
  readonly level: 'warning' | 'critical'
  readonly detail: string
  /** ISO 8601. */
  readonly openedAt: string
  /** How often it was over for a while and came back. */
  readonly returns: number
}

export function openedMessage(alert: AlertFacts): Message {
  const kind = alert.level === 'critical' ? 'Critical' : 'Warning'
  return {
    title: `${kind}: ${alert.condition}, ${where(alert)}`,
    tone: alert.level,
    text: alert.detail,
    fields: [...place(alert), { title: 'Since', value: describeTime(alert.openedAt) }],
    footer: 'Lockstep tells you when it is over',
    at: alert.openedAt,
  }
}

export function escalatedMessage(alert: AlertFacts, at: string): Message {
  return {
    title: `Now critical: ${alert.condition}, ${where(alert)}`,
    tone: 'critical',
    text: alert.detail,
    fields: [...place(alert), { title: 'Warning since', value: describeTime(alert.openedAt) }],
    footer: 'Lockstep tells you when it is over',
    at,
  }
}

export function recoveredMessage(
  alert: AlertFacts,
  { closedAt, quietMs }: { closedAt: string; quietMs: number },
): Message {
  const lastedS = (Date.parse(closedAt) - Date.parse(alert.openedAt)) / 1000
  const returned = alert.returns === 0 ? [] : [{ title: 'Came back meanwhile', value: times(alert.returns) }]
  return {
    title: `Over: ${alert.condition}, ${where(alert)}`,
    tone: 'good',
    fields: [
      ...place(alert),
      { title: 'Lasted', value: describeDuration(lastedS) },
      { title: 'Until', value: describeTime(closedAt) },
      ...returned,
      { title: 'It was', value: alert.detail, wide: true },
    ],
    footer: quietMs > 0 ? `Quiet for ${describeDuration(quietMs / 1000)} since` : undefined,
    at: closedAt,
  }
}

const where = ({ app, stream }: AlertFacts): string => (stream === '' ? app : `${app} / ${stream}`)

const place = ({ app, stream }: AlertFacts): { title: string; value: string }[] => [
  { title: 'App', value: app },
  ...(stream === '' ? [] : [{ title: 'Stream', value: stream }]),
]

const times = (n: number): string => (n === 1 ? 'once' : `${n} times`)

/** To the second, in UTC, which it says. */
const describeTime = (iso: string): string => `${iso.slice(0, 19).replace('T', ' ')} UTC`

const UNITS = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
  ['s', 1],
] as const

/** The two largest units that are not zero: `2 d 4 h`, `14 min`, `45 s`. */
export function describeDuration(seconds: number): string {
  let rest = Math.max(0, Math.round(seconds))
  const parts: string[] = []
  for (const [unit, size] of UNITS) {
    const n = Math.floor(rest / size)
    rest -= n * size
    if (n > 0) parts.push(`${n} ${unit}`)
    // What follows minutes by seconds is no news to anybody after an hour.
    if (parts.length === 2 || (parts.length === 1 && unit === 'min')) break
  }
  return parts.join(' ') || '0 s'
}

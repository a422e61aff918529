import type { Field, Message } from '../../../sinks/contract.ts'
import { list, plural } from '../health/check.ts'
import type { ClientLine, Sum, SummaryFigures } from './figures.ts'

/** What a sink shows of one message: Slack shows twenty fields, and of each a thousand characters. */
const FIELDS_MAX = 20
const FIELD_CHARS = 1_000
const NAME_CHARS = 40
const ALERTS_MAX = 5
/** As much of its goal as a client must be scheduled for, percent: what the volume page calls on target. */
const ON_TARGET_PERCENT = 90

const UNKNOWN = 'unknown'

const number = (value: number): string => value.toLocaleString('en-US')
const known = (value: number | null, unit = ''): string =>
  value === null ? UNKNOWN : `${number(value)}${unit}`

function sum({ value, unknown }: Sum, more = ''): string {
  if (value === null) return UNKNOWN
  return `${number(value)}${more}${unknown === 0 ? '' : `, and ${plural(unknown, 'client')} unknown`}`
}

/** The message of the day. What is not known is said to be unknown; clients that do not fit are counted. */
export function summaryMessage(figures: SummaryFigures, at: string): Message {
  const fields = [...dayFields(figures), ...healthFields(figures)]
  const clients = clientFields(figures, FIELDS_MAX - fields.length)
  return {
    title: `Daily summary of ${figures.yesterday}`,
    tone: toneOf(figures),
    text: `${plural(figures.clients, 'active client')}.`,
    fields: [...fields, ...clients],
    footer: "Figures of the agency's business days",
    at,
  }
}

function toneOf({ alerts, unreadable, lines }: SummaryFigures): Message['tone'] {
  if (alerts.some(({ level }) => level === 'critical')) return 'critical'
  const ill = alerts.length > 0 || unreadable.length > 0 || lines.some((line) => markOf(line) !== ON_TARGET)
  return ill ? 'warning' : 'good'
}

function dayFields({ mails, replies, leads, month, lines, withoutGoal }: SummaryFigures): Field[] {
  const { leadTarget } = month
  const progress =
    month.leads.value === null || leadTarget === 0
      ? ''
      : ` of ${number(leadTarget)} (${Math.round((month.leads.value * 100) / leadTarget)} %)`
  const monthMails =
    month.mails.value !== null && month.mails.unknown > 0
      ? `at least ${number(month.mails.value)}: of ${plural(month.mails.unknown, 'client')} only a part is known`
      : known(month.mails.value)
  return [
    { title: 'Mails yesterday', value: sum(mails) },
    { title: `Mails in ${month.name}`, value: monthMails },
    { title: 'Replies yesterday', value: sum(replies) },
    { title: `Replies in ${month.name}`, value: sum(month.replies) },
    { title: 'Leads yesterday', value: sum(leads) },
    { title: `Leads in ${month.name}`, value: sum(month.leads, progress) },
    { title: 'Scheduled today', value: describeSchedule(lines, withoutGoal), wide: true },
  ]
}

function describeSchedule(lines: readonly ClientLine[], withoutGoal: number): string {
  const asked = lines.filter(({ scheduledToday }) => scheduledToday !== null)
  const total = asked.reduce((all, { scheduledToday }) => all + (scheduledToday ?? 0), 0)
  const goal = asked.reduce((all, line) => all + line.goal, 0)
  const unread = lines.length - asked.length
  const parts = [
    asked.length === 0
      ? UNKNOWN
      : `${number(total)} of ${number(goal)} wanted (${Math.round((total * 100) / goal)} %)`,
    ...(unread > 0 && asked.length > 0 ? [`${plural(unread, 'client')} unknown`] : []),
    ...(withoutGoal > 0 ? [`${plural(withoutGoal, 'client')} without a goal`] : []),
  ]
  return lines.length === 0 ? 'no client has a goal' : parts.join('; ')
}

function healthFields(figures: SummaryFigures): Field[] {
  const { webhooks, deliveryPercent, lagP95Ms, cachePercent, agreeingPercent, drifting } = figures
  const ill = [...webhooks.critical, ...webhooks.warning]
  const states = (['healthy', 'warning', 'critical', 'unknown'] as const)
    .filter((state) => webhooks[state].length > 0)
    .map((state) => `${number(webhooks[state].length)} ${state}`)
  const hooks = [
    states.length === 0 ? UNKNOWN : states.join(', '),
    `${known(deliveryPercent, ' %')} delivered`,
    ...(ill.length === 0 ? [] : [list(ill)]),
  ]
  const drift = drifting.length === 0 ? '' : `; beyond tolerance: ${list(drifting)}`
  const unread: Field[] =
    figures.unreadable.length === 0
      ? []
      : [{ title: 'Cannot be read', value: `partial: ${list(figures.unreadable)}`, wide: true }]
  return [
    { title: 'Webhooks, 24 h', value: hooks.join('; '), wide: true },
    { title: 'Agrees with Email Bison', value: `${known(agreeingPercent, ' %')}${drift}` },
    { title: 'Lag, p95', value: lagP95Ms === null ? UNKNOWN : `${number(Math.round(lagP95Ms))} ms` },
    { title: 'Cache hits', value: known(cachePercent, ' %') },
    { title: 'Mailboxes', value: describeMailboxes(figures), wide: true },
    ...unread,
    { title: 'Open alerts', value: describeAlerts(figures), wide: true },
  ]
}

const describeMailboxes = ({ mailboxes }: SummaryFigures): string =>
  mailboxes.length === 0
    ? 'no rule is broken'
    : mailboxes
        .map(({ rule, count }) =>
          rule === 'stale'
            ? `${plural(count, 'workspace')} not read for long`
            : `${number(count)} ${rule.replaceAll('_', ' ')}`,
        )
        .join(', ')

function describeAlerts({ alerts }: SummaryFigures): string {
  if (alerts.length === 0) return 'none'
  const grave = alerts.filter(({ level }) => level === 'critical').length
  const shown = alerts.map(({ condition, stream, name }) => {
    const of = name ?? stream
    return of === '' ? condition : `${condition} of ${of}`
  })
  return `${number(alerts.length)}, ${number(grave)} of them critical: ${list(shown, ALERTS_MAX)}`
}

const [ON_TARGET, BELOW, NOT_KNOWN] = ['✅', '⚠️', '❔'] as const
const ORDER: readonly string[] = [BELOW, NOT_KNOWN, ON_TARGET]

function markOf({ goal, scheduledToday }: ClientLine): string {
  if (scheduledToday === null) return NOT_KNOWN
  return scheduledToday * 100 >= goal * ON_TARGET_PERCENT ? ON_TARGET : BELOW
}

const cut = (name: string): string => (name.length > NAME_CHARS ? `${name.slice(0, NAME_CHARS - 1)}…` : name)

const describeLine = (line: ClientLine): string =>
  `${markOf(line)} ${cut(line.name)}: ${known(line.scheduledToday)} of ${number(line.goal)} today; ${known(line.sentYesterday)} sent yesterday`

/** Those below their goal first, so that what is cut off is what is well. */
function clientFields({ lines }: SummaryFigures, fieldsMax: number): Field[] {
  const rank = (line: ClientLine): number => ORDER.indexOf(markOf(line))
  const texts = [...lines].sort((a, b) => rank(a) - rank(b)).map(describeLine)
  const pages: string[][] = [[]]
  // Room for saying how many more there are.
  const room = FIELD_CHARS - 'and 1,000,000 more'.length - 1
  let shown = 0
  for (const text of texts) {
    const page = pages.at(-1) ?? []
    const fits = [...page, text].join('\n').length <= room
    if (!fits && pages.length === fieldsMax) break
    if (fits) page.push(text)
    else pages.push([text])
    shown++
  }
  if (shown < texts.length) pages.at(-1)?.push(`and ${number(texts.length - shown)} more`)
  return pages.flatMap((page, i) =>
    page.length === 0
      ? []
      : [{ title: i === 0 ? 'Clients' : 'Clients, continued', value: page.join('\n'), wide: true }],
  )
}

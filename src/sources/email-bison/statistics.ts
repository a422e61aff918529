import { VendorRefusedError } from '../../engine/errors.ts'
import type { Json, JsonObject } from '../../engine/observation.ts'
import { number, object, text } from './rows.ts'
import { scopeOf, type Workspace, type Workspaces } from './workspaces.ts'

/** The vendor's own figures; null where it gives none, which is not zero. */
export interface Statistics {
  readonly emails_sent: number | null
  readonly opened: number | null
  readonly unique_opens: number | null
  readonly replied: number | null
  readonly unique_replies: number | null
  readonly bounced: number | null
  readonly unsubscribed: number | null
  readonly interested: number | null
  readonly total_leads_contacted: number | null
}

/** Dates are the vendor's, `YYYY-MM-DD`, both included. */
export interface StatisticsReader {
  readonly scopes: () => readonly { readonly scope: string; readonly name: string }[]
  /** One row a day, the oldest first. */
  daily(
    scope: string,
    from: string,
    to: string,
    signal: AbortSignal,
  ): Promise<(Statistics & { readonly day: string })[]>
  /** Of all these days together, as its pages show them. */
  total(scope: string, from: string, to: string, signal: AbortSignal): Promise<Statistics>
  /** E-mails that are to be sent, scheduled and not sent, by campaign; a campaign that is not here has none. */
  scheduled(scope: string, day: 'today' | 'tomorrow', signal: AbortSignal): Promise<readonly Scheduled[]>
}

export interface Scheduled {
  readonly campaignId: number
  readonly emails: number
}

/** The series of a chart → the figure that it draws. */
const SERIES: Readonly<Record<string, keyof Statistics>> = {
  sent: 'emails_sent',
  'total opens': 'opened',
  'unique opens': 'unique_opens',
  replied: 'replied',
  bounced: 'bounced',
  unsubscribed: 'unsubscribed',
  interested: 'interested',
}

const NONE: Statistics = {
  emails_sent: null, opened: null, unique_opens: null, replied: null, unique_replies: null, bounced: null,
  unsubscribed: null, interested: null, total_leads_contacted: null,
} // prettier-ignore

export function bisonStatistics(workspaces: Workspaces): StatisticsReader {
  const ask = async (
    scope: string,
    path: string,
    query: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Json | undefined> => {
    const workspace: Workspace | undefined = workspaces.find(scope)
    if (workspace === undefined) throw new VendorRefusedError(`Email Bison: no workspace ${scope} is known`)
    const call = { path, query, ...workspaces.credentials(workspace), signal }
    const { body } = await workspaces.client(workspace.instance).call(call)
    return body['data']
  }
  return {
    scopes: () => workspaces.all.map((workspace) => ({ scope: scopeOf(workspace), name: workspace.name })),
    async daily(scope, from, to, signal) {
      const path = 'workspaces/v1.1/line-area-chart-stats'
      return byDay(await ask(scope, path, { start_date: from, end_date: to }, signal))
    },
    async total(scope, from, to, signal) {
      const data = object(
        await ask(scope, 'workspaces/v1.1/stats', { start_date: from, end_date: to }, signal),
      )
      return {
        ...NONE,
        emails_sent: number(data['emails_sent']),
        opened: number(data['opened']),
        unique_opens: number(data['unique_opens_per_contact']),
        unique_replies: number(data['unique_replies_per_contact']),
        bounced: number(data['bounced']),
        unsubscribed: number(data['unsubscribed']),
        interested: number(data['interested']),
        total_leads_contacted: number(data['total_leads_contacted']),
      }
    },
    async scheduled(scope, day, signal) {
      const data = await ask(scope, 'campaigns/sending-schedules', { day }, signal).catch(nothingScheduled)
      // Anything else is no answer to the question, and no empty one.
      if (!Array.isArray(data)) throw new VendorRefusedError(`Email Bison ${scope}: schedules without a list`)
      return data.map((row) => readScheduled(object(row as Json)))
    },
  }
}

/** A workspace that sends nothing on a day is answered with an empty list, or refused. */
function nothingScheduled(error: unknown): Json {
  if (error instanceof VendorRefusedError && /no emails scheduled/i.test(error.message)) return []
  throw error
}

function readScheduled(row: JsonObject): Scheduled {
  const campaignId = number(row['campaign_id']) ?? number(object(row['campaign'])['id'])
  const emails = number(row['emails_being_sent'])
  if (campaignId === null || emails === null)
    throw new VendorRefusedError('Email Bison: a schedule without its campaign or its number of e-mails')
  return { campaignId, emails }
}

/** A chart is a list of series, each with its own list of days. */
function byDay(data: Json | undefined): (Statistics & { readonly day: string })[] {
  const days = new Map<string, Partial<Record<keyof Statistics, number>>>()
  for (const one of Array.isArray(data) ? data : []) {
    const series = object(one as Json)
    const figure = SERIES[text(series['label'])?.toLowerCase() ?? '']
    const dates = Array.isArray(series['dates']) ? (series['dates'] as readonly Json[]) : []
    for (const entry of figure === undefined ? [] : dates) {
      const [day, value] = Array.isArray(entry) ? (entry as readonly Json[]) : []
      const count = number(value)
      if (figure === undefined || typeof day !== 'string' || count === null) continue
      days.set(day, { ...days.get(day), [figure]: count })
    }
  }
  return [...days]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([day, figures]) => ({ ...NONE, ...figures, day }))
}

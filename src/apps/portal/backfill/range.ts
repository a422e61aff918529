import type { Queryable } from '../../../db/database.ts'
import { ConfigError } from '../../../engine/errors.ts'
import { addDays, type Days } from './days.ts'

/** As far back as the vendor's own pages go. */
const DAYS_BACK_MAX = 90

export interface Today {
  readonly today: string
  readonly timeZone: string
}

export async function readToday(db: Queryable, now: Date): Promise<Today> {
  const { rows } = await db.query<Today>(
    `select public.business_date($1::timestamptz)::text as today, portal.time_zone() as "timeZone"`,
    [now.toISOString()],
  )
  const [row] = rows
  if (row === undefined)
    throw new ConfigError('app portal: the business calendar is not there; migrate first')
  return row
}

/** Throws a ConfigError where these are not days of the last ninety, today included. */
export function checkDays({ from, to }: Pick<Days, 'from' | 'to'>, { today, timeZone }: Today): void {
  if (to > today)
    throw new ConfigError(
      `--date: ${to} lies in the future; in ${timeZone} today is ${today}. Give a day up to that`,
    )
  const first = addDays(today, -DAYS_BACK_MAX)
  if (from < first)
    throw new ConfigError(
      `--date: ${from} is more than ${DAYS_BACK_MAX} days ago; the first day that can be given is ${first}. What is older is read once, with --date all`,
    )
}

/** The days of each workspace since the oldest thing of it that the vendor still has. */
export async function wholeHistory(db: Queryable, scopes: readonly string[], today: string): Promise<Days[]> {
  const { rows } = await db.query<{ scope: string; from: string }>(
    `select s.scope, public.business_date(min(t.at))::text as from
     from unnest($1::text[]) as s (scope)
     cross join lateral (
       select min(vendor_created_at) as at from public.campaigns
       where starts_with(bison_key, s.scope || '/')
       union all
       select min(vendor_created_at) from public.sender_emails_cache where starts_with(bison_key, s.scope || '/')
       union all
       select min(coalesce(reply_date, vendor_created_at)) from public.lead_replies
       where starts_with(bison_key, s.scope || '/')
     ) as t
     where t.at <= $2::date + 1 group by s.scope order by s.scope`,
    [scopes, today],
  )
  return rows.map(({ scope, from }) => ({ scope, from, to: today }))
}

import type { Queryable, Transaction } from '../../db/database.ts'
import type { Scheduled } from '../../sources/email-bison/statistics.ts'

/** What a workspace's campaigns are to send, as one reading told. */
export interface Schedules {
  readonly scope: string
  /** Business day of the reading, YYYY-MM-DD. */
  readonly day: string
  readonly today: readonly Scheduled[]
  readonly tomorrow: readonly Scheduled[]
}

/** Writes what each campaign is to send; one that the vendor did not list is to send nothing. */
export async function keepSchedules(
  tx: Transaction,
  { scope, day, today, tomorrow }: Schedules,
): Promise<void> {
  const plans = new Map<number, { today: number; tomorrow: number }>()
  const add = (which: 'today' | 'tomorrow') => (one: Scheduled) => {
    const plan = plans.get(one.campaignId) ?? { today: 0, tomorrow: 0 }
    plans.set(one.campaignId, { ...plan, [which]: plan[which] + one.emails })
  }
  today.forEach(add('today'))
  tomorrow.forEach(add('tomorrow'))
  await tx.query(
    `with own as materialized (
       select bison_key, bison_campaign_id from public.campaigns
       where bison_instance || '/' || bison_workspace_id = $1 order by bison_key for no key update
     )
     update public.campaigns as c set emails_scheduled_today = p.today, emails_scheduled_tomorrow = p.tomorrow,
       schedule_read_on = $2
     from (
       select o.bison_key, coalesce(t.today, 0) as today, coalesce(t.tomorrow, 0) as tomorrow
       from own as o left join unnest($3::bigint[], $4::int[], $5::int[]) as t (id, today, tomorrow)
         on t.id = o.bison_campaign_id
     ) as p
     where c.bison_key = p.bison_key
       and (c.emails_scheduled_today, c.emails_scheduled_tomorrow, c.schedule_read_on)
         is distinct from (p.today, p.tomorrow, $2::date)`,
    [
      scope,
      day,
      [...plans.keys()],
      [...plans.values()].map((plan) => plan.today),
      [...plans.values()].map((plan) => plan.tomorrow),
    ],
  )
}

/** What was read on an earlier business day says nothing of today: it is unknown until it is read again. */
export async function forgetOldSchedules(db: Queryable, now: Date): Promise<void> {
  await db.query(
    `update public.campaigns set emails_scheduled_today = null, emails_scheduled_tomorrow = null,
       schedule_read_on = null
     where bison_key in (
       select bison_key from public.campaigns where schedule_read_on <> public.business_date($1)
       order by bison_key for no key update)`,
    [now.toISOString()],
  )
}

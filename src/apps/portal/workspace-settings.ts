import type { Database } from '../../db/database.ts'
import { describeError } from '../../engine/errors.ts'
import type { ScheduleReader } from '../../sources/email-bison/schedule.ts'
import { isTimeZone } from './settings.ts'

/** Workspaces asked side by side; the source's budget paces them. */
const AT_ONCE = 4
/** Campaigns of a workspace that are asked, one after another, until one names a zone. */
const CAMPAIGNS_MAX = 5

export interface SettingsRead {
  /** Workspaces whose settings could not be read, or make no sense; what they had is kept. */
  readonly failures: readonly { readonly name: string; readonly error: string }[]
}

/**
 * Keeps what the vendor has set for each workspace beside what people set here: the time zone of its first active
 * campaign that has one, and the sums of its campaigns' and its mailboxes' daily limits.
 */
export async function refreshWorkspaceSettings(
  db: Database,
  reader: ScheduleReader,
  { now, signal }: { readonly now: Date; readonly signal: AbortSignal },
): Promise<SettingsRead> {
  const active = await activeCampaigns(db)
  const zones = new Map<string, string>()
  const failures: { name: string; error: string }[] = []
  const next = reader.scopes().values()
  const work = async (): Promise<void> => {
    for (const { scope, name } of next) {
      if (signal.aborted) return
      try {
        const zone = await readZone(reader, scope, { campaigns: active.get(scope) ?? [], signal })
        if (zone !== undefined) zones.set(scope, zone)
      } catch (error) {
        failures.push({ name, error: describeError(error) })
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  await keep(db, zones, now)
  return { failures }
}

async function activeCampaigns(db: Database): Promise<ReadonlyMap<string, readonly number[]>> {
  const { rows } = await db.query<{ scope: string; ids: number[] }>(
    `select bison_instance || '/' || bison_workspace_id as scope,
       (array_agg(bison_campaign_id order by bison_campaign_id))[1:$1] as ids
     from public.campaigns where status = 'active' and bison_campaign_id is not null group by 1`,
    [CAMPAIGNS_MAX],
  )
  return new Map(rows.map(({ scope, ids }) => [scope, ids.map(Number)]))
}

/** Undefined where no active campaign names one. Throws where one names what is no zone, unless another does better. */
async function readZone(
  reader: ScheduleReader,
  scope: string,
  { campaigns, signal }: { readonly campaigns: readonly number[]; readonly signal: AbortSignal },
): Promise<string | undefined> {
  let wrong: string | undefined
  for (const campaign of campaigns) {
    const zone = (await reader.read(scope, campaign, signal))?.timeZone ?? undefined
    if (zone === undefined) continue
    if (isTimeZone(zone)) return zone
    wrong ??= `campaign ${campaign} names "${zone}", which is no time zone`
  }
  if (wrong !== undefined) throw new TypeError(wrong)
  return undefined
}

/** A workspace of which no zone was read keeps the one that it had. */
async function keep(db: Database, zones: ReadonlyMap<string, string>, now: Date): Promise<void> {
  await db.query(
    `with zones as (select * from unnest($1::text[], $2::text[]) as z (scope, zone)),
     limits as (
       select r.bison_key, coalesce(z.zone, r.bison_timezone) as zone,
         (select sum(c.max_emails_per_day) from public.campaigns as c
          where c.bison_instance = r.bison_instance and c.bison_workspace_id = r.bison_workspace_id
            and c.status = 'active') as campaigns,
         (select sum(s.daily_limit) from public.sender_emails_cache as s
          where s.bison_instance = r.bison_instance and s.bison_workspace_id = r.bison_workspace_id
            and lower(s.status) = 'connected') as mailboxes
       from public.client_registry as r left join zones as z on z.scope = r.scope
       order by r.bison_key for no key update of r
     )
     update public.client_registry as r set bison_timezone = l.zone, bison_max_emails_per_day = l.campaigns,
       bison_daily_limit = l.mailboxes, bison_settings_at = $3
     from limits as l where r.bison_key = l.bison_key`,
    [[...zones.keys()], [...zones.values()], now.toISOString()],
  )
}

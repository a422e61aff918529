import { type Json, type JsonObject, jsonText } from '../../../src/engine/observation.ts'
import { sourceColumns } from '../../../src/mirror/table-spec.ts'
import { differences } from '../../../test/conformance/compare.ts'
import { type BisonRow, bisonRows } from '../../../test/support/bison-oracle.ts'
import { type Figures, figuresOf } from '../../../test/portal/support/model.ts'
import type { EmailBisonSim } from '../../email-bison/index.ts'
import { must } from '../checks.ts'
import type { Stage } from '../kind.ts'
import { describeRegisters, registersOf } from '../registers.ts'
import { Divergence } from '../report.ts'
import type { ChaosRun } from '../run.ts'
import { INSTANCE } from './app.ts'
import { identityOf } from './identity.ts'
import { isNameless, recountOf, type Recount, type Seen } from './recount.ts'
import { shownStage, type Moves } from './people.ts'

/** A run, with what only Email Bison and the portal have. */
export interface Bison {
  readonly run: ChaosRun
  readonly sim: EmailBisonSim
  readonly moves: Moves
}

/** What holds after every step: of what is counted, and of what people decided. */
export async function checkBooks({ server }: ChaosRun): Promise<void> {
  const { rows } = await server.admin.query<{ what: string; examples: string }>(
    `select 'a count is not the sum of its events' as what, string_agg(cell, ', ') as examples from (
       select coalesce(c.scope, e.scope) || ' ' || coalesce(c.business_date, e.business_date) || ' '
         || coalesce(c.event_type, e.event_type) || ': ' || coalesce(c.count::text, 'none') || ' of '
         || coalesce(e.count::text, 'none') as cell
       from public.email_daily_counts as c
       full join (
         select scope, business_date, event_type, sum(amount) as count from public.email_events group by 1, 2, 3
       ) as e using (scope, business_date, event_type)
       where c.count is distinct from e.count) as wrong
     union all select 'a lead''s interest counts more than once', string_agg(person, ', ') from (
       select scope || ' ' || person as person from public.email_events
       where event_type = 'lead_interested' and source <> 'adjustment' and person is not null
       group by scope, person having sum(amount) <> 1) as wrong
     union all select 'a machine lowered a stage', string_agg(lead_email, ', ') from public.client_leads
       where human_stage is not null and portal.stage_rank(pipeline_stage) < portal.stage_rank(human_stage)
     union all select 'a stage is not the last of its history', string_agg(lead_email, ', ') from public.client_leads as l
       where pipeline_stage <> (select new_stage from public.pipeline_stage_history as h where h.lead_id = l.id
         order by h.id desc limit 1)`,
  )
  for (const { what, examples } of rows) must(examples === null, `${what}: ${examples}`)
}

/** Throws a Divergence with the first that differs. */
export async function checkMirror(bison: Bison, stage: Stage): Promise<void> {
  const found = [...(await rowDifferences(bison, stage)), ...(await bookDifferences(bison))]
  const { figures } = bison.run
  figures.differences += found.length
  const first = found[0]
  if (first === undefined) return
  const more = found
    .slice(1, 5)
    .map((difference) => `\nalso ${difference}`)
    .join('')
  const rest = found.length > 5 ? `\nand ${found.length - 5} more` : ''
  throw new Divergence(`after ${stage}: ${first}\n${await explain(bison, first)}${more}${rest}`)
}

async function rowDifferences({ run, sim }: Bison, stage: Stage): Promise<string[]> {
  const specs = [...run.node.pipeline.mirror.tables.values()].map(({ spec }) => spec)
  const truth = bisonRows(INSTANCE, sim.world).map(withDerived(sim))
  run.figures.rows += truth.length
  run.figures.cells += truth.reduce((sum, { values }) => sum + Object.keys(values).length, 0)
  const told = specs.flatMap((spec) => sourceColumns(spec)).length
  must(told > 0, 'there are no columns to compare')
  const found = await differences(run.server.admin, specs, truth)
  return found.filter((difference) => isPromised(difference, stage, sim))
}

/** What the portal makes of its rows: names of workspaces, and how many mailboxes share a domain. */
const withDerived = (sim: EmailBisonSim): ((row: BisonRow) => BisonRow) => {
  const names = new Map(sim.world.workspaces.map(({ id, name }) => [id, name.trim()]))
  const domainOf = (email: Json | undefined): string => jsonText(email).split('@')[1] ?? ''
  const domains = new Map<string, number>()
  for (const { senders } of sim.world.workspaces)
    for (const { email } of senders) domains.set(domainOf(email), (domains.get(domainOf(email)) ?? 0) + 1)
  return (row) => {
    const { bison_workspace_id: id, email_address: email } = row.values
    const shared =
      row.table === 'sender_emails_cache' ? { mailboxes_on_domain: domains.get(domainOf(email)) ?? 0 } : {}
    return { ...row, values: { ...row.values, workspace_name: names.get(Number(id)) ?? null, ...shared } }
  }
}

/** Columns that events tell of mailboxes and replies; the counters of a mailbox move without a word. */
const TOLD: Readonly<Record<string, RegExp>> = {
  sender_emails_cache: /^(status|tags|email_address|account_name|warmup_enabled|workspace_name)$/,
  lead_replies: /^(?!is_read$|is_tracked$)/,
}
/** Of these only what an event itself says: what it makes us read may lag. */
const TOLD_AT_ONCE: Readonly<Record<string, RegExp>> = {
  sender_emails_cache: /^status$/,
  lead_replies: /^(?!is_read$|is_tracked$)/,
}

function isPromised(difference: string, stage: Stage, sim: EmailBisonSim): boolean {
  const [table = '', key = '', column] = (difference.split(':')[0] ?? '').split(' ')
  if (stage === 'full') return true
  // Lists of mailboxes and campaigns are read whole, by age.
  if (stage === 'delta' && table === 'lead_replies') return true
  const lags = stage !== 'events'
  const told = (lags ? TOLD_AT_ONCE : TOLD)[table]
  if (told === undefined) return false
  if (lags && table === 'sender_emails_cache' && (column === undefined || isTwice(sim, key))) return false
  return column === undefined || told.test(column)
}

/** Of two changes within one second a lagging read may show the first, and nothing tells that from the second. */
function isTwice(sim: EmailBisonSim, key: string): boolean {
  const [, workspace, sender] = key.split('/').map(Number)
  const seconds = sim.world.events
    .filter((event) => event.workspace.id === workspace && event.sender?.id === sender)
    .filter(({ type }) => type.startsWith('EMAIL_ACCOUNT_'))
    .map(({ at }) => Math.floor(at / 1000))
  return new Set(seconds).size < seconds.length
}

async function bookDifferences(bison: Bison): Promise<string[]> {
  const { run, sim } = bison
  const recount = recountOf(sim, await seenIn(bison))
  const found = [
    ...(await countDifferences(run, recount)),
    ...(await figureDifferences(run, recount)),
    ...(await leadDifferences(bison, recount)),
  ]
  run.figures.cells += recount.counts.size + recount.leads.length * 7
  return found
}

/** What polls have learnt that no event told. A mark that was taken back since may have been read or not. */
async function seenIn({ run, sim }: Bison): Promise<Seen> {
  const { rows } = await run.server.admin.query<{ scope: string; id: number; type: string }>(
    `select e.scope, r.bison_reply_numeric_id::int as id, e.event_type as type
     from public.email_events as e join public.lead_replies as r on r.bison_reply_id = e.reply_id
     where e.source = 'poll'`,
  )
  const polled = new Set(rows.map(({ scope, id, type }) => `${scope} ${id} ${type}`))
  const replyOf = (scope: string, id: number) =>
    sim.world.workspaces
      .find((workspace) => scope === `${INSTANCE}/${workspace.id}`)
      ?.replies.find((reply) => reply.id === id)
  return {
    reply: (scope, id) => polled.has(`${scope} ${id} lead_replied`),
    mark(scope, id) {
      const has = polled.has(`${scope} ${id} lead_interested`)
      if (has) must(replyOf(scope, id)?.interestedAt !== null, `reply ${scope}/${id} was never marked`)
      return has
    },
  }
}

async function countDifferences({ server }: ChaosRun, { counts }: Recount): Promise<string[]> {
  const { rows } = await server.admin.query<{ cell: string; type: string; count: number }>(
    `select scope || '|' || business_date || '|' || event_type as cell, event_type as type, count
     from public.email_daily_counts where count <> 0`,
  )
  const ours = new Map(rows.filter(({ type }) => !isNameless(type)).map(({ cell, count }) => [cell, count]))
  return [...new Set([...counts.keys(), ...ours.keys()])].flatMap((cell) => {
    const [mine, theirs] = [ours.get(cell) ?? 0, counts.get(cell) ?? 0]
    return mine === theirs ? [] : [`count ${cell}: ${mine} ≠ ${theirs}`]
  })
}

const FIGURES = `select scope, metric_date::text as day, emails_sent_today as "sentToday", emails_sent_mtd as sent,
  emails_sent_last_7_days as sent7, emails_sent_last_30_days as sent30, positive_replies_mtd as positive,
  positive_replies_last_14_days as positive14, positive_replies_last_month as "positiveLastMonth",
  all_replies_mtd as replies, opens_mtd as opens, bounced_mtd as bounced, unsubscribed_mtd as unsubscribed
  from public.client_metrics where metric_type = 'mtd'`

async function figureDifferences({ server }: ChaosRun, { counts }: Recount): Promise<string[]> {
  const { rows } = await server.admin.query<Figures & { scope: string; day: string }>(FIGURES)
  const days = new Set([...counts.keys()].map((cell) => cell.split('|').slice(0, 2).join('|')))
  const found = rows.flatMap(({ scope, day, ...ours }) => {
    days.delete(`${scope}|${day}`)
    const theirs = figuresOf(counts, scope, day)
    return (Object.keys(theirs) as (keyof Figures)[]).flatMap((name) =>
      ours[name] === theirs[name] ? [] : [`figure ${scope}|${day}|${name}: ${ours[name]} ≠ ${theirs[name]}`],
    )
  })
  return [...found, ...[...days].map((day) => `figure ${day}: missing`)]
}

const LEADS = `select scope, lead_email as email, first_name as "firstName", interested,
  (extract(epoch from date_received) * 1000)::float8 as "receivedAt",
  (extract(epoch from interested_at) * 1000)::float8 as "interestedAt", delivery_state as delivery,
  pipeline_stage as stage from public.client_leads`

async function leadDifferences({ run, moves }: Bison, { leads }: Recount): Promise<string[]> {
  const { rows } = await run.server.admin.query<Record<string, string | number | boolean | null>>(LEADS)
  const ours = new Map(rows.map((row) => [`${row['scope']} ${row['email']}`, row]))
  const found = leads.flatMap(({ machine, machineAt, ...lead }) => {
    const key = `${lead.scope} ${lead.email}`
    const mine = ours.get(key)
    ours.delete(key)
    if (mine === undefined) return [`lead ${key}: missing`]
    const stage = shownStage({ stage: machine, atMs: machineAt }, moves.get(key))
    const theirs: Readonly<Record<string, unknown>> = {
      ...lead,
      interested: lead.interestedAt !== null,
      stage,
    }
    return Object.entries(theirs).flatMap(([name, value]) =>
      mine[name] === value ? [] : [`lead ${key} ${name}: ${String(mine[name])} ≠ ${String(value)}`],
    )
  })
  return [...found, ...[...ours.keys()].map((key) => `lead ${key}: nobody replied`)]
}

/** The registers behind a difference of a row, and the moment at the vendor. */
async function explain({ run, sim }: Bison, difference: string): Promise<string> {
  const [name = '', key = '', column] = (difference.split(':')[0] ?? '').split(' ')
  const spec = run.node.pipeline.mirror.tables.get(name)?.spec
  const registers = spec === undefined ? [] : await registersOf(run.server.admin, spec, key, column ?? '!')
  const now = new Date(sim.world.clock.now()).toISOString()
  const lost = difference.startsWith('count ') ? await lostEvents({ run, sim }, difference) : []
  return [...describeRegisters(registers), ...lost, `now ${now} there`].join('\n')
}

/** The events that a count lacks, and what became of them here. */
async function lostEvents({ run, sim }: Pick<Bison, 'run' | 'sim'>, difference: string): Promise<string[]> {
  const [scope = '', , type = ''] = (difference.split(/ |:/)[1] ?? '').split('|')
  const told = [...sim.truth.events({ workspaceId: Number(scope.split('/')[1]) })].filter(
    (event) => event.type.toLowerCase() === type,
  )
  const { rows } = await run.server.admin.query<{ key: string; what: string }>(
    `select substr(i.dedupe_key, 4) as key, i.status || ', ' || coalesce(i.outcome, '') || ' ' || coalesce(i.error, '')
       || case when e.event_key is null then ', not in the ledger' else '' end as what
     from lockstep.inbox as i left join public.email_events as e on e.event_key = substr(i.dedupe_key, 4)`,
  )
  const here = new Map(rows.map(({ key, what }) => [key, what]))
  return told.flatMap(({ payload, at }) => {
    const key = identityOf(payload as unknown as JsonObject) ?? ''
    const what = here.get(key) ?? 'not here'
    return /not/.test(what) ? [`${key} of ${new Date(at).toISOString()}: ${what}`] : []
  })
}

import { must } from '../checks.ts'
import type { ChaosRun } from '../run.ts'

/** What people decided of leads, by scope and e-mail. */
export type Moves = Map<string, { readonly stage: string; readonly atMs: number }>

const RANKS: Readonly<Record<string, number>> = {
  new: 0, replied: 1, interested: 2, quoting: 3, 'follow-up': 3, won: 4, lost: 4, unsubscribed: 4, bounced: 4,
} // prettier-ignore

interface Decision {
  readonly stage: string
  readonly atMs: number
}

/** The rule of docs/portal.md: a person's decision, unless the machine's is both of a higher rank and of a later event. */
export function shownStage(machine: Decision, human: Decision | undefined): string {
  if (human === undefined) return machine.stage
  const higher = (RANKS[machine.stage] ?? 0) > (RANKS[human.stage] ?? 0)
  return higher && machine.atMs > human.atMs ? machine.stage : human.stage
}

const STAGES = ['new', 'replied', 'interested', 'quoting', 'follow-up', 'lost']

/** What people wrote into rows of ours, and must find there again. */
export class People {
  readonly moves: Moves = new Map()
  /** `table|key|column` → text. */
  readonly #written = new Map<string, string>()

  /** One of the things that people do, to any row that there is for it. */
  async act(run: ChaosRun): Promise<void> {
    const { random } = run
    if (random.chance(0.4)) await this.#write(run, 'client_leads', 'id', 'notes', `noted ${random.int(999)}`)
    else if (random.chance(0.5))
      await this.#write(run, 'sender_emails_cache', 'bison_key', 'notes', `noted ${random.int(999)}`)
    else await this.#write(run, 'client_registry', 'bison_key', 'monthly_kpi_target', `${random.int(40)}`)
  }

  /** Moves a lead to any stage; who it is, by scope and e-mail, where there is one. */
  async move({ server, random }: ChaosRun): Promise<string | undefined> {
    const { rows } = await server.admin.query<{ id: string; scope: string; email: string }>(
      `select id, scope, lead_email as email from public.client_leads order by scope, lead_email offset $1 limit 1`,
      [random.int(8)],
    )
    const [lead] = rows
    if (lead === undefined) return undefined
    const stage = random.pick(STAGES)
    const moved = await server.admin.query<{ atMs: number }>(
      `select (extract(epoch from human_stage_at) * 1000)::float8 as "atMs"
       from public.move_lead($1, $2, null, 'somebody')`,
      [lead.id, stage],
    )
    const who = `${lead.scope} ${lead.email}`
    this.moves.set(who, { stage, atMs: moved.rows[0]?.atMs ?? 0 })
    return who
  }

  async #write(
    { server, random }: ChaosRun,
    table: string,
    key: string,
    column: string,
    text: string,
  ): Promise<void> {
    const { rows } = await server.admin.query<{ key: string }>(
      `update public.${table} set ${column} = $1
       where ${key} = (select ${key} from public.${table} order by ${key} offset $2 limit 1) returning ${key}::text as key`,
      [text, random.int(10)],
    )
    for (const row of rows) this.#written.set(`${table}|${key}|${row.key}|${column}`, text)
  }

  async check({ server }: ChaosRun): Promise<void> {
    for (const [place, text] of this.#written) {
      const [table = '', key = '', id = '', column = ''] = place.split('|')
      const { rows } = await server.admin.query<{ value: string | null }>(
        `select ${column}::text as value from public.${table} where ${key}::text = $1
         union all select local_values ->> $2 from lockstep.tombstones where table_name = 'public.' || $3 and key = $1`,
        [id, column, table],
      )
      must(
        rows.some(({ value }) => value === text),
        `${place}: ${rows[0]?.value} ≠ ${text}, which was written here`,
      )
    }
  }
}

import { describe, expect, it } from 'vitest'
import { type Api, withApi } from './support/api.ts'
import { A, B } from './support/agency.ts'
import { fact, reply, type World, workspace } from './support/world.ts'

interface Lead {
  id: string
  lead_email: string
  pipeline_stage: string
  date_received: string | null
  lead_value: number
  conversation_status: string | null
}
interface Page {
  total: number
  next_cursor: string | null
  sums: { interested: number; won: number; lead_value: number; premium_amount: number }
  leads: Lead[]
}
interface Board {
  total: number
  columns: (Page & { stage: string })[]
}

const COUNT = 10_500

/** Thousands of leads of two workspaces; many at the same moment, some without one, some deleted. */
async function fillMany(world: World): Promise<void> {
  await world.apply(workspace(A, 'Acme'), workspace(B, 'Bolt'))
  await world.db.query(
    `insert into client_leads (scope, workspace_name, lead_email, interested, interested_at, date_received, lead_value,
       machine_stage, machine_stage_at, human_stage, human_stage_at, premium_amount, policy_type, pipeline_position,
       is_manual, deleted_at, contact)
     select case when i % 5 = 0 then $2 else $1 end, case when i % 5 = 0 then 'Bolt' else 'Acme' end,
       'lead' || i || '@x.test', i % 2 = 0, case when i % 2 = 0 then '2026-03-05T12:00:00Z'::timestamptz end,
       case when i % 7 <> 0 then '2026-03-01T00:00:00Z'::timestamptz + (i % 50) * interval '1 hour' end, i % 11 + 0.25,
       case when i % 2 = 0 then 'interested' else 'new' end, '2026-03-05T12:00:00Z',
       (array[null, 'quoting', 'won', 'lost', null, null])[1 + i % 6], '2026-03-06T12:00:00Z',
       case when i % 6 = 2 then 100.5 end, case when i % 6 = 2 then 'Auto' end, case when i % 3 = 0 then i % 9 end,
       i % 4 = 1, case when i % 100 = 99 then now() end, jsonb_build_object('company', 'Firm ' || i % 10)
     from generate_series(1, $3) as i`,
    [A, B, COUNT],
  )
}

async function readAll(api: Api, path: string): Promise<{ pages: Page[]; ids: string[] }> {
  const pages: Page[] = []
  for (let cursor: string | null = ''; cursor !== null;) {
    const page: Page = await api.get<Page>(`${path}&limit=500${cursor === '' ? '' : `&cursor=${cursor}`}`)
    pages.push(page)
    cursor = page.next_cursor
  }
  return { pages, ids: pages.flatMap(({ leads }) => leads.map(({ id }) => id)) }
}

describe('more than ten thousand leads', () => {
  it('are counted and summed whole, and all pages together hold each once, in any order', async () => {
    await withApi(async (api, world) => {
      await fillMany(world)
      const all = (
        await world.rows<{ id: string }>('select id from client_leads where deleted_at is null')
      ).map(({ id }) => id)
      const [truth] = await world.rows(
        `select count(*)::int as total, (count(*) filter (where interested))::int as interested,
           (count(*) filter (where pipeline_stage = 'won'))::int as won, sum(lead_value)::float8 as lead_value,
           (sum(premium_amount) filter (where pipeline_stage = 'won'))::float8 as premium_amount
         from client_leads where deleted_at is null`,
      )
      const { total, ...sums } = truth ?? {}
      expect(total).toBe(10_395)
      for (const [sort, order] of [
        ['received', 'desc'],
        ['interested', 'asc'],
        ['value', 'desc'],
      ] as const) {
        const { pages, ids } = await readAll(api, `/leads?sort=${sort}&order=${order}`)
        expect(ids.length, `${sort} ${order}`).toBe(total)
        expect(new Set(ids), `${sort} ${order}`).toEqual(new Set(all))
        for (const page of pages) expect({ total: page.total, sums: page.sums }).toEqual({ total, sums })
      }
      const { leads } = await api.get<Page>('/leads?limit=3')
      expect(leads.map((lead) => lead.date_received?.slice(0, 13))).toEqual(Array(3).fill('2026-03-03T01'))
    })
  }, 120_000)

  it('filter to what is asked for, and count that alone', async () => {
    await withApi(async (api, world) => {
      await fillMany(world)
      const counts: Record<string, string> = {
        '?workspace=Bolt': `workspace_name = 'Bolt' and deleted_at is null`,
        '?stage=won&workspace=Acme': `pipeline_stage = 'won' and workspace_name = 'Acme' and deleted_at is null`,
        '?interested=true': 'interested and deleted_at is null',
        '?interested=false&deleted=all': 'not interested',
        '?deleted=only': 'deleted_at is not null',
        '?search=FIRM%203': `company = 'Firm 3' and deleted_at is null`,
        '?interested_from=2026-03-05&interested_to=2026-03-05': 'interested and deleted_at is null',
        '?interested_from=2026-03-06': 'false',
        '?delivery_state=bounced': 'false',
      }
      for (const [query, where] of Object.entries(counts)) {
        const { total } = await api.get<Page>(`/leads${query}`)
        expect(total, query).toBe(
          await world.value(`(select count(*)::int from client_leads where ${where})`),
        )
      }
    })
  })

  it('lose none and repeat none while they are moved, edited and joined by others', async () => {
    await withApi(async (api, world) => {
      await fillMany(world)
      const before = (
        await world.rows<{ id: string }>('select id from client_leads where deleted_at is null')
      ).map(({ id }) => id)
      const seen: string[] = []
      let cursor: string | null = ''
      for (let page = 0; cursor !== null; page++) {
        const found: Page = await api.get<Page>(`/leads?limit=500${cursor === '' ? '' : `&cursor=${cursor}`}`)
        seen.push(...found.leads.map(({ id }) => id))
        cursor = found.next_cursor
        const some = (n: number): string[] => before.slice(page * n, page * n + n)
        await world.db.query(`update client_leads set notes = 'n' where id = any ($1)`, [some(9)])
        await world.db.query(`select move_lead(id, 'lost') from client_leads where id = any ($1)`, [some(5)])
        await world.db.query(
          `insert into client_leads (scope, workspace_name, lead_email, date_received) values ($1, 'Acme', $2, now())`,
          [A, `more${page}@x.test`],
        )
      }
      expect(new Set(seen).size, 'none twice').toBe(seen.length)
      expect(new Set(before).difference(new Set(seen)), 'none lost').toEqual(new Set())
    })
  })

  it('stand on the board by stage, each column with its number, its sums, and pages of its own', async () => {
    await withApi(async (api, world) => {
      await fillMany(world)
      const board = await api.get<Board>('/leads/board?workspace=Acme&limit=20')
      expect(board.columns.map(({ stage }) => stage)).toEqual([
        'new', 'replied', 'interested', 'quoting', 'follow-up', 'won', 'lost', 'unsubscribed', 'bounced',
      ]) // prettier-ignore
      const truth = await world.rows<{ stage: string; total: number; value: number }>(
        `select pipeline_stage as stage, count(*)::int as total, sum(lead_value)::float8 as value from pipeline_leads
         where workspace_name = 'Acme' group by 1`,
      )
      expect(board.total).toBe(truth.reduce((sum, { total }) => sum + total, 0))
      for (const { stage, total, value } of truth) {
        const column = board.columns.find((one) => one.stage === stage)
        expect(column, stage).toMatchObject({ total, sums: { lead_value: value } })
        expect(column?.leads).toHaveLength(20)
        const { ids } = await readAll(api, `/leads/board/${stage}?workspace=Acme`)
        expect(ids, stage).toHaveLength(total)
        expect(new Set(ids).size, stage).toBe(total)
        expect(ids.slice(0, 20), 'the board shows the first page').toEqual(column?.leads.map(({ id }) => id))
        const next = await api.get<Page>(
          `/leads/board/${stage}?workspace=Acme&limit=20&cursor=${column?.next_cursor}`,
        )
        expect(next.leads.map(({ id }) => id)).toEqual(ids.slice(20, 40))
      }
      const [first] = await world.rows<{ id: string }>(
        `select id from pipeline_leads where workspace_name = 'Acme' and pipeline_stage = 'quoting'
         order by pipeline_position nulls last, coalesce(date_received, created_at) desc, id limit 1`,
      )
      expect(board.columns.find(({ stage }) => stage === 'quoting')?.leads[0]?.id).toBe(first?.id)
    })
  })
})

describe('one lead', () => {
  it('comes with all replies of its person, the history of its stage, and how alive the talk is', async () => {
    await withApi(async (api, world) => {
      await world.apply(workspace(A, 'Acme'), workspace(B, 'Bolt'))
      const now = Date.now()
      const at = (daysAgo: number): string => new Date(now - daysAgo * 86_400_000).toISOString()
      await world.apply(
        ...[3, 2, 1].map((days, i) =>
          reply(A, 10 + i, {
            bison_lead_id: 5,
            // The last from another address of hers.
            lead_email: i === 2 ? 'pat@home.test' : 'pat@x.test',
            reply_text: `mail ${i}`,
            reply_date: at(days),
            vendor_created_at: at(days),
          }),
        ),
        reply(B, 20, {
          bison_lead_id: 5,
          lead_email: 'pat@x.test',
          reply_date: at(1),
          vendor_created_at: at(1),
        }),
        reply(A, 30, {
          bison_lead_id: 6,
          lead_email: 'kim@x.test',
          reply_date: at(1),
          vendor_created_at: at(1),
        }),
      )
      await world.record(
        fact(A, 'lead_interested', 'reply:r10', at(3), {
          lead: { id: 5, email: 'pat@x.test' },
          reply: { uuid: 'r10' },
        }),
      )
      const { leads } = await api.get<Page>('/leads?workspace=Acme&search=pat')
      expect(leads).toMatchObject([{ conversation_status: 'hot' }])
      const id = leads[0]?.id ?? ''
      await api.send('POST', `/leads/${id}/move`, { stage: 'quoting' }, { 'x-lockstep-actor': 'jo' })
      const one = await api.get<Record<string, unknown>>(`/leads/${id}`)
      expect(one).toMatchObject({
        lead: { id, pipeline_stage: 'quoting', conversation_status: 'hot' },
        conversation: { replies: 3, conversation_status: 'hot' },
        replies_total: 3,
        replies: [{ reply_text: 'mail 2' }, { reply_text: 'mail 1' }, { reply_text: 'mail 0' }],
        stage_history: [
          { old_stage: 'interested', new_stage: 'quoting', actor_kind: 'human', actor: 'jo' },
          { old_stage: 'replied', new_stage: 'interested', actor_kind: 'machine' },
          { old_stage: null, new_stage: 'replied' },
        ],
      })
      const { total } = await api.get<{ total: number }>(`/replies?lead=${id}`)
      expect(total).toBe(3)
    })
  })
})

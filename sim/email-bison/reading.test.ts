import { expect, test } from 'vitest'
import { ask, dataOf, SMALL, walk, withEmailBisonSim } from './with-sim.ts'

interface Page {
  data: { id: number; name: string }[]
  links: Record<'first' | 'last' | 'prev' | 'next', string | null>
  meta: Record<string, unknown>
}

const NOW = Date.UTC(2026, 10, 18, 16)
const clock = { now: () => NOW }

test('lists have 15 rows a page, newest first, whatever per_page says', async () => {
  await withEmailBisonSim({ ...SMALL, clock }, async (sim) => {
    const [workspace] = sim.world.workspaces
    const token = sim.workspaceToken(workspace?.id ?? 0)
    const mailboxes = workspace?.senders.length ?? 0
    const first = (await ask(sim, 'GET /api/sender-emails?per_page=100', { token })).body as Page
    expect(first.data).toHaveLength(Math.min(15, mailboxes))
    expect(first.meta).toMatchObject({ current_page: 1, per_page: 15, total: mailboxes, from: 1 })
    expect(first.meta).not.toHaveProperty('next_cursor')
    const ids = first.data.map(({ id }) => id)
    expect(ids).toEqual([...ids].sort((a, b) => b - a))
    const last = first.meta['last_page'] as number
    const end = (await ask(sim, `GET /api/sender-emails?page=${last}`, { token })).body as Page
    expect(end.links.next).toBeNull()
    expect(end.data.at(-1)?.id).toBe(workspace?.senders[0]?.id)
  })
})

test('a walk by cursor sees every row once; the own link of the vendor leads back to the first page', async () => {
  await withEmailBisonSim({ ...SMALL, mailboxes: 120, clock }, async (sim) => {
    const [workspace] = sim.world.workspaces
    const token = sim.workspaceToken(workspace?.id ?? 0)
    const rows = await walk<{ id: number }>(sim, '/api/sender-emails?search=mail', token)
    expect(rows.map(({ id }) => id)).toEqual(workspace?.senders.map(({ id }) => id).toReversed())
    const first = (await ask(sim, 'GET /api/sender-emails?pagination_type=cursor&search=mail', { token }))
      .body as Page
    expect(first.meta).not.toHaveProperty('last_page')
    expect(first.links.next).toContain('cursor=')
    expect(first.links.next).not.toMatch(/pagination_type|search/)
    const followed = (await ask(sim, `GET ${first.links.next}`, { token })).body as Page
    expect(followed.data).toEqual(first.data)
    const next = (
      await ask(
        sim,
        `GET /api/sender-emails?pagination_type=cursor&cursor=${String(first.meta['next_cursor'])}`,
        {
          token,
        },
      )
    ).body as Page
    const back = (
      await ask(
        sim,
        `GET /api/sender-emails?pagination_type=cursor&cursor=${String(next.meta['prev_cursor'])}`,
        {
          token,
        },
      )
    ).body as Page
    expect(back.data).toEqual(first.data)
    const garbage = (
      await ask(sim, 'GET /api/sender-emails?pagination_type=cursor&cursor=nonsense', { token })
    ).body as Page
    expect(garbage.data).toEqual(first.data)
  })
})

test('deep pages are refused; an installation may change its mode in the middle of a walk', async () => {
  await withEmailBisonSim({ ...SMALL, clock }, async (sim) => {
    const deep = await ask(sim, 'GET /api/leads?page=501')
    expect(deep.status).toBe(422)
    expect(deep.body).toMatchObject({ errors: { page: [expect.stringContaining('500')] } })
    sim.faults.pagination = 'cursor'
    const keyset = (await ask(sim, 'GET /api/sender-emails')).body as Page
    expect(keyset.meta).not.toHaveProperty('last_page')
    expect(keyset.meta).toHaveProperty('next_cursor')
    sim.faults.pagination = 'page'
    const paged = (await ask(sim, 'GET /api/sender-emails?pagination_type=cursor')).body as Page
    expect(paged.meta).toHaveProperty('last_page')
    expect(paged.meta).not.toHaveProperty('next_cursor')
  })
})

test('per_page counts for replies by cursor, up to 100', async () => {
  await withEmailBisonSim({ ...SMALL, clock }, async (sim) => {
    const id = sim.world.workspaces[0]?.id ?? 0
    for (let i = 0; i < 40; i++) sim.act.reply(id, { untracked: true })
    const wide = (await ask(sim, 'GET /api/replies?pagination_type=cursor&per_page=30')).body as Page
    expect(wide.data).toHaveLength(30)
    const paged = (await ask(sim, 'GET /api/replies?per_page=30')).body as Page
    expect(paged.data).toHaveLength(15)
    expect((await ask(sim, 'GET /api/replies?pagination_type=cursor&per_page=101')).status).toBe(422)
  })
})

test('filters by time know days only', async () => {
  await withEmailBisonSim({ ...SMALL, clock }, async (sim) => {
    const id = sim.world.workspaces[0]?.id ?? 0
    const lead = sim.act.addLead(id)
    const found = async (criteria: string, value: string) => {
      const query = `filters[updated_at][criteria]=${encodeURIComponent(criteria)}&filters[updated_at][value]=${value}`
      return (await walk<{ id: number }>(sim, `/api/leads?${query}`)).map((row) => row.id)
    }
    expect(await found('>=', '2026-11-18')).toEqual([lead.id])
    // Changed at noon of the 18th, and yet not "after" that day.
    expect(await found('>', '2026-11-18')).toEqual([])
    expect(await found('<', '2026-11-18')).not.toContain(lead.id)
    const precise =
      'GET /api/leads?filters.updated_at.criteria=>=&filters.updated_at.value=2026-11-18T10:00:00Z'
    expect((await ask(sim, precise)).status).toBe(422)
    expect(await dataOf(sim, `GET /api/leads/${lead.email}`)).toMatchObject({ id: lead.id })
  })
})

test('replies are filtered by state and folder, never by time', async () => {
  await withEmailBisonSim({ ...SMALL, clock }, async (sim) => {
    const id = sim.world.workspaces[0]?.id ?? 0
    const hot = sim.act.reply(id, { interested: true })
    const away = sim.act.reply(id, { email: sim.act.sendEmail(id).id, automated: true })
    sim.act.bounce(id, { email: sim.act.sendEmail(id).id })
    const ids = async (query: string) =>
      (await walk<{ id: number }>(sim, `/api/replies?${query}`)).map((r) => r.id)
    expect(await ids('status=interested')).toEqual([hot.id])
    expect(await ids('status=automated_reply&folder=inbox')).toEqual([away.id])
    expect(await ids('folder=bounced')).toHaveLength(1)
    expect(await ids('')).toHaveLength(3)
    expect(await dataOf(sim, `GET /api/replies/${hot.id}`)).toMatchObject({
      subject: expect.any(String),
      type: 'Tracked Reply',
      parent_id: null,
      date_received: '2026-11-18T16:00:00.000000Z',
    })
  })
})

test("tokens stand for a workspace; switch-workspace moves the owner's for everyone", async () => {
  await withEmailBisonSim({ ...SMALL, clock }, async (sim) => {
    const [one, two] = sim.world.workspaces
    const minted = await dataOf<{ plain_text_token: string }>(
      sim,
      `POST /api/workspaces/v1.1/${two?.id}/api-tokens`,
      {
        body: { name: 'lockstep' },
      },
    )
    const token = minted.plain_text_token
    expect(token).toMatch(/^\d+\|\w+$/)
    const mine = await dataOf<{ id: number }[]>(sim, 'GET /api/workspaces/v1.1', { token })
    expect(mine.map(({ id }) => id)).toEqual([two?.id])
    expect(await dataOf<unknown[]>(sim, 'GET /api/workspaces/v1.1')).toHaveLength(2)
    // `workspace_id` is taken and thrown away.
    const [sender] = await dataOf<{ id: number }[]>(sim, `GET /api/sender-emails?workspace_id=${two?.id}`)
    expect(one?.senders.some(({ id }) => id === sender?.id)).toBe(true)
    expect(
      (await ask(sim, 'POST /api/workspaces/v1.1/switch-workspace', { token, body: { team_id: one?.id } }))
        .status,
    ).toBe(403)
    await ask(sim, 'POST /api/workspaces/v1.1/switch-workspace', { body: { team_id: two?.id } })
    expect(sim.requests.count('POST /api/workspaces/v1.1/switch-workspace')).toBe(2)
    const [moved] = await dataOf<{ id: number }[]>(sim, 'GET /api/sender-emails')
    expect(two?.senders.some(({ id }) => id === moved?.id)).toBe(true)
    expect(await dataOf(sim, 'GET /api/users', { token })).toMatchObject({ workspace: { id: two?.id } })
    expect(sim.requests.last.at(-1)).toMatchObject({ workspaceId: two?.id, token: 'api-user', status: 200 })
  })
})

test('refusals have the forms of Laravel', async () => {
  await withEmailBisonSim({ ...SMALL, clock }, async (sim) => {
    expect(await ask(sim, 'GET /api/users', { token: 'no' })).toMatchObject({
      status: 401,
      body: { message: 'Unauthenticated.' },
    })
    expect(await ask(sim, 'POST /api/tags')).toMatchObject({
      status: 405,
      body: { message: 'The POST method is not supported for route api/tags. Supported methods: GET, HEAD.' },
    })
    expect(await ask(sim, 'GET /api/nothing')).toMatchObject({ status: 404 })
    expect(await ask(sim, 'GET /api/leads/9999999')).toMatchObject({
      status: 404,
      body: { data: { success: false } },
    })
    expect(await ask(sim, 'GET /api/workspaces/v1.1/stats?start_date=2026-11-01')).toMatchObject({
      status: 422,
      body: { errors: { end_date: ['The end date field is required.'] } },
    })
  })
})

test('mailboxes are changed and removed; rows carry the labels of provider and reseller', async () => {
  await withEmailBisonSim({ ...SMALL, clock }, async (sim) => {
    const [row] = await dataOf<{ id: number; status: string; tags: { name: string }[] }[]>(
      sim,
      'GET /api/sender-emails',
    )
    expect(row?.status).toMatch(/^[A-Z]/)
    expect(row?.tags.length).toBeGreaterThan(0)
    const path = `/api/sender-emails/${row?.id}`
    expect(await dataOf(sim, `PATCH ${path}`, { body: { daily_limit: 3 } })).toMatchObject({ daily_limit: 3 })
    await dataOf(sim, `DELETE ${path}`)
    expect((await ask(sim, `GET ${path}`)).status).toBe(404)
    expect(sim.world.events.map(({ type }) => type)).toEqual(['EMAIL_ACCOUNT_REMOVED'])
  })
})

import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../src/engine/observation.ts'
import { fact, reply, type World, withWorld, workspace } from './support/world.ts'

const A = 'send/37'
const pat: JsonObject = { id: 5, email: 'pat@x.test', first_name: 'Pat', last_name: 'Doe' }
const tell = (type: string, id: number, at: string, lead: JsonObject = pat) =>
  fact(A, type, `reply:r${id}`, at, { lead, reply: { uuid: `r${id}`, date_received: at } })

const lead = (world: World): Promise<Record<string, unknown>> => world.row('select * from client_leads')
const act = (world: World, call: string, ...params: unknown[]): Promise<Record<string, unknown>> =>
  world.row(`select * from public.${call}`, params)
const refused = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'done',
    (error: Error) => error.message,
  )

describe('the pipeline', () => {
  it('a machine never lowers a stage, and outranks a person only with something later and higher', async () => {
    await withWorld(async (world) => {
      await world.record(tell('lead_interested', 1, '2026-03-05T10:00:00Z'))
      const { id } = await lead(world)
      const stage = async (): Promise<unknown> => (await lead(world))['pipeline_stage']
      const later = new Date(Date.now() + 60_000).toISOString()
      await act(world, 'move_lead($1, $2)', id, 'quoting')
      await world.record(tell('lead_replied', 2, later), tell('lead_interested', 3, later))
      expect(await stage(), 'quoting outranks interested').toBe('quoting')
      await act(world, 'move_lead($1, $2)', id, 'new')
      await world.record(tell('lead_replied', 4, '2026-03-06T10:00:00Z'))
      expect(await stage(), 'later mark of interest').toBe('interested')
    })
  })

  it('a person may move anywhere, and what happened before does not move back', async () => {
    await withWorld(async (world) => {
      await world.record(tell('lead_replied', 1, '2026-03-05T10:00:00Z'))
      const { id } = await lead(world)
      await act(world, 'move_lead($1, $2, null, $3)', id, 'lost', 'jo')
      await act(world, 'move_lead($1, $2, null, $3)', id, 'new', 'jo')
      await world.record(tell('lead_interested', 2, '2026-03-06T10:00:00Z'))
      expect(await lead(world)).toMatchObject({
        pipeline_stage: 'new',
        interested: true,
        human_stage_by: 'jo',
      })
      const history = await world.rows(
        'select old_stage, new_stage, actor_kind, actor from pipeline_stage_history order by id',
      )
      expect(history.map((h) => Object.values(h))).toEqual([
        [null, 'replied', 'machine', 'email-bison'],
        ['replied', 'lost', 'human', 'jo'],
        ['lost', 'new', 'human', 'jo'],
      ])
    })
  })

  it('a stage, a field or an assignment that a program writes by itself is a decision like any other', async () => {
    await withWorld(async (world) => {
      await world.record(tell('lead_interested', 1, '2026-03-05T10:00:00Z'))
      await world.db.query(`update client_leads set pipeline_stage = 'follow-up', phone = '1', notes = 'n'`)
      await world.record(tell('lead_interested', 2, '2026-03-06T10:00:00Z', { ...pat, phone: '2' }))
      expect(await lead(world)).toMatchObject({ pipeline_stage: 'follow-up', phone: '1', notes: 'n' })
      expect(
        await world.row(`select actor_kind from pipeline_stage_history where new_stage = 'follow-up'`),
      ).toEqual({
        actor_kind: 'human',
      })
      await act(world, 'edit_lead($1, $2)', (await lead(world))['id'], { phone: null })
      expect(await lead(world)).toMatchObject({ phone: '2' })
    })
  })

  it('asks a win for its premium and policy, and any stage for its name', async () => {
    await withWorld(async (world) => {
      await world.record(tell('lead_interested', 1, '2026-03-05T10:00:00Z'))
      const { id } = await lead(world)
      expect(await refused(act(world, 'move_lead($1, $2)', id, 'won'))).toMatch(/premium and a policy type/)
      expect(await refused(act(world, 'win_lead($1, null, $2)', id, 'Auto'))).toMatch(
        /premium and a policy type/,
      )
      expect(await refused(act(world, 'win_lead($1, 5, $2)', id, 'Boat'))).toMatch(/policy_type/)
      expect(await refused(act(world, 'move_lead($1, $2)', id, 'sold'))).toMatch(/no stage "sold"/)
      expect(await refused(world.db.query(`update client_leads set pipeline_stage = 'won'`))).toMatch(
        /client_leads_won/,
      )
      expect(await refused(act(world, 'move_lead(gen_random_uuid(), $1)', 'lost'))).toMatch(
        /there is no lead/,
      )
      expect(await act(world, 'win_lead($1, 1200.5, $2)', id, 'Home')).toMatchObject({
        pipeline_stage: 'won',
        premium_amount: '1200.50',
        policy_type: 'Home',
      })
    })
  })

  it('takes leads by hand, once an e-mail, and the vendor’s events find them', async () => {
    await withWorld(async (world) => {
      await world.apply(workspace(A, 'Northwind'))
      const added = await act(world, 'add_lead($1, $2, $3)', 'Northwind', ' Pat@X.test', { phone: '7' })
      expect(added).toMatchObject({
        pipeline_stage: 'interested',
        interested: false,
        is_manual: true,
        phone: '7',
      })
      expect(await refused(act(world, 'add_lead($1, $2)', 'Northwind', 'pat@x.test'))).toMatch(/already/)
      expect(await refused(act(world, 'add_lead($1, $2)', 'Nobody', 'x@x.test'))).toMatch(
        /no workspace "Nobody"/,
      )
      expect(await refused(act(world, 'add_lead($1, $2, $3)', 'Northwind', 'x@x.test', { hat: 1 }))).toMatch(
        /hat/,
      )
      await world.record(tell('lead_replied', 1, '2026-03-05T10:00:00Z'))
      expect(await lead(world)).toMatchObject({
        id: added['id'],
        bison_lead_id: '5',
        first_name: 'Pat',
        pipeline_stage: 'interested',
      })
      expect(await world.rows('select 1 from pipeline_leads')).toHaveLength(1)
    })
  })

  it('deletes softly and restores, with assignment, and a full sync of all replies changes nothing of it', async () => {
    await withWorld(async (world) => {
      await world.apply(workspace(A, 'Northwind'))
      const mails = [1, 2, 3].map((id) =>
        reply(A, id, {
          bison_lead_id: id,
          lead_email: `l${id}@x.test`,
          is_interested: true,
          vendor_created_at: '2026-03-05T10:00:00Z',
        }),
      )
      await world.apply(...mails)
      const ids = (await world.rows('select id from client_leads order by lead_email')).map(({ id }) => id)
      await act(world, 'delete_lead($1, $2, $3)', ids[0], 'twice', 'jo')
      await act(world, 'assign_lead($1, null, $2, $3)', ids[1], 'Kim', 'jo')
      await act(world, 'move_lead($1, $2, 3, $3)', ids[1], 'quoting', 'jo')
      await act(world, 'note_lead($1, $2)', ids[2], 'keep me')
      await act(world, 'delete_lead($1)', ids[2])
      await act(world, 'restore_lead($1)', ids[2])
      const all = 'select * from client_leads order by lead_email'
      const before = await world.rows(all)
      await world.apply(...mails.map((mail) => ({ ...mail, values: { ...mail.values, is_read: true } })))
      const again = reply(A, 1, { ...mails[0]?.values, is_read: true })
      await world.apply(again, ...mails.slice(1))
      expect(await world.rows(all)).toEqual(before)
      expect(before.map(({ deleted_at: at, assigned_to_name: name }) => [at !== null, name])).toEqual([
        [true, null],
        [false, 'Kim'],
        [false, null],
      ])
      expect(
        await world.rows('select workspace_name, interested, total from get_workspace_lead_counts()'),
      ).toEqual([{ workspace_name: 'Northwind', interested: 2, total: 2 }])
    })
  })
})

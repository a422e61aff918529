import { describe, expect, it } from 'vitest'
import { type Api, withApi } from './support/api.ts'
import { A, fillAgency } from './support/agency.ts'

const NOBODY = '00000000-0000-4000-8000-000000000000'

async function withLead(test: (api: Api, act: Act, id: string) => Promise<void>): Promise<void> {
  await withApi(async (api, world) => {
    await fillAgency(world)
    const { leads } = await api.get<{ leads: { id: string }[] }>('/leads?search=pat@x.test')
    const id = leads[0]?.id ?? ''
    const act: Act = async (action, body) => {
      const { lead } = await api.send<{ lead: Record<string, unknown> }>(
        'POST',
        `/leads/${id}/${action}`,
        body,
        {
          'x-lockstep-actor': 'jo@agency.test',
        },
      )
      return lead
    }
    await test(api, act, id)
  })
}
type Act = (action: string, body: unknown) => Promise<Record<string, unknown>>

describe('actions on a lead', () => {
  it('do what they say, and answer with the lead as it is then', async () => {
    await withLead(async (api, act, id) => {
      expect(await act('move', { stage: 'quoting', position: 3 })).toMatchObject({
        id, pipeline_stage: 'quoting', pipeline_position: 3, human_stage_by: 'jo@agency.test',
      }) // prettier-ignore
      expect(await act('note', { notes: 'call on Monday' })).toMatchObject({ notes: 'call on Monday' })
      expect(await act('assign', { name: 'Kim', user_id: NOBODY })).toMatchObject({
        assigned_to_name: 'Kim', assigned_to_user_id: NOBODY, assigned_by_user_id: 'jo@agency.test',
      }) // prettier-ignore
      expect(await act('assign', {})).toMatchObject({ assigned_to_name: null, assigned_at: null })
      expect(await act('edit', { phone: '7', company: 'Firm' })).toMatchObject({
        phone: '7',
        edits: { phone: '7', company: 'Firm' },
      })
      expect(await act('edit', { phone: null })).toMatchObject({ phone: null, edits: { company: 'Firm' } })
      expect(await act('win', { premium_amount: 1200.5, policy_type: 'Home' })).toMatchObject({
        pipeline_stage: 'won', premium_amount: 1200.5, policy_type: 'Home',
      }) // prettier-ignore
      expect(await act('delete', { reason: 'twice' })).toMatchObject({
        deletion_reason: 'twice',
        deleted_by_user_id: 'jo@agency.test',
      })
      expect(await api.get('/leads?search=pat')).toMatchObject({ total: 0 })
      expect(await api.get(`/leads/${id}`), 'deleted, and still there').toMatchObject({ lead: { id } })
      expect(await act('restore', {})).toMatchObject({ deleted_at: null, deletion_reason: null })
      const { stage_history } = await api.get<{ stage_history: { new_stage: string; actor: string }[] }>(
        `/leads/${id}`,
      )
      expect(stage_history.map(({ new_stage, actor }) => [new_stage, actor])).toEqual([
        ['won', 'jo@agency.test'],
        ['quoting', 'jo@agency.test'],
        ['interested', 'email-bison'],
      ])
    })
  })

  it('are by "api" where nobody is named', async () => {
    await withLead(async (api, _act, id) => {
      const { lead } = await api.send<{ lead: object }>('POST', `/leads/${id}/move`, { stage: 'lost' })
      expect(lead).toMatchObject({ human_stage_by: 'api' })
    })
  })

  it('refuse in the words of the function: what is not there, what is there already, what cannot be', async () => {
    await withLead(async (api, act, id) => {
      for (const [action, body] of Object.entries({
        move: { stage: 'lost' },
        note: { notes: 'n' },
        assign: {},
        win: { premium_amount: 1, policy_type: 'Auto' },
        edit: { phone: '1' },
        delete: {},
        restore: {},
      }))
        // prettier-ignore
        expect(await api.fail('POST', `/leads/${NOBODY}/${action}`, body), action).toMatchObject({
          status: 404,
          code: 'not_found',
          message: `there is no lead ${NOBODY}`,
        })
      expect(await api.fail('GET', `/leads/${NOBODY}`)).toMatchObject({ status: 404, code: 'not_found' })
      expect(await api.fail('POST', `/leads/${id}/move`, { stage: 'won' })).toMatchObject({
        status: 422,
        code: 'refused',
        message: 'a lead is won with a premium and a policy type: use win_lead',
      })
      const again = { workspace: 'Acme', email: ' PAT@x.test ' }
      expect(await api.fail('POST', '/leads', again)).toMatchObject({
        status: 409,
        code: 'conflict',
        message: expect.stringContaining(`there is a lead with this e-mail already: ${id}. Change that one`),
      })
      await act('delete', {})
      expect((await api.fail('POST', '/leads', again)).message).toMatch(/deleted: restore it/)
      expect(await api.fail('POST', '/leads', { workspace: 'Nobody', email: 'a@b.test' })).toMatchObject({
        status: 422,
        message: 'there is no workspace "Nobody"',
      })
    })
  })

  it('add a lead by hand', async () => {
    await withLead(async (api) => {
      const body = {
        workspace: 'Acme',
        email: ' New@X.test ',
        stage: 'follow-up',
        details: { first_name: 'Nia', phone: '5' },
      }
      const response = await api.raw('POST', '/leads', body, { 'x-lockstep-actor': 'jo' })
      expect(response.status).toBe(201)
      expect(await response.json()).toMatchObject({
        lead: {
          lead_email: 'new@x.test', workspace_name: 'Acme', first_name: 'Nia', phone: '5', is_manual: true,
          interested: false, pipeline_stage: 'follow-up', human_stage_by: 'jo',
        },
      }) // prettier-ignore
    })
  })

  it('are in the figures that are read next, though these are cached', async () => {
    await withLead(async (api, act) => {
      const leads = async (): Promise<number> => {
        const { totals, age_ms } = await api.get<{ age_ms: number; totals: { leads: number } }>(
          '/kpis?workspace=Acme',
        )
        expect(age_ms).toBeLessThan(60_000)
        return totals.leads
      }
      expect(await leads()).toBe(3)
      await act('delete', { reason: 'test' })
      expect(await leads()).toBe(2)
      await act('restore', {})
      expect(await leads()).toBe(3)
    })
  })
})

describe('settings of a workspace', () => {
  it('are changed by name, only those that are told, and are in what is read next', async () => {
    await withApi(async (api, world) => {
      await fillAgency(world)
      const target = async (): Promise<unknown> =>
        (await api.get<{ totals: { lead_target: number } }>('/kpis?workspace=Acme')).totals.lead_target
      expect(await target()).toBe(10)
      const changes = {
        display_name: 'Acme Ltd', monthly_kpi_target: 25, daily_sending_target: 40, billing_type: 'retainer', retainer_amount: 99.5,
        payout: 12, timezone: 'Europe/Berlin', notes: null, live_replies_enabled: false,
      } // prettier-ignore
      const { workspace } = await api.send<{ workspace: object }>('PATCH', '/workspaces/Acme', changes)
      expect(workspace).toMatchObject({
        ...changes,
        scope: A,
        monthly_sending_target: 310,
        price_per_lead: 20,
      })
      expect(await target()).toBe(25)
      expect(await api.get('/workspaces/Acme')).toMatchObject({ workspace: changes })
      expect(
        (await world.row(`select mtd_leads_progress::float8 as p from client_metrics where scope = $1`, [A]))[
          'p'
        ],
      ).toBe(12)
    })
  })

  it('that are the vendor’s, or are no settings, are refused', async () => {
    await withApi(async (api, world) => {
      await fillAgency(world)
      const refused = async (body: unknown): Promise<string> => {
        const { status, message } = await api.fail('PATCH', '/workspaces/Acme', body)
        expect(status).toBe(400)
        return message
      }
      expect(await refused({ bison_workspace_name: 'x' })).toMatch(
        /^body: bison_workspace_name: no setting of people's/,
      )
      expect(await refused({ scope: 'x', monthly_kpi_target: 1 })).toMatch(/scope: no setting/)
      expect(await refused({})).toBe('body: give at least one setting')
      expect(await refused({ monthly_kpi_target: -1 })).toBe('body "monthly_kpi_target": give 0 or more')
      expect(await refused({ monthly_kpi_target: 1.5 })).toBe(
        'body "monthly_kpi_target": give a whole number',
      )
      expect(await refused({ price_per_lead: 1e9 })).toBe('body "price_per_lead": give at most 99999999.99')
      expect(await refused({ billing_type: 'per-lead' })).toBe(
        'body "billing_type": give one of: per_lead, retainer',
      )
      expect(await refused({ timezone: 'Mars/Base' })).toBe(
        'body "timezone": give a time zone such as America/Chicago',
      )
      expect(await refused({ is_active: null })).toBe('body "is_active": give true or false')
      expect(await api.fail('PATCH', '/workspaces/Nobody', { notes: 'n' })).toMatchObject({ status: 404 })
    })
  })
})

describe('replies', () => {
  it('are marked as handled once, by whom and when, and may be taken back', async () => {
    await withApi(async (api, world) => {
      await fillAgency(world)
      const { replies } = await api.get<{ replies: { id: string }[] }>('/replies?interested=true')
      const id = replies[0]?.id ?? ''
      const triage = (body: object, by: string): Promise<{ reply: Record<string, unknown> }> =>
        api.send('POST', `/replies/${id}/triage`, body, { 'x-lockstep-actor': by })
      const { reply: handled } = await triage({ is_handled: true }, 'jo')
      expect(handled).toMatchObject({ id, is_handled: true, handled_by: 'jo', needs_review: false })
      expect((await triage({ is_handled: true, needs_review: true }, 'kim')).reply).toMatchObject({
        handled_by: 'jo', handled_at: handled['handled_at'], needs_review: true,
      }) // prettier-ignore
      const { workspace } = await api.get<{ workspace: { counts: object } }>('/workspaces/Acme')
      expect(workspace.counts).toMatchObject({ replies_to_handle: 0 })
      expect((await triage({ is_handled: false }, 'kim')).reply).toMatchObject({
        is_handled: false,
        handled_at: null,
        handled_by: null,
      })
      expect(await api.fail('POST', `/replies/${NOBODY}/triage`, { is_handled: true })).toMatchObject({
        status: 404,
      })
      expect(await api.fail('POST', `/replies/${id}/triage`, {})).toMatchObject({
        status: 400,
        message: 'body: give is_handled, needs_review, or both',
      })
    })
  })
})

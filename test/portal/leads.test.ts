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
describe('leads', () => {
  it('are one row a person, whose fields the newest event fills and an empty value never wipes', async () => {
    await withWorld(async (world) => {
      const variables = (...list: [string, string][]): JsonObject => ({
        custom_variables: list.map(([name, value]) => ({ name, value })),
      })
      await world.record(
        tell('lead_replied', 1, '2026-03-05T10:00:00Z', {
          ...pat,
          company: 'Acme',
          ...variables(['Cell Phone', '205'], ['ZIP Code', '35004'], ['Policy Renewal', 'May']),
        }),
      )
      await world.record(
        tell('lead_interested', 3, '2026-03-07T10:00:00Z', { ...pat, first_name: 'Patricia', company: '' }),
        tell('lead_replied', 2, '2026-03-06T10:00:00Z', { ...pat, first_name: 'Older', title: 'CEO' }),
      )
      expect(await lead(world)).toMatchObject({
        workspace_name: `Client ${A}`,
        first_name: 'Patricia',
        last_name: 'Doe',
        company: 'Acme',
        title: 'CEO',
        phone: '205',
        zip: '35004',
        renewal: 'May',
        bison_lead_id: '5',
        date_received: '2026-03-07 10:00:00+00',
        bison_reply_uuid: 'r3',
        bison_conversation_url: 'https://send.test/inbox?reply_uuid=r3',
        lead_value: '500.00',
        interested: true,
        pipeline_stage: 'interested',
      })
    })
  })

  it('keep the moment of their first interest, whatever comes later or too late', async () => {
    await withWorld(async (world) => {
      await world.record(tell('lead_interested', 2, '2026-03-20T10:00:00Z'))
      await world.record(tell('lead_interested', 9, '2026-04-20T10:00:00Z'))
      await world.record(tell('lead_replied', 1, '2026-02-20T10:00:00Z'))
      await world.record(tell('lead_interested', 1, '2026-03-01T10:00:00Z'))
      expect(await lead(world)).toMatchObject({ interested_at: '2026-03-01 10:00:00+00' })
      expect(
        await world.value('(select sum(count) from email_daily_counts where event_type = $1)', [
          'lead_interested',
        ]),
      ).toBe(1)
    })
  })

  it('are made interested by the mark of the vendor alone', async () => {
    await withWorld(async (world) => {
      await world.apply(workspace(A, 'Northwind'))
      await world.record(tell('lead_replied', 1, '2026-03-05T10:00:00Z'))
      const mail = { bison_lead_id: 5, lead_email: 'pat@x.test', vendor_created_at: '2026-03-05T10:00:00Z' }
      await world.apply(reply(A, 1, mail))
      expect(await lead(world)).toMatchObject({
        interested: false,
        interested_at: null,
        pipeline_stage: 'replied',
      })
      await world.apply(reply(A, 1, { ...mail, is_interested: true }))
      expect(await lead(world)).toMatchObject({ interested: true, pipeline_stage: 'interested' })
      expect(await world.row('select sentiment, sentiment_source, workspace_name from lead_replies')).toEqual(
        {
          sentiment: 'positive',
          sentiment_source: 'bison',
          workspace_name: 'Northwind',
        },
      )
    })
  })

  it('bounces and unsubscriptions stand beside the stage, also where they came first', async () => {
    await withWorld(async (world) => {
      await world.record(tell('email_bounced', 8, '2026-03-09T10:00:00Z'))
      expect(await world.rows('select 1 from client_leads')).toEqual([])
      await world.record(tell('lead_interested', 1, '2026-03-05T10:00:00Z'))
      const { id } = await lead(world)
      await act(world, 'win_lead($1, 1200, $2, $3)', id, 'Auto', 'jo')
      expect(await lead(world)).toMatchObject({ delivery_state: 'bounced', pipeline_stage: 'won' })
      await world.record(tell('lead_replied', 2, '2026-03-10T10:00:00Z'))
      expect(await lead(world)).toMatchObject({ delivery_state: 'ok', pipeline_stage: 'won' })
      await world.record(tell('lead_unsubscribed', 3, '2026-03-11T10:00:00Z'))
      expect(await lead(world)).toMatchObject({ delivery_state: 'unsubscribed', pipeline_stage: 'won' })
    })
  })

  it('go by one id through two addresses, and keep what people wrote', async () => {
    await withWorld(async (world) => {
      await world.record(
        tell('lead_replied', 1, '2026-03-05T10:00:00Z'),
        tell('lead_replied', 2, '2026-03-06T10:00:00Z', { id: null, email: 'new@x.test' }),
      )
      const [old, young] = await world.rows(`select id from client_leads order by lead_email desc`)
      await act(world, 'note_lead($1, $2)', old?.['id'], 'call on Monday')
      await act(world, 'move_lead($1, $2, 4, $3)', young?.['id'], 'quoting', 'jo')
      await world.record(tell('lead_replied', 3, '2026-03-07T10:00:00Z', { ...pat, email: 'new@x.test' }))
      expect(await lead(world)).toMatchObject({
        lead_email: 'new@x.test',
        notes: 'call on Monday',
        pipeline_stage: 'quoting',
        pipeline_position: 4,
      })
    })
  })
})

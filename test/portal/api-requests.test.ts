import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Log, silentLog } from '../../src/jobs/log.ts'
import { withoutDatabase } from '../support/outage.ts'
import { until } from '../support/node.ts'
import { withApi, withApiOn } from './support/api.ts'
import { fillAgency } from './support/agency.ts'
import { withWorld } from './support/world.ts'

const LEAD = '/leads/00000000-0000-4000-8000-000000000000'
const long = 'x'.repeat(300)

/** A request that is wrong → what the answer says. */
const WRONG: readonly (readonly [method: string, path: string, body: unknown, message: string])[] = [
  ['GET', '/kpis?month=2026-13', undefined, 'query "month": give a month as YYYY-MM, from 2000-01 to 2099-12'],
  ['GET', '/revenue?month=0000-01', undefined, 'query "month": give a month as YYYY-MM, from 2000-01 to 2099-12'],
  ['GET', '/volume/recap?day=2026-02-30', undefined, 'query "day": give a day as YYYY-MM-DD, from 2000 to 2099'],
  ['GET', '/metrics', undefined, 'query "workspace": give a text'],
  ['GET', '/metrics?workspace=Acme&from=yesterday', undefined, 'query "from": give a day as YYYY-MM-DD, from 2000 to 2099'],
  ['GET', '/leads?limit=0', undefined, 'query "limit": give a whole number from 1 to 500'],
  ['GET', '/leads?limit=501', undefined, 'query "limit": give a whole number from 1 to 500'],
  ['GET', '/leads?limit=ten', undefined, 'query "limit": give a whole number from 1 to 500'],
  ['GET', '/leads?limit=1e2', undefined, 'query "limit": give a whole number from 1 to 500'],
  ['GET', '/leads?sort=name', undefined, 'query "sort": give one of: received, interested, created, email, value'],
  ['GET', '/leads?interested=yes', undefined, 'query "interested": give true or false'],
  ['GET', '/leads?assigned_to=jo', undefined, 'query "assigned_to": give an id, a UUID'],
  ['GET', `/leads?search=${long}`, undefined, 'query "search": give at most 200 characters'],
  ['GET', '/leads?search=%00', undefined, 'query "search": give a text without NUL'],
  ['GET', '/leads?cursor=abc', undefined, 'query "cursor": give the next_cursor of the page before, as it is'],
  ['GET', '/leads/board/sold', undefined, 'path "stage": give one of: new, replied, interested, quoting, follow-up, won, lost, unsubscribed, bounced'],
  ['GET', '/leads/7', undefined, 'path "id": give an id, a UUID'],
  ['POST', `${LEAD}/move`, {}, 'body "stage": give one of: new, replied, interested, quoting, follow-up, won, lost, unsubscribed, bounced'],
  ['POST', `${LEAD}/move`, { stage: 'lost', position: -1 }, 'body "position": give 0 or more'],
  ['POST', `${LEAD}/win`, { premium_amount: '5', policy_type: 'Boat' }, 'body "premium_amount": give a number; body "policy_type": give one of: Auto, Home, Life, Commercial, Health, Umbrella, Other'],
  ['POST', `${LEAD}/edit`, { hat: 'x' }, 'body: hat: no contact field'],
  ['POST', `${LEAD}/edit`, {}, 'body: give at least one field'],
  ['POST', `${LEAD}/note`, { notes: 'a\0b' }, 'body "notes": give a text without NUL'],
  ['POST', '/leads', { workspace: 'Acme', email: 'nobody' }, 'body "email": give an e-mail address'],
  ['POST', '/leads', { workspace: 'Acme', email: 'a@b.test', details: { hat: 1 } }, 'body "details": hat: no contact field'],
] // prettier-ignore

describe('a wrong request', () => {
  it('is answered 400, with the field, what is wrong with it and what to give', async () => {
    await withApi(async (api, world) => {
      await fillAgency(world)
      for (const [method, path, body, message] of WRONG)
        expect(await api.fail(method, path, body), `${method} ${path}`).toEqual({
          status: 400, code: 'invalid', message, retryAfter: null,
        }) // prettier-ignore
    })
  })

  it('with a body that is no JSON, of another type, or too long is answered so', async () => {
    await withApi(async (api) => {
      const post = async (text: string, type = 'application/json'): Promise<unknown> => {
        const response = await api.rawText('POST', `${LEAD}/note`, text, type)
        const { error } = (await response.json()) as { error: { message: string } }
        return [response.status, error.message]
      }
      expect(await post('{"notes":')).toEqual([400, expect.stringMatching(/JSON/)])
      expect(await post('notes=1', 'application/x-www-form-urlencoded')).toEqual([
        415,
        'give the body as application/json',
      ])
      expect(await post('')).toEqual([400, expect.stringMatching(/\w/)])
      expect(await post(JSON.stringify({ notes: 'x'.repeat(100_001) }))).toEqual([
        413,
        expect.stringMatching(/100000 bytes/),
      ])
      expect(
        await api.fail('POST', `${LEAD}/note`, { notes: 'n' }, { 'x-lockstep-actor': 'x'.repeat(201) }),
      ).toMatchObject({
        status: 400,
        message: 'header "x-lockstep-actor": give at most 200 characters',
      })
      expect(await api.fail('GET', '/nothing')).toMatchObject({ status: 404, code: 'not_found' })
    })
  })

  it('with a cursor of another order, or one that somebody wrote, is answered 400', async () => {
    await withApi(async (api, world) => {
      await fillAgency(world)
      const { next_cursor } = await api.get<{ next_cursor: string }>('/leads?limit=1')
      expect(await api.fail('GET', `/leads?limit=1&sort=value&cursor=${next_cursor}`)).toMatchObject({
        status: 400,
        message: expect.stringMatching(/the order "received desc": ask with the same sort and order/),
      })
      const forged = (parts: unknown): string => Buffer.from(JSON.stringify(parts)).toString('base64url')
      for (const cursor of [
        forged(['received desc', 'soon', LEAD.slice(7)]),
        forged(['received desc', 'now', 'x']),
        forged(['received desc', '\0', '']),
        forged([1, 2, 3]),
        forged({}),
      ])
        expect(await api.fail('GET', `/leads?cursor=${cursor}`)).toMatchObject({
          status: 400,
          code: 'invalid',
        })
    })
  })

  it('of any kind gets an answer that says what is wrong, never an inner error', async () => {
    await withApi(async (api, world) => {
      await fillAgency(world)
      const paths = ['/kpis', '/volume/recap', '/revenue', '/mailboxes', '/providers/rates', '/providers/history', '/campaigns', '/leads', '/leads/board', '/replies', '/metrics', '/drift', '/alerts', '/workspaces'] // prettier-ignore
      const names = ['month', 'day', 'workspace', 'search', 'limit', 'cursor', 'sort', 'order', 'stage', 'from', 'to', 'min_sent', 'lead', 'provider', 'status', 'interested'] // prettier-ignore
      const value = fc.oneof(
        fc.string(),
        fc.string({ unit: 'binary' }),
        fc.constantFrom(
          '2026-03',
          '2026-03-05',
          '-1',
          '500',
          'true',
          'Acme',
          '99999999999',
          '%',
          "'",
          '\\',
          '\0',
          'null',
        ),
      )
      const query = fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 4 })
      await fc.assert(
        fc.asyncProperty(fc.constantFrom(...paths), query, async (path, given) => {
          const response = await api.raw('GET', `${path}?${new URLSearchParams(given).toString()}`)
          const body = (await response.json()) as {
            error?: { code: string; message: string }
            as_of?: string
          }
          expect([200, 400, 404]).toContain(response.status)
          if (response.status === 200) expect(body.as_of).toMatch(/^\d{4}-/)
          else expect(body.error?.message).toMatch(/\w/)
        }),
        { numRuns: 300 },
      )
    })
  }, 120_000)
})

describe('the routes', () => {
  it('are behind the key, the document too', async () => {
    const key = 'a key of sixteen characters'
    await withWorld(({ db }) =>
      withApiOn(
        db,
        async (api) => {
          const status = async (path: string, given?: string): Promise<number> => {
            const headers: Record<string, string> =
              given === undefined ? {} : { authorization: `Bearer ${given}` }
            return (await api.raw('GET', path, undefined, headers)).status
          }
          for (const path of ['/kpis', '/leads', '/api/openapi.json']) {
            expect(await status(path), path).toBe(401)
            expect(await status(path, 'another key, as long as it is'), path).toBe(401)
            expect(await status(path, key), path).toBe(200)
          }
        },
        { apiKey: key },
      ),
    )
  })

  it('answer 503 and when to ask again while the database is away, but for what they have, which they mark', async () => {
    await withWorld(async (world) => {
      await fillAgency(world)
      const logged: object[] = []
      const log: Log = { ...silentLog, warn: (fields) => logged.push(fields) }
      await withApiOn(
        world.db,
        async (api) => {
          const kpis = (): Promise<Kpis> => api.get('/kpis')
          const { totals } = await kpis()
          await withoutDatabase(world.db.url, async () => {
            const unavailable = { status: 503, code: 'unavailable', retryAfter: '5' }
            expect(await api.fail('GET', '/leads')).toMatchObject(unavailable)
            expect(await api.fail('GET', '/revenue'), 'never read before').toMatchObject(unavailable)
            expect(await api.fail('POST', `${LEAD}/note`, { notes: 'n' })).toMatchObject(unavailable)
            const seen = await until('a stale answer', kpis, ({ stale }) => stale)
            expect(seen.totals).toEqual(totals)
            expect(seen.age_ms).toBeGreaterThan(0)
          })
          expect(logged.length).toBeGreaterThan(0)
          await until('a fresh answer', kpis, ({ stale }) => !stale)
        },
        { log },
      )
    })
  })
})

interface Kpis {
  stale: boolean
  age_ms: number
  totals: object
}

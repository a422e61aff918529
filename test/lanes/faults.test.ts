import { describe, expect, it } from 'vitest'
import { withProxy } from '../monday/proxy.ts'
import { expectEqual, sync, withCube } from './cube.ts'

describe('a full sync of a vendor that fails', () => {
  it.each([
    [
      '500, 502, internal errors, half bodies',
      { http500: 0.08, html502: 0.05, internalError: 0.05, halfBody: 0.05 },
    ],
    ['calls that hang', { timeout: 0.08 }],
  ])('%s: it ends equal all the same', async (_what, faults) => {
    await withCube(async (sim, db, open) => {
      const pipeline = await open({ timeoutMs: 300 })
      Object.assign(sim.faults, faults)
      for (let round = 0; round < 10; round++) {
        const { runs, failures } = await sync(db, pipeline)
        if (failures.length === 0 && runs.every(({ status }) => status === 'completed')) break
      }
      Object.assign(sim.faults, Object.fromEntries(Object.keys(faults).map((knob) => [knob, 0])))
      await db.query(`update lockstep.refetch set next_attempt_at = '-infinity'`)
      expect((await sync(db, pipeline)).failures).toEqual([])
      await expectEqual(db, sim)
    })
  })

  it('limits of every kind: each wait is kept, and one pass completes', async () => {
    await withCube(async (sim, db, open) => {
      await withProxy(sim.url, async (proxy) => {
        const codes = [
          'COMPLEXITY_BUDGET_EXHAUSTED',
          'RATE_LIMIT_EXCEEDED',
          'maxConcurrencyExceeded',
          'FIELD_LIMIT_EXCEEDED',
        ]
        let calls = 0
        let refusedAt = 0
        const waits: number[] = []
        proxy.rewrite = (_operation, body) => {
          if (refusedAt > 0) waits.push(Date.now() - refusedAt)
          refusedAt = 0
          if (++calls % 4 !== 0) return body
          refusedAt = Date.now()
          return {
            errors: [{ message: 'slow down', extensions: { code: codes[calls % 3], retry_in_seconds: 0.2 } }],
          }
        }
        const { runs, failures } = await sync(db, await open({ endpoint: proxy.url }))
        expect(failures).toEqual([])
        expect(runs.map(({ status }) => status)).toEqual(runs.map(() => 'completed'))
        expect(waits.length).toBeGreaterThan(3)
        // Each call is answered before the next is sent, but for the page that is read ahead.
        expect(Math.min(...waits)).toBeGreaterThanOrEqual(190)
        await expectEqual(db, sim)
      })
    })
  })

  it('one bad moment does not make every later page small', async () => {
    await withCube(async (sim, db, open) => {
      await withProxy(sim.url, async (proxy) => {
        let failing = 6
        const answer = {
          data: null,
          errors: [{ message: 'x', extensions: { code: 'INTERNAL_SERVER_ERROR' } }],
        }
        proxy.rewrite = (operation, body) => (operation === 'FirstPage' && failing-- > 0 ? answer : body)
        const pipeline = await open({ pageSize: 200, endpoint: proxy.url })
        expect((await sync(db, pipeline)).failures).toEqual([])
        expect(sim.requests.byOperation['NextPage'] ?? 0).toBeGreaterThan(0)
        sim.requests.reset()
        expect((await sync(db, pipeline)).failures).toEqual([])
        expect(sim.requests.byOperation['NextPage'] ?? 0).toBe(0)
        await expectEqual(db, sim)
      })
    })
  })

  it('a wrong token: refused at once, with the remedy, and nothing is written', async () => {
    await withCube(async (_sim, db, open) => {
      const pipeline = await open({ token: 'revoked' })
      await expect(sync(db, pipeline)).rejects.toThrow(/MONDAY_TOKEN/)
    })
  })
})

import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, inject, it } from 'vitest'
import { ConfigError } from '../../src/engine/errors.ts'
import { refuseOpenDoors } from '../../src/cli/context.ts'
import { readSettings } from '../../src/config/environment.ts'
import type { Pipeline } from '../../src/lanes/pipeline.ts'
import { withSim } from '../../sim/monday/with-sim.ts'
import { withDatabase } from '../support/database.ts'
import { withoutDatabase } from '../support/outage.ts'
import { datacubeOn, openPipeline, until, withNode } from '../support/node.ts'
import { post } from './request.ts'

const PROJECTS = 1_825_117_125
const eventBody = (item: number): string =>
  JSON.stringify({
    event: { type: 'create_pulse', boardId: PROJECTS, pulseId: item, triggerUuid: randomUUID() },
  })

it('database down: 503 with Retry-After at once; back: it goes on by itself, and all that was acknowledged is there', async () => {
  await withSim({ projects: 5 }, async (sim) => {
    await withDatabase(async (db) => {
      await withNode(
        db,
        datacubeOn(sim),
        async ({ hook, server }) => {
          const taken: string[] = []
          const send = async (item: number): Promise<number> => {
            const body = eventBody(item)
            const { status } = await post(hook, body)
            if (status === 200) taken.push(body)
            return status
          }
          // Under way while the connections are cut: each is either kept and acknowledged, or answered 503.
          const sender = { on: true }
          const stream = (async () => {
            const statuses = new Set<number>()
            for (let i = 1; sender.on; i++) statuses.add(await send(i))
            return statuses
          })()
          await until(
            'first deliveries',
            () => Promise.resolve(taken.length),
            (n) => n > 20,
          )
          await withoutDatabase(db.url, async () => {
            const started = Date.now()
            const answer = await post(hook, eventBody(9_999))
            // A pooler holds the queries of a server that is away: there our own deadline ends the wait.
            const pooled = inject('adminUrl') !== inject('postgresUrl')
            expect(Date.now() - started).toBeLessThan(pooled ? 6_000 : 2_000)
            expect(answer).toMatchObject({
              status: 503,
              body: { error: { code: 'unavailable', message: expect.stringMatching(/again/) } },
            })
            expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
            expect((await fetch(`${server.url}/healthz`)).status).toBe(200)
            expect((await fetch(`${server.url}/readyz`)).status).toBe(503)
          })
          await until(
            'a delivery that is taken again',
            () => send(8_888),
            (status) => status === 200,
            5_000,
          )
          sender.on = false
          expect((await stream).difference(new Set([200, 503]))).toEqual(new Set())
          const { rows } = await db.query<{ body: Buffer }>('select body from lockstep.inbox')
          const kept = new Set(rows.map((row) => row.body.toString()))
          expect(taken.filter((body) => !kept.has(body))).toEqual([])
          expect((await fetch(`${server.url}/readyz`)).status).toBe(200)
        },
        { role: 'ingest', register: false },
      )
    })
  })
})

it('database down while events are processed: none is blamed, and all are settled once it is back', async () => {
  await withSim({ projects: 5 }, async (sim) => {
    await withDatabase(async (db) => {
      await withNode(db, datacubeOn(sim), async ({ hook }) => {
        const [item] = sim.world.boards.get(String(PROJECTS))?.items.keys() ?? []
        for (let i = 0; i < 20; i++) expect((await post(hook, eventBody(item ?? 1))).status).toBe(200)
        await withoutDatabase(db.url, () => sleep(500))
        const left = `select count(*)::int as n from lockstep.inbox where status <> 'processed'`
        const seen = async (): Promise<number> =>
          (await db.query<{ n: number }>(left).catch(() => undefined))?.rows[0]?.n ?? -1
        await until('settled events', seen, (n) => n === 0, 20_000)
        const { rows } = await db.query(`select max(attempts) as tries from lockstep.inbox`)
        expect(rows).toEqual([{ tries: 1 }])
      })
    })
  })
})

it('refuses to serve on a public address where nothing proves who calls', async () => {
  await withSim({ projects: 1 }, async (sim) => {
    await withDatabase(async (db) => {
      const open = await openPipeline(db, datacubeOn(sim, { pathSecret: undefined }))
      const guarded = await openPipeline(db, datacubeOn(sim))
      const check = (env: Record<string, string>, pipeline: Pipeline) => (): void =>
        refuseOpenDoors(readSettings(env), [pipeline])
      for (const env of [
        { HOST: '0.0.0.0' },
        { HOST: '192.168.1.5' },
        { LOCKSTEP_PUBLIC_URL: 'https://a.example' },
      ]) {
        expect(check(env, open)).toThrow(ConfigError)
        expect(check(env, open)).toThrow(/datacube.*MONDAY_SIGNING_SECRET.*MONDAY_WEBHOOK_SECRET/)
        expect(check(env, guarded)).not.toThrow()
      }
      for (const env of [
        {},
        { HOST: '127.0.0.1' },
        { HOST: '::1' },
        { LOCKSTEP_PUBLIC_URL: 'http://localhost:4100' },
      ]) {
        expect(check(env, open)).not.toThrow()
      }
    })
  })
})

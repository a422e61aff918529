import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Agent, request } from 'node:http'
import { connect } from 'node:net'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Database } from '../../src/db/database.ts'
import { everyColumnWorld } from '../../sim/monday/index.ts'
import { withSim } from '../../sim/monday/with-sim.ts'
import { withDatabase } from '../support/database.ts'
import { type RunningNode, until, untilWhole, withNode } from '../support/node.ts'
import { FIRST_TASK, rowOf, TASKS, withTasksApp } from '../monday/tasks-app.ts'
import { asNew, pathsOf, replaceAt, wrongValues } from './wrong-values.ts'

/** The door with the workers behind it: whatever comes in, it is answered, and it stops nothing else. */

const file = join(import.meta.dirname, '../fixtures/monday/events.json')
const payloads = Object.entries(JSON.parse(readFileSync(file, 'utf8')) as Record<string, { event: object }>)

/** Failures that nobody handled, of the server in this process. */
const unhandled: unknown[] = []
const onUnhandled = (reason: unknown): number => unhandled.push(reason)
beforeAll(() => process.on('unhandledRejection', onUnhandled))
afterAll(() => {
  process.off('unhandledRejection', onUnhandled)
  expect(unhandled).toEqual([])
})

const withFuzzed = (test: (node: RunningNode, db: Database) => Promise<void>): Promise<void> =>
  withSim({ world: everyColumnWorld(1, { tasks: 24 }) }, (sim) =>
    withDatabase((db) =>
      withTasksApp(db, sim, (app) =>
        withNode(
          db,
          app,
          async (node) => {
            await untilWhole(db, node.pipeline)
            await test(node, db)
          },
          { register: false },
        ),
      ),
    ),
  )

const SENDERS = 48

/** Posts bodies, many at a time; the statuses in the order of the bodies. */
async function postAll(hook: string, bodies: readonly (string | Uint8Array)[]): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: SENDERS })
  const statuses: number[] = []
  const queue = bodies.entries()
  const sender = async (): Promise<void> => {
    for (const [i, body] of queue) statuses[i] = await postOnce(hook, body, agent)
  }
  await Promise.all(Array.from({ length: SENDERS }, sender))
  agent.destroy()
  return statuses
}

const postOnce = (url: string, body: string | Uint8Array, agent: Agent): Promise<number> =>
  new Promise((resolve, reject) => {
    const headers = { 'content-length': Buffer.byteLength(body) }
    const sending = request(url, { method: 'POST', headers, agent }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode ?? 0))
    })
    sending.on('error', reject)
    sending.end(body)
  })

/** Waits until nothing is pending; what failed is tried again at once instead of after its delay. */
async function untilSettled(db: Database, { server, pipeline }: RunningNode): Promise<void> {
  await until(
    'every event settled or dead',
    async () => {
      await db.query(`update lockstep.inbox_queue set next_attempt_at = '-infinity'
        where next_attempt_at > clock_timestamp()`)
      server.workers?.wake(new Set([pipeline.app]))
      const { rows } = await db.query<{ n: number }>(
        `select count(*)::int as n from lockstep.inbox where status = 'pending'`,
      )
      return rows[0]?.n
    },
    (n) => n === 0,
  )
}

const change = (item: number, value: string): string =>
  JSON.stringify(
    asNew({
      event: {
        type: 'update_column_value',
        triggerTime: new Date().toISOString(),
        boardId: Number(TASKS),
        pulseId: item,
        columnId: 'text',
        columnType: 'text',
        value: { value },
        changedAt: Date.now() / 1000,
      },
    }),
  )

/** Sends what is given among events that are right, and checks that those took effect. */
async function expectHarmless(
  db: Database,
  node: RunningNode,
  bodies: readonly (string | Uint8Array)[],
  label: string,
): Promise<number[]> {
  const good = [12, 13, 14, 15].map((i) => change(FIRST_TASK + i, `${label} ${i}`))
  const step = Math.ceil(bodies.length / good.length)
  const mixed = good.flatMap((body, i) => [...bodies.slice(i * step, (i + 1) * step), body])
  const statuses = await postAll(node.hook, mixed)
  await untilSettled(db, node)
  for (const i of [12, 13, 14, 15]) {
    expect(await rowOf(db, 'tasks', FIRST_TASK + i)).toMatchObject({ c_text: `${label} ${i}` })
  }
  expect((await fetch(`${node.server.url}/readyz`)).status).toBe(200)
  return mixed.flatMap((body, i) => (good.includes(body as string) ? [] : [statuses[i] ?? 0]))
}

it('every field of every known payload, of a wrong type: kept and settled', async () => {
  await withFuzzed(async (node, db) => {
    const cases = payloads.flatMap(([name, payload]) =>
      pathsOf(payload).flatMap((path) =>
        Object.entries(wrongValues).map(([wrong, by]) => ({
          what: `${name}: ${path.join('.')} is ${wrong}`,
          body: JSON.stringify(replaceAt(asNew(payload), path, by)),
        })),
      ),
    )
    const statuses = await expectHarmless(
      db,
      node,
      cases.map(({ body }) => body),
      'right',
    )
    const refused = cases.filter((_, i) => statuses[i] !== 200)
    expect(refused.map(({ what }) => what)).toEqual([])
    // Nothing of this may be poison: what cannot be read from an event is read at the vendor.
    const { rows } = await db.query(`select error, body from lockstep.inbox where status = 'dead'`)
    expect(rows.map(({ error, body }) => `${String(error)}: ${String(body)}`.slice(0, 500))).toEqual([])
  })
})

it('events of any shape, JSON of any shape, and any bytes', async () => {
  await withFuzzed(async (node, db) => {
    const fields = [...new Set(payloads.flatMap(([, { event }]) => Object.keys(event)))]
    const types = payloads.map(([, { event }]) => (event as { type: string }).type)
    const json = fc.json({ maxDepth: 4 })
    const anything = fc.jsonValue({ maxDepth: 3 })
    const event = fc
      .record({
        type: fc.oneof(fc.constantFrom(...types), anything),
        rest: fc.dictionary(fc.constantFrom(...fields), anything),
      })
      .map(({ type, rest }) =>
        JSON.stringify({ event: { boardId: Number(TASKS), pulseId: FIRST_TASK, ...rest, type } }),
      )
    const cut = fc
      .tuple(fc.constantFrom(...payloads.map(([, payload]) => JSON.stringify(payload))), fc.nat(2_000))
      .map(([text, at]) => text.slice(0, at))
    const bytes = fc.uint8Array({ maxLength: 300 })
    // Inside a string, where a decoder may let them pass.
    const broken = fc
      .uint8Array({ maxLength: 20 })
      .map((inner) => Buffer.concat([Buffer.from('{"event":{"type":"'), inner, Buffer.from('"}}')]))
    const body = fc.oneof(event, event, json, cut, bytes, broken)
    let round = 0
    await fc.assert(
      fc.asyncProperty(fc.array(body, { minLength: 50, maxLength: 100, size: 'max' }), async (bodies) => {
        const statuses = await expectHarmless(db, node, bodies, `round ${++round}`)
        expect(statuses.filter((status) => status !== 200 && status !== 400)).toEqual([])
      }),
      { numRuns: 15, endOnFailure: true },
    )
  })
})

it('connections that break off, lie about their length, or speak no HTTP', async () => {
  await withFuzzed(async (node, db) => {
    const { hostname, port, pathname } = new URL(node.hook)
    const head = `POST ${pathname} HTTP/1.1\r\nhost: ${hostname}\r\n`
    const broken = [
      `${head}content-length: 500\r\n\r\n{"event":`,
      `${head}content-length: -1\r\n\r\n{}`,
      `${head}content-length: 5\r\ncontent-length: 7\r\n\r\n{}`,
      `${head}content-length: 99999999999999999999\r\n\r\n{}`,
      `${head}transfer-encoding: chunked\r\n\r\nZZ\r\n{}\r\n`,
      `${head}transfer-encoding: chunked\r\n\r\n5\r\n{"eve`,
      `${head}content-encoding: gzip\r\ncontent-length: 2\r\n\r\n{}`,
      `${head}x: ${'y'.repeat(100_000)}\r\n\r\n`,
      'POST /webhooks/datacube/%00%ff%zz HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}',
      'POST //webhooks//__proto__//constructor HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}',
      'NONSENSE\r\n\r\n',
      Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc]),
    ]
    const answers = await Promise.all(broken.map((bytes) => sendRaw(hostname, Number(port), bytes)))
    expect(answers.filter((answer) => answer.startsWith('HTTP/1.1 5'))).toEqual([])
    expect(await expectHarmless(db, node, ['{}'], 'after')).toEqual([200])
  })
})

/** Sends bytes, hangs up a moment after, and gives what was answered until then. */
const sendRaw = (host: string, port: number, bytes: string | Uint8Array): Promise<string> =>
  new Promise((resolve) => {
    let answer = ''
    const socket = connect(port, host, () => socket.write(bytes))
    socket.setTimeout(300, () => socket.destroy())
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()))
    socket.on('error', () => {})
    socket.on('close', () => resolve(answer))
  })
